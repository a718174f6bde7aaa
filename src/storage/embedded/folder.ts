/** The folder of the embedded store, before lmdb sees it. */
import { closeSync, fsyncSync, mkdirSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** The folder cannot be used as a store. The message is for the operator. */
export class StoreFileError extends Error {
  override readonly name = 'StoreFileError';
}

/** An LMDB file begins with two pages, each of which tells its format. */
const HEAD_BYTES = 8192;
const FORMAT_AT = 24;
const LMDB_FORMAT = Buffer.from([0xde, 0xc0, 0xef, 0xbe, 2, 0]);

/** A folder, and those whose entries are new: it and, when it was made, the ones above it. */
export interface StoreFolder {
  readonly path: string;
  readonly changed: readonly string[];
}

/** Makes the folder when it is missing, for its owner alone. */
export function makeFolder(folder: string): StoreFolder {
  const path = resolve(folder);
  const firstMade = mkdirSync(path, { recursive: true, mode: 0o700 });
  const changed = [path];
  if (firstMade === undefined) return { path, changed };
  for (let made = path; made.length >= firstMade.length; made = dirname(made)) {
    changed.push(dirname(made));
  }
  return { path, changed };
}

/** To be called when the file is made: it survives a power loss only if the folders that lead to it do. */
export function syncFolders({ changed }: StoreFolder): void {
  for (const folder of changed) sync(folder);
}

function sync(folder: string): void {
  const descriptor = openSync(folder, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Refuses a file that lmdb did not write: lmdb would crash the process over it. @throws StoreFileError */
export function checkFormat(file: string): void {
  const head = readHead(file);
  if (head.length === 0) return;
  const format = head.subarray(FORMAT_AT, FORMAT_AT + LMDB_FORMAT.length);
  if (head.length < HEAD_BYTES || !format.equals(LMDB_FORMAT)) {
    throw new StoreFileError(`${file} is not the file of a store`);
  }
}

/** Nothing when there is no file, or an empty one that nobody got to fill. */
function readHead(file: string): Buffer {
  const descriptor = openIfThere(file);
  if (descriptor === undefined) return Buffer.alloc(0);
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(descriptor, head));
  } finally {
    closeSync(descriptor);
  }
}

function openIfThere(file: string): number | undefined {
  try {
    return openSync(file, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
