/**
 * The secrets that server and devices share without storing them (protocol.md, "Endpoints" and "Ids").
 *
 * An endpoint token is deterministic authenticated encryption of (device, channel), built as SIV (RFC 5297) is: the tag is a
 * keyed hash of the plaintext and serves as the initial counter block of the encryption.
 *
 *     tag   = HMAC-SHA-256(macKey, device || channel), first 16 bytes
 *     token = base64url(tag || AES-256-CTR(encryptionKey, tag, device || channel))        64 characters, no padding
 *
 * So the same pair gives the same token, a changed bit anywhere fails the tag, and tokens of one device share no byte. The 48 bytes
 * fill 64 characters exactly: no character has spare bits that could be changed unseen.
 */
import { type Cipher, createCipheriv, hash, hkdfSync, timingSafeEqual } from 'node:crypto';
import { assert } from '../assert.ts';
import {
  type ChannelId,
  channelIdOf,
  type DeviceId,
  deviceIdFromRandom,
  deviceIdOf,
  idBytes,
} from './ids.ts';

/** Length of a token key, in bytes. */
export const TOKEN_KEY_BYTES = 32;
/** Length of a token in a URL, in characters. */
export const TOKEN_CHARACTERS = 64;

const TAG_BYTES = 16;
const PLAIN_BYTES = 32;
const DEVICE_RANDOM_BYTES = 10;
const DEVICE_CODE_BYTES = 6;
const TOKEN = /^[A-Za-z0-9_-]{64}$/;

/** One device's channel: what a token stands for. */
export interface TokenContent {
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
}

/** The three uses of one configured key. */
interface DerivedKeys {
  readonly tagMac: Mac;
  readonly deviceMac: Mac;
  readonly keyStream: KeyStream;
}

export interface Tokens {
  /** The token of a channel under the first key. The same pair gives the same token. */
  seal(content: TokenContent): string;
  /** What the token stands for, under any of the keys; undefined when it was not made by them. No I/O; about 3 µs. */
  open(token: string): TokenContent | undefined;
  /** A new UAID that `recognises` will know, from `random`: at least 16 fresh random bytes. */
  newDeviceId(random: Uint8Array): DeviceId;
  /**
   * Whether one of the keys issued this UAID. It says that the id is no stranger's invention, not that its bearer is its device;
   * it grants nothing but keeping the id when a cache has lost it.
   */
  recognises(deviceId: DeviceId): boolean;
}

/** `keys`: the first encrypts, all decrypt; each of TOKEN_KEY_BYTES. */
export function createTokens(keys: readonly [Uint8Array, ...Uint8Array[]]): Tokens {
  const [first, ...rest] = keys;
  const newest = deriveKeys(first);
  const all = [newest, ...rest.map(deriveKeys)];
  return {
    seal: (content) => seal(newest, content),
    open(token) {
      if (!TOKEN.test(token)) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      for (const derived of all) {
        const content = open(derived, bytes);
        if (content) return content;
      }
      return undefined;
    },
    newDeviceId: (random) => certify(newest, random),
    recognises: (deviceId) => all.some((derived) => isCertified(derived, idBytes(deviceId))),
  };
}

/** One configured key serves three purposes; each gets a key of its own (RFC 5869), so that none weakens another. */
function deriveKeys(key: Uint8Array): DerivedKeys {
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', key, '', `reveille ${purpose}`, TOKEN_KEY_BYTES));
  return {
    tagMac: new Mac(derive('endpoint token mac'), PLAIN_BYTES),
    deviceMac: new Mac(derive('device id'), DEVICE_RANDOM_BYTES),
    keyStream: new KeyStream(derive('endpoint token encryption')),
  };
}

const DIGEST_BYTES = 32;
/** Of SHA-256's blocks, to which HMAC pads its key. */
const HASH_BLOCK_BYTES = 64;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * HMAC-SHA-256 (RFC 2104) of messages of one length, from two hashes in one call each. Instead of an Hmac object of Node's for each
 * message: with a cipher object for each token they took 4 of the 7 µs of a token.
 */
class Mac {
  readonly #inner: Buffer;
  readonly #outer: Buffer;

