/**
 * Text frames to messages and back (protocol.md, "Messages"). Pure, never throws, linear in the length of its input. The wire's
 * own names (uaid, channelID, pushEndpoint) live here and nowhere else on the server.
 */
import { unreachable } from '../assert.ts';
import { decodeConnect } from './connect.ts';
import {
  parseChannelId,
  parseDeviceId,
  parseWrittenChannel,
  toVersion,
  type WrittenChannel,
} from './ids.ts';
import type { AckedUpdate, Decoded, Received, SentUpdate, ServerMessage } from './messages.ts';
import { ERROR_TEXTS } from './statuses.ts';

const MALFORMED: Decoded = { kind: 'malformed' };
const PURGE: Decoded = { kind: 'message', message: { type: 'purge' } };
const EMPTY_OBJECT: Received = Object.freeze({});
const EMPTY_PING: Decoded = { kind: 'message', message: { type: 'ping', received: EMPTY_OBJECT } };

type Decoder = (received: Received) => Decoded;

const DECODERS: Readonly<Record<string, Decoder>> = {
  ack: decodeAck,
  ping: (received) => ({ kind: 'message', message: { type: 'ping', received } }),
  hello: decodeHello,
  register: decodeRegister,
  unregister: decodeUnregister,
  purge: () => PURGE,
};

/** Reads one frame of a device, text or binary alike once it is a string. */
export function decodeClientMessage(text: string): Decoded {
  if (text === '{}') return EMPTY_PING;
  let received: unknown;
  try {
    received = JSON.parse(text);
  } catch {
    // Not JSON is an answer of its own; what the parser says of it would quote the input.
    return MALFORMED;
  }
  if (!isObject(received)) return MALFORMED;
  const type = received['messageType'];
  if (type === undefined) {
    return isEmpty(received) ? EMPTY_PING : refused(received, 'messageType is missing');
  }
  if (typeof type !== 'string') return refused(received, 'messageType must be a string');
  const decode = decoderOf(type);
  return decode ? decode(received) : refused(received, 'messageType is not known');
}

function decoderOf(type: string): Decoder | undefined {
  const name = Object.hasOwn(DECODERS, type) ? type : type.toLowerCase();
  return Object.hasOwn(DECODERS, name) ? DECODERS[name] : undefined;
}

function decodeHello(received: Received): Decoded {
  const uaid = received['uaid'];
  if (uaid !== undefined && uaid !== null && typeof uaid !== 'string') {
    return refused(received, 'uaid must be a string');
  }
  const channelIds = listedIn(received);
  if (typeof channelIds === 'string') return refused(received, channelIds);
  const writtenDeviceId = typeof uaid === 'string' ? uaid : '';
  return {
    kind: 'message',
    message: {
      type: 'hello',
      received,
      deviceId: parseDeviceId(writtenDeviceId),
      writtenDeviceId,
      listedCount: channelIds.length,
      listed: writtenChannels(channelIds),
      connect: decodeConnect(received),
    },
  };
}

/** The elements of `channelIDs`, or why there are none to take. */
function listedIn(received: Received): readonly unknown[] | string {
  const channelIds = received['channelIDs'];
  if (Array.isArray(channelIds)) return channelIds;
  if (channelIds !== undefined && channelIds !== null) return 'channelIDs must be an array';
  // Today's Firefox leaves channelIDs out and is known by these.
  const modern = Object.hasOwn(received, 'use_webpush') || Object.hasOwn(received, 'broadcasts');
  return modern ? [] : 'channelIDs is missing';
}

function writtenChannels(elements: readonly unknown[]): readonly WrittenChannel[] {
  const found: WrittenChannel[] = [];
  for (const element of elements) {
    const channel = typeof element === 'string' ? parseWrittenChannel(element) : undefined;
    if (channel) found.push(channel);
  }
  return found;
}

function decodeRegister(received: Received): Decoded {
  const channelId = received['channelID'];
  const channel = typeof channelId === 'string' ? parseWrittenChannel(channelId) : undefined;
  if (!channel) return refused(received, 'channelID must be a UUID');
  return { kind: 'message', message: { type: 'register', received, channel } };
}

function decodeUnregister(received: Received): Decoded {
  const written = received['channelID'];
  if (typeof written !== 'string' || written === '') {
    return refused(received, 'channelID must be a string that is not empty');
  }
  const channelId = parseChannelId(written);
  return { kind: 'message', message: { type: 'unregister', received, channelId, written } };
}

