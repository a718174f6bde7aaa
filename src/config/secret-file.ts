/** Files that hold a secret for their owner alone, and are made when there are none. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { failureText } from './problem.ts';

/** A secret's file as it was read. */
export type ReadSecretFile =
  | { readonly ok: true; readonly text: string }
  /** There is no file yet. */
  | { readonly ok: true; readonly text: undefined }
  /** In the words of a ConfigProblem, which only lacks its key. */
  | { readonly ok: false; readonly expected: string; readonly found: string };

/** Longest file; every secret here is far shorter. */
export const SECRET_FILE_BYTES_MAX = 4096;
const GROUP_AND_OTHERS = 0o077;

/** Reads the file; makes nothing. Refuses one that others may read. */
export async function readSecretFile(path: string): Promise<ReadSecretFile> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (error) {
    const found = failureText(error);
    if (found === 'ENOENT') return { ok: true, text: undefined };
    return { ok: false, expected: `a readable file at ${path}`, found };
  }
  try {
    return await readOpened(file, path);
  } catch (error) {
    return { ok: false, expected: `a readable file at ${path}`, found: failureText(error) };
  } finally {
    await file.close();
  }
}

/**
 * As readSecretFile, and makes the file with what `make` gives, and its folder, when there is none. May run in several processes at
 * once: all of them end with the same secret. A file that is there is never written to, whatever it holds.
 */
export async function loadSecretFile(
  path: string,
  make: () => Promise<string>,
): Promise<Exclude<ReadSecretFile, { readonly text: undefined }>> {
  const read = await readSecretFile(path);
  if (!read.ok) return read;
  if (read.text !== undefined) return { ok: true, text: read.text };
  try {
    await makeFile(path, await make());
  } catch (error) {
    const found = failureText(error);
    return { ok: false, expected: `a place where ${path} can be made`, found };
  }
  const made = await readSecretFile(path);
  if (!made.ok) return made;
  if (made.text !== undefined) return { ok: true, text: made.text };
  return { ok: false, expected: `a file at ${path}`, found: 'a link that leads nowhere' };
}

async function readOpened(file: FileHandle, path: string): Promise<ReadSecretFile> {
  const stats = await file.stat();
  if (!stats.isFile()) {
    return { ok: false, expected: `a file at ${path}`, found: 'something else' };
  }
  if ((stats.mode & GROUP_AND_OTHERS) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    const expected = `a file for its owner alone: chmod 600 ${path}`;
    return { ok: false, expected, found: `mode ${mode}` };
  }
  if (stats.size > SECRET_FILE_BYTES_MAX) {
    const expected = `at most ${SECRET_FILE_BYTES_MAX} bytes in ${path}`;
    return { ok: false, expected, found: `${stats.size}` };
  }
  return { ok: true, text: await file.readFile('utf8') };
}

async function makeFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const topmostMade = await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporaryPath = `${path}.${randomBytes(8).toString('hex')}`;
  await writeSynced(temporaryPath, text);
  try {
    // Unlike a rename, a link never replaces: the first process wins, and its file is complete when it appears.
    await link(temporaryPath, path);
  } catch (error) {
    if (failureText(error) !== 'EEXIST') throw error;
  } finally {
    await unlink(temporaryPath);
  }
  // A folder that was made is an entry of its parent, which must reach the disk as well.
  const topmostChanged = topmostMade === undefined ? folder : dirname(topmostMade);
  let changed = folder;
  await syncFolder(changed);
  while (changed !== topmostChanged) {
    changed = dirname(changed);
    await syncFolder(changed);
  }
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
