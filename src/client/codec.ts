/**
 * The device's side of the wire (protocol.md, "Messages"): requests to text, and what a server sends to messages. Pure, never
 * throws. The wire's own names (uaid, channelID, pushEndpoint) live here, in the client as in the server's codec.
 */
import type { KickTarget } from '../protocol/connect.ts';
import {
  type ChannelId,
  type DeviceId,
  parseChannelId,
  parseDeviceId,
  parseVersion,
  toVersion,
  type Version,
} from '../protocol/ids.ts';

/** Characters of the longest endpoint or redirect URL that a device takes. */
export const URL_CHARACTERS_MAX = 4096;

const REASON_CHARACTERS_MAX = 200;

const PRINTABLE = /^[\x21-\x7e]+$/;

/** One version of one channel, as it came. */
export interface Update {
  readonly channelId: ChannelId;
  readonly version: Version;
  /** Only when the PUT carried data and the device was connected. */
  readonly data?: string;
}

export interface Hello {
  /** Undefined when the device has none: the server gives it one. */
  readonly deviceId: DeviceId | undefined;
  /** What the device believes the server holds for it; what it does not hold comes back as `expired`. */
  readonly channelIds: readonly ChannelId[];
  /** Where to wake the device while it is not connected; null removes it, undefined leaves it. */
  readonly kickTarget: KickTarget | null | undefined;
}

export type ServerReply =
  | { readonly type: 'welcome'; readonly deviceId: DeviceId; readonly kickRefused?: string }
  | { readonly type: 'redirect'; readonly url: string }
  | { readonly type: 'hello-refused'; readonly status: number; readonly reason: string }
  | { readonly type: 'registered'; readonly channelId: ChannelId; readonly endpoint: string }
  | { readonly type: 'unregistered'; readonly channelId: ChannelId }
  | {
      readonly type: 'notification';
      readonly updates: readonly Update[];
      readonly expired: readonly ChannelId[];
      /** Elements that were no update and no channel id. */
      readonly skippedCount: number;
    }
  | {
      readonly type: 'error';
      /** The channel of the request that was refused; undefined when it was about none. */
      readonly channelId: ChannelId | undefined;
      readonly status: number;
      readonly reason: string;
    }
  | { readonly type: 'pong' }
  /** Of a type that this client does not know: a newer server's, to be passed over. */
  | { readonly type: 'unknown' };

export type DecodedReply =
  | { readonly ok: true; readonly reply: ServerReply }
  | { readonly ok: false; readonly reason: string };

type Members = Readonly<Record<string, unknown>>;

/** The text of a ping. */
export const PING_TEXT = '{}';

/** The first message of every connection. */
export function encodeHello({ deviceId, channelIds, kickTarget }: Hello): string {
  return JSON.stringify({
    messageType: 'hello',
    uaid: deviceId,
    channelIDs: channelIds,
    connect: kickTarget,
  });
}

/** May be sent again without harm: the server answers with the same endpoint. */
export function encodeRegister(channelId: ChannelId): string {
  return JSON.stringify({ messageType: 'register', channelID: channelId });
}

/** May be sent again without harm: what is not there counts as unregistered. */
export function encodeUnregister(channelId: ChannelId): string {
  return JSON.stringify({ messageType: 'unregister', channelID: channelId });
}

/** One acknowledgement of each channel: this version and every older one are done. */
export function encodeAck(acked: ReadonlyMap<ChannelId, Version>): string {
  const updates = Array.from(acked, ([channelId, version]) => ({ channelID: channelId, version }));
  return JSON.stringify({ messageType: 'ack', updates });
}

/** Reads one text frame of a server. */
export function decodeServerReply(text: string): DecodedReply {
  let received: unknown;
  try {
    received = JSON.parse(text);
  } catch {
    // What the parser says of it would quote the input.
    return malformed('a frame was not JSON');
  }
  if (!isMembers(received)) return malformed('a frame was not a JSON object');
  const type = received['messageType'];
  switch (typeof type === 'string' ? type.toLowerCase() : type) {
    case 'hello':
      return decodeHello(received);
    case 'register':
      return decodeRegister(received);
    case 'unregister':
      return decodeUnregister(received);
    case 'notification':
      return decodeNotification(received);
    case 'ping':
    case undefined:
      return isRefusal(received) ? decoded(errorOf(received)) : decoded({ type: 'pong' });
    default:
      return decoded(isRefusal(received) ? errorOf(received) : { type: 'unknown' });
  }
}