function decodeAck(received: Received): Decoded {
  const { updates = [], expired = [] } = received as { updates?: unknown; expired?: unknown };
  const acked = decodeAckedUpdates(updates ?? []);
  if (typeof acked === 'string') return refused(received, acked);
  const expiredIds: unknown = expired ?? [];
  if (!Array.isArray(expiredIds)) return refused(received, 'expired must be an array');
  if (!expiredIds.every((id) => typeof id === 'string' && parseChannelId(id) !== undefined)) {
    return refused(received, 'each element of expired must be a UUID');
  }
  if (acked.length + expiredIds.length === 0) {
    return refused(received, 'updates or expired must have an element');
  }
  return { kind: 'message', message: { type: 'ack', received, updates: acked } };
}

function decodeAckedUpdates(updates: unknown): readonly AckedUpdate[] | string {
  if (!Array.isArray(updates)) return 'updates must be an array';
  const acked: AckedUpdate[] = [];
  for (const element of updates as readonly unknown[]) {
    if (!isObject(element)) return 'each element of updates must be an object';
    const { channelID, version } = element;
    const channelId = typeof channelID === 'string' ? parseChannelId(channelID) : undefined;
    if (!channelId) return 'each element of updates must have a UUID as channelID';
    const through = version === undefined || version === null ? undefined : toVersion(version);
    if (through === undefined && version !== undefined && version !== null) {
      return 'a version must be an integer from 0 to 2^53-1';
    }
    acked.push({ channelId, version: through });
  }
  return acked;
}

/** The text of one message to a device. */
export function encodeServerMessage(message: ServerMessage): string {
  switch (message.type) {
    case 'notification':
      return encodeNotification(message.updates, message.expired);
    case 'pong':
      return message.long ? '{"messageType":"ping","status":200}' : '{}';
    case 'hello':
      return encodeHello(message.writtenDeviceId, message.status, message.connectReason);
    case 'redirect':
      return `{"messageType":"hello","uaid":${JSON.stringify(message.writtenDeviceId)},"status":307,"redirect":${JSON.stringify(message.url)}}`;
    case 'register':
      return `{"messageType":"register","uaid":"${message.writtenDeviceId}","status":200,"channelID":"${message.written}","pushEndpoint":${JSON.stringify(message.endpoint)}}`;
    case 'unregister':
      return `{"messageType":"unregister","status":200,"channelID":${JSON.stringify(message.written)}}`;
    case 'error':
      return encodeError(message);
    default:
      return unreachable(message);
  }
}

/** A notification of one update, the message of nearly every PUT. */
export function encodeUpdate(update: SentUpdate): string {
  return `{"messageType":"notification","updates":[${updateText(update)}]}`;
}

function encodeHello(uaid: string, status: 200 | 429, connectReason: string | undefined): string {
  const connect =
    connectReason === undefined
      ? ''
      : `,"connect":{"status":400,"reason":${JSON.stringify(connectReason)}}`;
  return `{"messageType":"hello","uaid":${JSON.stringify(uaid)},"status":${status}${connect}}`;
}

function encodeNotification(updates: readonly SentUpdate[], expired: readonly string[]): string {
  const updatesText =
    updates.length === 0 ? '' : `,"updates":[${updates.map(updateText).join(',')}]`;
  const expiredText = expired.length === 0 ? '' : `,"expired":${JSON.stringify(expired)}`;
  return `{"messageType":"notification"${updatesText}${expiredText}}`;
}

function updateText({ written, version, data }: SentUpdate): string {
  // A written channel id has passed the parser: hex digits and dashes need no escaping.
  const dataText = data === undefined ? '' : `,"data":${JSON.stringify(data)}`;
  return `{"channelID":"${written}","version":${version}${dataText}}`;
}

function encodeError({ received, status, reason }: ServerMessage & { type: 'error' }): string {
  const type = received['messageType'];
  const known = typeof type === 'string' && decoderOf(type) !== undefined;
  const members = { status, error: ERROR_TEXTS[status], reason };
  const head = known ? { messageType: type.toLowerCase() } : {};
  try {
    return JSON.stringify({ ...received, ...head, ...members });
  } catch {
    // JSON nested some thousands deep can be read but not written back; such a request is answered without its echo.
    return JSON.stringify({ ...head, ...members });
  }
}

function refused(received: Received, reason: string): Decoded {
  return { kind: 'refused', received, reason };
}

function isObject(value: unknown): value is Received {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(received: Received): boolean {
  for (const _ in received) return false;
  return true;
}
