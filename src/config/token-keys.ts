/** The token keys: from the config, else from their file, which the first start makes. */
import { randomBytes } from 'node:crypto';
import { TOKEN_KEY_BYTES } from '../protocol/token.ts';
import { FORMATS } from './formats.ts';
import type { ConfigProblem } from './problem.ts';
import { loadSecretFile, readSecretFile } from './secret-file.ts';
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

/** Where keys of this form may stand: in the config, or in a file that it names. */
export interface KeySource {
  readonly keys: readonly string[];
  readonly keyPath: string;
}

const TOKEN_KEY_PATH = 'tokens.key_path';
const KEYS_MAX = TOKENS.properties.keys.maxItems;

/** A fresh key, as the config and key files hold it. */
export function newTokenKey(): string {
  return randomBytes(TOKEN_KEY_BYTES).toString('base64url');
}

/** Reads the keys; makes nothing. `key` is what a problem names. */
export async function readTokenKeys(
  { keys, keyPath }: KeySource,
  key = TOKEN_KEY_PATH,
): Promise<ReadTokenKeys> {
  const list = keyListOf(keys);
  if (list) return { ok: true, source: 'config', keys: list };
  const file = await readSecretFile(keyPath);
  if (!file.ok) return refused({ key, expected: file.expected, found: file.found });
  return file.text === undefined ? { ok: true, source: 'none' } : keysIn(file.text, keyPath, key);
}

/** As readTokenKeys, and makes the file with one fresh key when there is none: see loadSecretFile. */
export async function loadTokenKeys(
  source: KeySource,
  key = TOKEN_KEY_PATH,
): Promise<LoadedTokenKeys> {
  const read = await readTokenKeys(source, key);
  if (!read.ok || read.source !== 'none') return read;
  const { keyPath } = source;
  const made = await loadSecretFile(keyPath, async () => `${newTokenKey()}\n`);
  if (made.ok) return keysIn(made.text, keyPath, key);
  return refused({ key, expected: made.expected, found: made.found });
}

function keysIn(text: string, keyPath: string, key: string): LoadedTokenKeys {
  const written = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const keys = written.every(FORMATS['token-key'].isMetBy) ? keyListOf(written) : undefined;
  if (keys && keys.length <= KEYS_MAX) return { ok: true, source: 'file', keys };
  // What the file holds may be a key all but for a typing error: it is not shown.
  const expected = `1 to ${KEYS_MAX} lines in ${keyPath}, each ${FORMATS['token-key'].expected}`;
  return refused({ key, expected, found: 'something else' });
}

function keyListOf(written: readonly string[]): TokenKeyList | undefined {
  const [first, ...rest] = written.map((key) => Buffer.from(key, 'base64url'));
  return first && [first, ...rest];
}

function refused(problem: ConfigProblem): LoadedTokenKeys & { ok: false } {
  return { ok: false, problem };
}
