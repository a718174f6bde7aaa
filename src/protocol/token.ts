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
import {
  createCipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  timingSafeEqual,
} from 'node:crypto';
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
const TOKEN = /^[A-Za-z0-9_-]{64}$/;

/** One device's channel: what a token stands for. */
export interface TokenContent {
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
}

interface DerivedKeys {
  readonly mac: KeyObject;
  readonly encryption: KeyObject;
  readonly device: KeyObject;
}

export interface Tokens {
  /** The token of a channel under the first key. The same pair gives the same token. */
  seal(content: TokenContent): string;
  /** What the token stands for, under any of the keys; undefined when it was not made by them. No I/O; about 4 µs. */
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
    createSecretKey(
      Buffer.from(hkdfSync('sha256', key, '', `reveille ${purpose}`, TOKEN_KEY_BYTES)),
    );
  return {
    mac: derive('endpoint token mac'),
    encryption: derive('endpoint token encryption'),
    device: derive('device id'),
  };
}

function seal(keys: DerivedKeys, { deviceId, channelId }: TokenContent): string {
  const plain = Buffer.concat([idBytes(deviceId), idBytes(channelId)], PLAIN_BYTES);
  const tag = tagOf(keys, plain);
  return Buffer.concat([tag, crypt(keys, tag, plain)]).toString('base64url');
}

function open(keys: DerivedKeys, bytes: Buffer): TokenContent | undefined {
  const tag = bytes.subarray(0, TAG_BYTES);
  const plain = crypt(keys, tag, bytes.subarray(TAG_BYTES));
  if (!timingSafeEqual(tag, tagOf(keys, plain))) return undefined;
  return { deviceId: deviceIdOf(plain, 0), channelId: channelIdOf(plain, PLAIN_BYTES / 2) };
}

function tagOf({ mac }: DerivedKeys, plain: Buffer): Buffer {
  return createHmac('sha256', mac).update(plain).digest().subarray(0, TAG_BYTES);
}

/** Counter mode undoes itself: one function for both ways. */
function crypt({ encryption }: DerivedKeys, tag: Buffer, input: Buffer): Buffer {
  return createCipheriv('aes-256-ctr', encryption, tag).update(input);
}

/**
 * A UAID is a UUIDv4 in form whose last 48 bits are a MAC over the 80 before them, 74 of which are random: ids of 10^9 devices collide
 * with a chance of one in 40,000, and a stranger hits a valid one in 2^48 tries.
 */
const DEVICE_RANDOM_BYTES = 10;

function certify(keys: DerivedKeys, random: Uint8Array): DeviceId {
  const bytes = idBytes(deviceIdFromRandom(random));
  deviceMac(keys, bytes).copy(bytes, DEVICE_RANDOM_BYTES);
  return deviceIdOf(bytes, 0);
}

function isCertified(keys: DerivedKeys, bytes: Buffer): boolean {
  return timingSafeEqual(bytes.subarray(DEVICE_RANDOM_BYTES), deviceMac(keys, bytes));
}

function deviceMac({ device }: DerivedKeys, bytes: Buffer): Buffer {
  return createHmac('sha256', device)
    .update(bytes.subarray(0, DEVICE_RANDOM_BYTES))
    .digest()
    .subarray(0, 16 - DEVICE_RANDOM_BYTES);
}
