/**
 * The master keys that protect credentials at rest: from a file or the environment, never from beside the data. The first one seals;
 * all of them open, so that a new one can be put in front while the old one still opens what it sealed.
 */
import { createHash } from 'node:crypto';

/** One key and the name by which records say what sealed them. */
export interface MasterKey {
  /** Eight hex digits of the key's SHA-256: tells keys apart and nothing about them. */
  readonly id: string;
  /** 32 of them: AES-256. */
  readonly bytes: Uint8Array;
}

export type MasterKeys = readonly [MasterKey, ...MasterKey[]];

const ID_DIGITS = 8;

/** Gives keys their names. */
export function toMasterKeys([first, ...rest]: readonly [Uint8Array, ...Uint8Array[]]): MasterKeys {
  return [toMasterKey(first), ...rest.map(toMasterKey)];
}

function toMasterKey(bytes: Uint8Array): MasterKey {
  const id = createHash('sha256').update(bytes).digest('hex').slice(0, ID_DIGITS);
  return { id, bytes };
}
