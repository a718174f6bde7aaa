/** The token keys: from the config, else from their file, which the first start makes. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TOKEN_KEY_BYTES } from '../protocol/token.ts';
import { FORMATS } from './formats.ts';
import { type ConfigProblem, failureText } from './problem.ts';
import type { Config } from './schema.ts';
import { TOKENS } from './sections/tokens.ts';

/** The first encrypts, all decrypt; each of TOKEN_KEY_BYTES. */
export type TokenKeyList = readonly [Uint8Array, ...Uint8Array[]];

export type LoadedTokenKeys =
  | { readonly ok: true; readonly source: 'config' | 'file'; readonly keys: TokenKeyList }
  | { readonly ok: false; readonly problem: ConfigProblem };

export type ReadTokenKeys =
  | LoadedTokenKeys
  /** There is no file yet. */
  | { readonly ok: true; readonly source: 'none' };

/** A line of a key file has 43 characters; blank lines and line ends of Windows are forgiven. */
const KEY_FILE_BYTES_MAX = 4096;
const KEYS_MAX = TOKENS.properties.keys.maxItems;
const GROUP_AND_OTHERS = 0o077;

/** A fresh key, as the config and key files hold it. */
export function newTokenKey(): string {
  return randomBytes(TOKEN_KEY_BYTES).toString('base64url');
}

/** Reads the keys; makes nothing. */
export async function readTokenKeys({ keys, keyPath }: Config['tokens']): Promise<ReadTokenKeys> {
  const list = keyListOf(keys);
  if (list) return { ok: true, source: 'config', keys: list };
  let file: FileHandle;
  try {
    file = await open(keyPath);
  } catch (error) {
    const found = failureText(error);
    if (found === 'ENOENT') return { ok: true, source: 'none' };
    return refused(`a readable file at ${keyPath}`, found);
  }
  try {
    return await readKeyFile(file, keyPath);
  } catch (error) {
    return refused(`a readable file at ${keyPath}`, failureText(error));
  } finally {
    await file.close();
  }
}

/**
 * As readTokenKeys, and makes the file with one fresh key, and its folder, when there is none. May run in several processes at once:
 * all of them end with the same key. A file that is there is never written to, whatever it holds.
 */
export async function loadTokenKeys(tokens: Config['tokens']): Promise<LoadedTokenKeys> {
  const read = await readTokenKeys(tokens);
  if (!read.ok || read.source !== 'none') return read;
  try {
    await makeKeyFile(tokens.keyPath);
  } catch (error) {
    return refused(`a place where ${tokens.keyPath} can be made`, failureText(error));
  }
  const made = await readTokenKeys(tokens);
  if (!made.ok || made.source !== 'none') return made;
  return refused(`a file at ${tokens.keyPath}`, 'a link that leads nowhere');
}

async function readKeyFile(file: FileHandle, keyPath: string): Promise<LoadedTokenKeys> {
  const stats = await file.stat();
  if (!stats.isFile()) return refused(`a file at ${keyPath}`, 'something else');
  if ((stats.mode & GROUP_AND_OTHERS) !== 0) {
    const mode = (stats.mode & 0o777).toString(8).padStart(4, '0');
    return refused(`a file for its owner alone: chmod 600 ${keyPath}`, `mode ${mode}`);
  }
  if (stats.size > KEY_FILE_BYTES_MAX) {
    return refused(`at most ${KEY_FILE_BYTES_MAX} bytes in ${keyPath}`, `${stats.size}`);
  }
  const lines = (await file.readFile('utf8')).split('\n').map((line) => line.trim());
  const written = lines.filter((line) => line !== '');
  const keys = written.every(FORMATS['token-key'].isMetBy) ? keyListOf(written) : undefined;
  if (keys && keys.length <= KEYS_MAX) return { ok: true, source: 'file', keys };
  // What the file holds may be a key all but for a typing error: it is not shown.
  const expected = `1 to ${KEYS_MAX} lines in ${keyPath}, each ${FORMATS['token-key'].expected}`;
  return refused(expected, 'something else');
}

function keyListOf(written: readonly string[]): TokenKeyList | undefined {
  const [first, ...rest] = written.map((key) => Buffer.from(key, 'base64url'));
  return first && [first, ...rest];
}

async function makeKeyFile(keyPath: string): Promise<void> {
  const folder = dirname(keyPath);
  const topmostMade = await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporaryPath = `${keyPath}.${randomBytes(8).toString('hex')}`;
  await writeSynced(temporaryPath, `${newTokenKey()}\n`);
  try {
    // Unlike a rename, a link never replaces: the first process wins, and its file is complete when it appears.
    await link(temporaryPath, keyPath);
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

function refused(expected: string, found: string): LoadedTokenKeys & { ok: false } {
  return { ok: false, problem: { key: 'tokens.key_path', expected, found } };
}
