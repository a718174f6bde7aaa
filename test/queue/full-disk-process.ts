/**
 * A spool on a disk that is full, and then read-only: see full-disk.test.ts. Runs where it may mount; its argument is the disk's mount
 * point. Prints what it saw as JSON.
 */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.ts';
import type { DeviceId } from '../../src/protocol/ids.ts';
import { openSpool } from '../../src/queue/spool.ts';
import { leaseNext, leaseNow, newKick, outcomeOf } from './kick-fixtures.ts';
import { SPOOL_DEFAULTS } from './spool-defaults.ts';

const ENOUGH = 10_000;
const [, , disk = ''] = process.argv;
const path = join(disk, 'spool');
const ballast = openSync(join(disk, 'ballast'), 'w');
const spool = await openSpool({ ...SPOOL_DEFAULTS, path, clock: systemClock });
const accepted: DeviceId[] = [];
let refusal: unknown;
while (accepted.length < ENOUGH) {
  const kicks = Array.from({ length: 10 }, () => newKick());
  const outcomes = await Promise.all(kicks.map((kick) => outcomeOf(spool.enqueue(kick))));
  accepted.push(
    ...kicks.filter((_, at) => outcomes[at] === 'queued').map(({ deviceId }) => deviceId),
  );
  refusal = outcomes.find((outcome) => outcome instanceof Error);
  if (refusal !== undefined) break;
}
const check = await outcomeOf(spool.check());
// A reason needs a block of the disk, which nothing is left of.
fillBlocks();
const first = await leaseNext(spool);
const burial = await outcomeOf(spool.bury(first, 'no room for this'));
await spool.done(first);
const afterwards = await outcomeOf(spool.enqueue(newKick()));
const rest = await leaseNow(spool, ENOUGH);
closeSync(ballast);
execFileSync('mount', ['-o', 'remount,ro', disk]);
const [one] = rest;
const readOnly = [
  await outcomeOf(spool.enqueue(newKick())),
  one === undefined ? undefined : await outcomeOf(spool.done(one)),
  await outcomeOf(spool.check()),
];
const found = [first, ...rest].map(({ deviceId }) => deviceId);
process.stdout.write(
  JSON.stringify({
    accepted: accepted.length,
    lost: accepted.filter((deviceId) => !found.includes(deviceId)).length,
    refusal: String(refusal),
    check: String(check),
    burial: String(burial),
    afterwards,
    readOnly: readOnly.map(String),
  }),
);
await spool.close();

function fillBlocks(): void {
  const block = Buffer.alloc(4096);
  try {
    for (;;) writeSync(ballast, block);
  } catch {
    // It is full.
  }
}
