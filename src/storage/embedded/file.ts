/** The only file that speaks to lmdb: records in one file of a folder, each with a stamp that tells one writing of it from the next. */
import { join } from 'node:path';
import { getLastVersion, open, type RootDatabase } from 'lmdb';
import { assert } from '../../assert.ts';
import { checkFormat, makeFolder, StoreFileError, syncFolders } from './folder.ts';

declare module 'lmdb' {
  // Of the form with options, lmdb's own types know putSync alone.
  interface Database<V, K> {
    put(id: K, value: V, options: { version: number; noOverwrite: true }): Promise<boolean>;
  }
}

export interface RecordFileOptions {
  /** The folder; made when missing, for its owner alone. */
  readonly path: string;
  /** Address space for the file. */
  readonly mapBytesMax: number;
}

/** Which writing of a record was read; undefined when there was no record. */
export type Stamp = number | undefined;

/** A record that is written anew: the stamp it was read with, and the one it gets. */
export interface StampChange {
  readonly read: Stamp;
  readonly next: number;
}

/** A record as it was read. */
export interface FileRecord {
  readonly key: Uint8Array;
  readonly value: Buffer;
  readonly stamp: number;
}

export interface KeyRange {
  readonly start: Uint8Array;
  /** Not part of it. */
  readonly end: Uint8Array;
  /** All of them when absent. */
  readonly recordsMax?: number;
}

const FILE_NAME = 'records.mdb';

/**
 * Part of `mapBytesMax` that records may fill. LMDB never writes over what is in use: it puts changed pages elsewhere and frees the old
 * ones a transaction later, which takes room that must not be given away.
 */
const FILL_MAX = 0.8;

/** Opens the file, which other processes may have open too. @throws StoreFileError */
export function openRecordFile({ path, mapBytesMax }: RecordFileOptions): RecordFile {
  try {
    const folder = makeFolder(path);
    const file = join(folder.path, FILE_NAME);
    checkFormat(file);
    const db = openDatabase(file, mapBytesMax);
    syncFolders(folder);
    return new RecordFile(db, mapBytesMax * FILL_MAX);
  } catch (cause) {
    if (cause instanceof StoreFileError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StoreFileError(`cannot open the store in ${path}: ${reason}`, { cause });
  }
}

function openDatabase(path: string, mapSize: number): RootDatabase<Uint8Array, Uint8Array> {
  const options = {
    path,
    // One database, our own bytes: no second tree to rewrite at each commit, no encoder, no cache that other processes outdate.
    maxDbs: 1,
    keyEncoding: 'binary',
    encoding: 'binary',
    cache: false,
    // The stamp of each record: what makes its rewriting conditional.
    useVersions: true,
    // Off, a commit is over when the pages and then the root that names them are on the disk (fdatasync, then an O_DSYNC write),
    // and that is when its promises resolve. On, they resolve before.
    overlappingSync: false,
    // A transaction starts at the end of the event loop's turn and never earlier, so that all writes of a turn share it, and
    // never waits for more to come: a process that exits meanwhile would wait for itself for ever, holding the lock.
    eventTurnBatching: false,
    txnStartThreshold: Number.MAX_SAFE_INTEGER,
    // All of it at once: lmdb otherwise maps the growing file again and again and lets the old maps stand.
    mapSize,
    // Reading ahead brings pages of other devices.
    noReadAhead: true,
    permissionsMode: 0o600,
  } as const;
  return open<Uint8Array, Uint8Array>(options);
}

/**
 * Reads are immediate, from a snapshot. Writes are put into the transaction that starts at the end of this turn of the event loop, in
 * their order; each is made only if the record still carries the stamp it was read with, and resolves to whether it was made,
 * when the transaction is on the disk. At most one transaction may be under way: the caller waits for all writes of the last.
 *
 * Writes reject when the transaction fails; `failureOf` finds the reason.
 */
export class RecordFile {
  readonly #db: RootDatabase<Uint8Array, Uint8Array>;
  readonly #filledBytesMax: number;

  constructor(db: RootDatabase<Uint8Array, Uint8Array>, filledBytesMax: number) {
    this.#db = db;
    this.#filledBytesMax = filledBytesMax;
  }

  /** Later reads see every transaction that any process has finished by now. */
  refresh(): void {
    this.#db.resetReadTxn();
  }

  /** The value, in memory that the next read overwrites. */
  get(key: Uint8Array): Buffer | undefined {
    return this.#db.getBinaryFast(key);
  }

  /** The stamp of the record that `get` found last. */
  lastStamp(): number {
    return getLastVersion();
  }

  /** The records from `start` on, in the order of their keys. */
  *range({ start, end, recordsMax = Number.POSITIVE_INFINITY }: KeyRange): Iterable<FileRecord> {
    const range = this.#db.getRange({ start, end, limit: recordsMax, versions: true });
    for (const { key, value, version } of range) {
      assert(version !== undefined, 'every record has a stamp');
      yield {
        key,
        value: Buffer.from(value.buffer, value.byteOffset, value.length),
        stamp: version,
      };
    }
  }

  /** Writes a record that was read as `read`. `value` must not change until the promise is settled. */
  put(key: Uint8Array, value: Uint8Array, { read, next }: StampChange): Promise<boolean> {
    return read === undefined
      ? this.#db.put(key, value, { version: next, noOverwrite: true })
      : this.#db.put(key, value, next, read);
  }

  /** Removes a record that was read as `read`. */
  remove(key: Uint8Array, read: number): Promise<boolean> {
    return this.#db.remove(key, read);
  }

  /** Makes all of the writes that `write` asks for, by `putGuarded` and `removeGuarded`, if the record of `key` is as it was read. */
  guard(key: Uint8Array, read: Stamp, write: () => void): Promise<boolean> {
    return read === undefined
      ? this.#db.ifNoExists(key, write)
      : this.#db.ifVersion(key, read, write);
  }

  putGuarded(key: Uint8Array, value: Uint8Array): void {
    void this.#db.put(key, value, newStamp());
  }

  removeGuarded(key: Uint8Array): void {
    void this.#db.remove(key);
  }

  isEmpty(): boolean {
    return count(this.#db.getStats(), 'entryCount') === 0;
  }

  /** Whether new records must be refused. Costs some microseconds. */
  isFull(): boolean {
    return filledBytes(this.#db.getStats()) >= this.#filledBytesMax;
  }

  close(): Promise<void> {
    return this.#db.close();
  }
}

/**
 * A stamp that no writing had before: 52 random bits, so that processes need not agree. A record that was removed and made again
 * would else pass for the one it was.
 */
export function newStamp(): number {
  return Math.random();
}

/** The pages of the records; LMDB's list of free pages is small beside them. */
function filledBytes(stats: object): number {
  const pages =
    count(stats, 'treeBranchPageCount') +
    count(stats, 'treeLeafPageCount') +
    count(stats, 'overflowPages');
  return pages * count(stats, 'pageSize');
}

function count(stats: object, name: string): number {
  const value: unknown = Reflect.get(stats, name);
  assert(typeof value === 'number', `lmdb counts ${name}`);
  return value;
}

/** Why a write rejected. lmdb tells it in a second promise, which nobody else would handle. */
export async function failureOf(rejection: unknown): Promise<Error> {
  const error = rejection instanceof Error ? rejection : new Error(String(rejection));
  if (!('commitError' in error)) return error;
  try {
    await error.commitError;
  } catch (reason) {
    if (reason instanceof Error) return reason;
  }
  return error;
}
