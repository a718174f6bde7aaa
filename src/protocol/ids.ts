import { v4, validate } from 'uuid';

declare const brand: unique symbol;
type Branded<Base, Name extends string> = Base & { readonly [brand]: Name };

/** One UAID: 32 lower-case hex digits, whatever the device wrote. */
export type DeviceId = Branded<string, 'DeviceId'>;

/** One channelID: dashed, lower-case (8-4-4-4-12), whatever the device wrote. The form most clients write themselves. */
export type ChannelId = Branded<string, 'ChannelId'>;

/** What an app server PUTs: an integer from 0 to 2^53-1, so that every JSON reader keeps it exactly. */
export type Version = Branded<number, 'Version'>;

/** Follows one PUT through logs and nodes: a UUID. */
export type RequestId = Branded<string, 'RequestId'>;

/** Of a PUT and its answer: carries the request's id (protocol.md, "PUT"). */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** A channel as its device wrote it, beside the one form we keep. */
export interface WrittenChannel {
  readonly channelId: ChannelId;
  /** What goes back to the device; the same string as `channelId` when it wrote the form we keep. */
  readonly written: string;
}

/** The largest that every JSON reader keeps exactly. */
export const VERSION_MAX = Number.MAX_SAFE_INTEGER;

const PLAIN = /^[0-9a-f]{32}$/i;
const DASHED = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DIGITS = /^[0-9]+$/;

/** Any UUID version, dashed or not, any case (protocol.md, "Ids"); undefined when it is not one. */
export function parseDeviceId(text: string): DeviceId | undefined {
  if (PLAIN.test(text)) return text.toLowerCase() as DeviceId;
  if (DASHED.test(text)) return text.replaceAll('-', '').toLowerCase() as DeviceId;
  return undefined;
}

/** Any UUID version, dashed or not, any case (protocol.md, "Ids"); undefined when it is not one. */
export function parseChannelId(text: string): ChannelId | undefined {
  // Nearly every ack carries the form we keep; then there is no new string to make.
  if (isAsKept(text)) return text as ChannelId;
  if (DASHED.test(text)) return text.toLowerCase() as ChannelId;
  if (PLAIN.test(text)) return dashed(text.toLowerCase()) as ChannelId;
  return undefined;
}

const DASHED_CHARACTERS = 36;
const DASH = 0x2d;

/** Whether it is a channel id in the form we keep. A loop: the same as a regular expression took a tenth of the time of an ack. */
function isAsKept(text: string): boolean {
  if (text.length !== DASHED_CHARACTERS) return false;
  for (let at = 0; at < DASHED_CHARACTERS; at++) {
    const code = text.charCodeAt(at);
    const isDashed = at === 8 || at === 13 || at === 18 || at === 23;
    if (isDashed ? code !== DASH : !isLowerHex(code)) return false;
  }
  return true;
}

function isLowerHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66);
}

/** As parseChannelId, and remembers the spelling. */
export function parseWrittenChannel(text: string): WrittenChannel | undefined {
  const channelId = parseChannelId(text);
  return channelId === undefined ? undefined : { channelId, written: text };
}

/** A decimal integer without sign, point or blank; leading zeros are read as what they mean. */
export function parseVersion(text: string): Version | undefined {
  if (!DIGITS.test(text)) return undefined;
  const value = Number(text);
  return value <= VERSION_MAX ? (value as Version) : undefined;
}

/** The same bounds for a number that JSON already gave. */
export function toVersion(value: unknown): Version | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? (value as Version)
    : undefined;
}

/** The version of a PUT that names none: seconds since the epoch. */
export function versionOfTime(nowMs: number): Version {
  return Math.floor(nowMs / 1000) as Version;
}

/** A UUID (RFC 9562) as its caller wrote it; undefined when it is none. */
export function parseRequestId(text: string): RequestId | undefined {
  return validate(text) ? (text as RequestId) : undefined;
}

const ID_BYTES = 16;

/** The 16 bytes of an id, for tokens and compact records. */
export function idBytes(id: DeviceId | ChannelId): Buffer {
  return Buffer.from(id.length === 2 * ID_BYTES ? id : id.replaceAll('-', ''), 'hex');
}

/** The device id of 16 bytes at `offset`. */
export function deviceIdOf(bytes: Buffer, offset: number): DeviceId {
  return bytes.toString('hex', offset, offset + ID_BYTES) as DeviceId;
}

/** The channel id of 16 bytes at `offset`. */
export function channelIdOf(bytes: Buffer, offset: number): ChannelId {
  return dashed(bytes.toString('hex', offset, offset + ID_BYTES)) as ChannelId;
}

/** A UUIDv4 in form (RFC 9562, section 5.4) from 16 random bytes: 32 lower-case hex digits. */
export function deviceIdFromRandom(random: Uint8Array): DeviceId {
  return v4({ random }).replaceAll('-', '') as DeviceId;
}

/** A UUIDv4 (RFC 9562, section 5.4) from the platform's random numbers: no two devices ever choose the same. */
export function newChannelId(): ChannelId {
  return v4() as ChannelId;
}

/** A UUIDv4, as `newChannelId` makes them: for whoever sends PUTs and wants to find them in the server's log. */
export function newRequestId(): RequestId {
  return v4() as RequestId;
}

function dashed(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