function decodeHello(received: Members): DecodedReply {
  if (received['status'] === 307) {
    const url = urlIn(received['redirect'], ['ws:', 'wss:']);
    return url === undefined
      ? malformed('a redirect named no ws or wss URL')
      : decoded({ type: 'redirect', url });
  }
  if (isRefusal(received)) {
    const { status, reason } = errorOf(received);
    return decoded({ type: 'hello-refused', status, reason });
  }
  const uaid = received['uaid'];
  const deviceId = typeof uaid === 'string' ? parseDeviceId(uaid) : undefined;
  if (deviceId === undefined) return malformed('the hello reply had no UUID as uaid');
  const connect = received['connect'];
  return isMembers(connect) && isRefusal(connect)
    ? decoded({ type: 'welcome', deviceId, kickRefused: errorOf(connect).reason })
    : decoded({ type: 'welcome', deviceId });
}

function decodeRegister(received: Members): DecodedReply {
  if (isRefusal(received)) return decoded(errorOf(received));
  const channelId = channelIn(received);
  const endpoint = urlIn(received['pushEndpoint'], ['http:', 'https:']);
  return channelId === undefined || endpoint === undefined
    ? malformed('a register reply had no channelID or no HTTP URL as pushEndpoint')
    : decoded({ type: 'registered', channelId, endpoint });
}

function decodeUnregister(received: Members): DecodedReply {
  if (isRefusal(received)) return decoded(errorOf(received));
  const channelId = channelIn(received);
  return channelId === undefined
    ? malformed('an unregister reply had no channelID')
    : decoded({ type: 'unregistered', channelId });
}

function decodeNotification(received: Members): DecodedReply {
  const listed = elementsOf(received['updates']);
  const updates = listed.map(toUpdate).filter((update) => update !== undefined);
  const listedExpired = elementsOf(received['expired']);
  const expired = listedExpired
    .map((written) => (typeof written === 'string' ? parseChannelId(written) : undefined))
    .filter((channelId) => channelId !== undefined);
  const skippedCount = listed.length - updates.length + listedExpired.length - expired.length;
  return decoded({ type: 'notification', updates, expired, skippedCount });
}

function elementsOf(value: unknown): readonly unknown[] {
  // What is there but is no list counts as one element that cannot be read.
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function toUpdate(element: unknown): Update | undefined {
  if (!isMembers(element)) return undefined;
  const channelId = channelIn(element);
  const written = element['version'];
  // Some servers write versions as text.
  const version = typeof written === 'string' ? parseVersion(written) : toVersion(written);
  if (channelId === undefined || version === undefined) return undefined;
  const data = element['data'];
  return typeof data === 'string' ? { channelId, version, data } : { channelId, version };
}

/** Some old servers leave the status of a success out. */
function isRefusal(received: Members): boolean {
  const status = received['status'];
  return status !== undefined && status !== 200;
}

function errorOf(received: Members): ServerReply & { type: 'error' } {
  const { status, reason, error } = received as {
    status?: unknown;
    reason?: unknown;
    error?: unknown;
  };
  const text = typeof reason === 'string' ? reason : error;
  return {
    type: 'error',
    channelId: channelIn(received),
    status: typeof status === 'number' ? status : 0,
    reason: typeof text === 'string' ? text.slice(0, REASON_CHARACTERS_MAX) : '',
  };
}

function channelIn(received: Members): ChannelId | undefined {
  const written = received['channelID'];
  return typeof written === 'string' ? parseChannelId(written) : undefined;
}

function urlIn(value: unknown, protocols: readonly string[]): string | undefined {
  if (typeof value !== 'string' || value.length > URL_CHARACTERS_MAX) return undefined;
  // The URL parser forgives blanks and line ends; programs that show or log the text would not.
  if (!PRINTABLE.test(value)) return undefined;
  return URL.canParse(value) && protocols.includes(new URL(value).protocol) ? value : undefined;
}

function decoded(reply: ServerReply): DecodedReply {
  return { ok: true, reply };
}

function malformed(reason: string): DecodedReply {
  return { ok: false, reason };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
