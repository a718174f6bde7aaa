/** What every call of the file system needs here: which failures are none, and the others in the words of the queue. */
import { open as openFile } from 'node:fs/promises';
import { QueueUnavailableError } from '../queue.ts';

/** Of each file of a spool: its owner's alone. */
export const FILE_MODE = 0o600;

/** What was made in or moved into the folder before survives a loss of power. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await openFile(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** That it is there already is as good. */
export async function ifNew(creation: Promise<void>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

/** Resolves to whether there was anything to change. */
export async function ifThere(change: Promise<void>): Promise<boolean> {
  try {
    await change;
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** The errors of the file system, in the words of the queue. */
export async function unlessUnavailable<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    throw new QueueUnavailableError(reasonOf(cause, path), { cause });
  }
}

function reasonOf(error: unknown, path: string): string {
  switch (codeOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return `the kick queue cannot write: the disk of ${path} is full`;
    case 'EROFS':
      return `the kick queue cannot write: the disk of ${path} is read-only`;
    case 'EACCES':
    case 'EPERM':
      return `the kick queue cannot write: this user may not change ${path}`;
    case 'ENOENT':
      return `the kick queue cannot write: ${path} is gone`;
    default:
      return `the kick queue fails: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** ENOENT and the like; undefined for any other error. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
