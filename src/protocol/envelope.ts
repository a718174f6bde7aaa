/**
 * Mail credentials on their way from a device to the mail watch: sealed to the backend's public key, so that neither the gate, its logs
 * nor a proxy can read them. HPKE in base mode (RFC 9180) with DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and AES-256-GCM, which every
 * browser's WebCrypto has.
 *
 * That holds as far as the device knows whose key it seals to: see `sealingKeyId`.
 *
 * The endpoint and the mail server are the associated data: an envelope opens only together with those that the device named, so
 * somebody who holds the gate cannot have the credentials sent to a mail server of his own.
 */
import { Aes256Gcm, CipherSuite, DhkemP256HkdfSha256, HkdfSha256 } from '@hpke/core';

/** What the envelope is bound to. All members as they go over the wire. */
export interface EnvelopeBinding {
  readonly endpoint: string;
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  readonly security: string;
}

/** A key pair of the backend; both parts are base64. The private one never leaves the backend. */
export interface SealingKey {
  readonly publicKey: string;
  readonly privateKey: string;
}

/** Bytes of credentials in one envelope: an OAuth refresh token of a few kilobytes and its company. */
export const SEALED_BYTES_MAX = 16_384;

/** Uncompressed point of P-256 (SEC 1, section 2.3.3): the encapsulated key that begins an envelope. */
const ENCAPSULATED_BYTES = 65;
const TAG_BYTES = 16;
/** Keeps envelopes apart from whatever else may once be sealed with the same key. */
const INFO = new TextEncoder().encode('reveille mail credentials 1');
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

const suite = new CipherSuite({
  kem: new DhkemP256HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

/** Makes a key pair by the machine's randomness. */
export async function newSealingKey(): Promise<SealingKey> {
  const pair = await suite.kem.generateKeyPair();
  return {
    publicKey: toBase64(await suite.kem.serializePublicKey(pair.publicKey)),
    privateKey: toBase64(await suite.kem.serializePrivateKey(pair.privateKey)),
  };
}

/**
 * Seals `text` for the holder of the private key of `publicKey`. Two calls never give the same envelope.
 * @throws RangeError when the text is longer than SEALED_BYTES_MAX or the key is none.
 */
export async function seal(
  text: string,
  publicKey: string,
  binding: EnvelopeBinding,
): Promise<string> {
  const plain = new TextEncoder().encode(text);
  if (plain.byteLength > SEALED_BYTES_MAX) throw new RangeError('too long to be sealed');
  const key = await readKey(publicKey, 'public');
  if (key === undefined) throw new RangeError('not a public key of the mail watch');
  const sender = await suite.createSenderContext({ recipientPublicKey: key, info: INFO.buffer });
  const sealed = new Uint8Array(await sender.seal(plain.buffer, associatedData(binding)));
  const envelope = new Uint8Array(sender.enc.byteLength + sealed.byteLength);
  envelope.set(new Uint8Array(sender.enc));
  envelope.set(sealed, sender.enc.byteLength);
  return toBase64(envelope.buffer);
}

/** The text, or undefined when the envelope was made for another key or binding, was changed, or is none. Never rejects. */
export async function open(
  envelope: string,
  privateKey: string,
  binding: EnvelopeBinding,
): Promise<string | undefined> {
  const bytes = fromBase64(envelope, ENCAPSULATED_BYTES + SEALED_BYTES_MAX + TAG_BYTES);
  const key = await readKey(privateKey, 'private');
  if (bytes === undefined || key === undefined) return undefined;
  try {
    const enc = bytes.slice(0, ENCAPSULATED_BYTES).buffer;
    const sealed = bytes.slice(ENCAPSULATED_BYTES).buffer;
    const params = { recipientKey: key, enc, info: INFO.buffer };
    return new TextDecoder().decode(await suite.open(params, sealed, associatedData(binding)));
  } catch {
    // The library tells apart what is wrong with an envelope; whoever sent it should not learn that.
    return undefined;
  }
}

/** Hexadecimal digits of a key's id: 128 bits, so that nobody finds another key with the same. */
const KEY_ID_DIGITS = 32;

/** The name of a public key: the beginning of the SHA-256 of its base64, so that who knows the name can tell the key from any other. */
export async function sealingKeyId(publicKey: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(publicKey));
  const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0'));
  return hex.join('').slice(0, KEY_ID_DIGITS);
}

/** Whether `text` is a private key that `open` can use. */
export async function isPrivateKey(text: string): Promise<boolean> {
  return (await readKey(text, 'private')) !== undefined;
}

async function readKey(text: string, kind: 'public' | 'private') {
  const bytes = fromBase64(text, ENCAPSULATED_BYTES);
  if (bytes === undefined) return undefined;
  try {
    return await suite.kem.importKey('raw', bytes.buffer, kind === 'public');
  } catch {
    return undefined;
  }
}

/** JSON of a list keeps the members apart whatever they hold: no two bindings have the same bytes. */
function associatedData({
  endpoint,
  protocol,
  host,
  port,
  security,
}: EnvelopeBinding): ArrayBuffer {
  const lines = [endpoint, protocol, host, String(port), security];
  return new TextEncoder().encode(JSON.stringify(lines)).buffer;
}

function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}

function fromBase64(text: string, bytesMax: number): Uint8Array<ArrayBuffer> | undefined {
  if (text.length > Math.ceil(bytesMax / 3) * 4 || text.length % 4 !== 0) return undefined;
  if (!BASE64.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
