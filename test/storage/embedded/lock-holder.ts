/** A process that takes the lock of a store's file and keeps it until it is killed. Its argument is the file. */
import { writeSync } from 'node:fs';
import { open } from 'lmdb';

const STDOUT = 1;

const [, , path = ''] = process.argv;
const db = open({ path, maxDbs: 1, overlappingSync: false });
db.transactionSync(() => {
  writeSync(STDOUT, 'held\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
