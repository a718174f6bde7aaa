/** One secret at rest: AES-256-GCM with a random nonce, bound to its account, the key's id beside it. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { AccountId } from '../account.ts';
import type { MasterKey, MasterKeys } from './master-keys.ts';

/**
 * The file of one secret, as JSON:
 * | member | holds |
 * |---|---|
 * | `format` | 1 |
 * | `key` | id of the master key that sealed it |
 * | `nonce`, `tag`, `text` | base64 of 12 and 16 bytes, and of the ciphertext |
 * The account's id is the associated data, so the file of one account does not open as another's.
 */
interface SealedRecord {
  readonly format: 1;
  readonly key: string;
  readonly nonce: string;
  readonly tag: string;
  readonly text: string;
}

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;

/** What became of opening a secret. */
export type Opened =
  | { readonly kind: 'opened'; readonly text: string; readonly keyId: string }
  /** Sealed by a key that we do not have. */
  | { readonly kind: 'unknown-key'; readonly keyId: string }
  /** Changed, cut, or of another account. */
  | { readonly kind: 'broken' };

/** The bytes of the secret's file. */
export function sealSecret(text: string, id: AccountId, key: MasterKey): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key.bytes, nonce).setAAD(Buffer.from(id));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const record: SealedRecord = {
    format: 1,
    key: key.id,
    nonce: nonce.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    text: sealed.toString('base64'),
  };
  return Buffer.from(JSON.stringify(record));
}

/** What is in the file of a secret. Never throws. */
export function openSecret(bytes: Buffer, id: AccountId, keys: MasterKeys): Opened {
  const record = parseRecord(bytes);
  if (record === undefined) return { kind: 'broken' };
  const key = keys.find((one) => one.id === record.key);
  if (key === undefined) return { kind: 'unknown-key', keyId: record.key };
  try {
    const decipher = createDecipheriv(CIPHER, key.bytes, Buffer.from(record.nonce, 'base64'))
      .setAAD(Buffer.from(id))
      .setAuthTag(Buffer.from(record.tag, 'base64'));
    const text = decipher.update(record.text, 'base64', 'utf8') + decipher.final('utf8');
    return { kind: 'opened', text, keyId: key.id };
  } catch {
    // GCM says only that it is not what was sealed; why, nobody can know.
    return { kind: 'broken' };
  }
}

function parseRecord(bytes: Buffer): SealedRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    // A file that somebody else has written, or the disk has lost.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { format, key, nonce, tag, text } = value as Readonly<Record<string, unknown>>;
  if (format !== 1 || typeof key !== 'string') return undefined;
  if (typeof nonce !== 'string' || typeof tag !== 'string' || typeof text !== 'string') {
    return undefined;
  }
  return { format, key, nonce, tag, text };
}