  constructor(key: Buffer, messageBytes: number) {
    this.#inner = Buffer.alloc(HASH_BLOCK_BYTES + messageBytes, INNER_PAD);
    this.#outer = Buffer.alloc(HASH_BLOCK_BYTES + DIGEST_BYTES, OUTER_PAD);
    for (const [at, byte] of key.entries()) {
      this.#inner[at] = byte ^ INNER_PAD;
      this.#outer[at] = byte ^ OUTER_PAD;
    }
  }

  /** The first `bytes` of the MAC. */
  of(message: Uint8Array, bytes: number): Buffer {
    assert(HASH_BLOCK_BYTES + message.length === this.#inner.length, 'a MAC is of one length');
    this.#inner.set(message, HASH_BLOCK_BYTES);
    this.#outer.write(hash('sha256', this.#inner, 'hex'), HASH_BLOCK_BYTES, 'hex');
    return Buffer.from(hash('sha256', this.#outer, 'hex').slice(0, 2 * bytes), 'hex');
  }
}

const CIPHER_BLOCK_BYTES = 16;

/**
 * The key stream of AES-256-CTR (NIST SP 800-38A, section 6.5) for the length of a token: its counter blocks, enciphered. They are all that
 * the one cipher object here ever enciphers, so it may stay; one in counter mode would be needed anew for each token.
 */
class KeyStream {
  readonly #cipher: Cipher;
  readonly #counters = Buffer.alloc(PLAIN_BYTES);

  constructor(key: Buffer) {
    this.#cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  }

  /** `input` enciphered or deciphered: counter mode undoes itself. `initial` is the first counter block. */
  applyTo(input: Uint8Array, initial: Uint8Array): Buffer {
    for (let at = 0; at < PLAIN_BYTES; at += CIPHER_BLOCK_BYTES) this.#counters.set(initial, at);
    increment(this.#counters.subarray(CIPHER_BLOCK_BYTES));
    const output = this.#cipher.update(this.#counters);
    for (let at = 0; at < PLAIN_BYTES; at++) output[at] = (output[at] ?? 0) ^ (input[at] ?? 0);
    return output;
  }
}

/** Adds one to a number of many bytes, the highest first; after the largest comes 0. */
function increment(counter: Buffer): void {
  for (let at = counter.length - 1; at >= 0; at--) {
    const next = ((counter[at] ?? 0) + 1) & 0xff;
    counter[at] = next;
    if (next !== 0) return;
  }
}

function seal(keys: DerivedKeys, { deviceId, channelId }: TokenContent): string {
  const plain = Buffer.concat([idBytes(deviceId), idBytes(channelId)], PLAIN_BYTES);
  const tag = tagOf(keys, plain);
  return Buffer.concat([tag, keys.keyStream.applyTo(plain, tag)]).toString('base64url');
}

function open(keys: DerivedKeys, bytes: Buffer): TokenContent | undefined {
  const tag = bytes.subarray(0, TAG_BYTES);
  const plain = keys.keyStream.applyTo(bytes.subarray(TAG_BYTES), tag);
  if (!timingSafeEqual(tag, tagOf(keys, plain))) return undefined;
  return { deviceId: deviceIdOf(plain, 0), channelId: channelIdOf(plain, PLAIN_BYTES / 2) };
}

function tagOf({ tagMac }: DerivedKeys, plain: Buffer): Buffer {
  return tagMac.of(plain, TAG_BYTES);
}

/**
 * A UAID is a UUIDv4 in form whose last 48 bits are a MAC over the 80 before them, 74 of which are random: ids of 10^9 devices collide
 * with a chance of one in 40,000, and a stranger hits a valid one in 2^48 tries.
 */
function certify(keys: DerivedKeys, random: Uint8Array): DeviceId {
  const bytes = idBytes(deviceIdFromRandom(random));
  codeOf(keys, bytes).copy(bytes, DEVICE_RANDOM_BYTES);
  return deviceIdOf(bytes, 0);
}

function isCertified(keys: DerivedKeys, bytes: Buffer): boolean {
  return timingSafeEqual(bytes.subarray(DEVICE_RANDOM_BYTES), codeOf(keys, bytes));
}

function codeOf({ deviceMac }: DerivedKeys, bytes: Buffer): Buffer {
  return deviceMac.of(bytes.subarray(0, DEVICE_RANDOM_BYTES), DEVICE_CODE_BYTES);
}
