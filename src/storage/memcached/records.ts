/**
 * What the memcached driver keeps, as text: a few bytes each, since there are millions. Every record tells the times that matter to
 * it and is judged by them; the expiry that memcached is given only makes it forget what nobody would believe any more.
 *
 * | key | value |
 * |---|---|
 * | `d` + device id | `<seenAtMs>,<channel ids>,<kick record as JSON (kick-record.ts), or nothing>` |
 * | `c` + device id and channel id | live: `l<seenAtMs>,<spelling, or nothing>` and, when a version is pending, `,<version>,<storedAtMs>` |
 * | | gone: `g<goneAtMs>` |
 * | | void: `v<voidAtMs>` |
 *
 * Ids are base64url of their 16 bytes (of all of them together, in a list). The kick record shares the device's record, so that it
 * lives exactly as long.
 */
import { unreachable } from '../../assert.ts';
import {
  type ChannelId,
  channelIdOf,
  type DeviceId,
  idBytes,
  toVersion,
} from '../../protocol/ids.ts';
import { decodeKick, encodeKick } from '../kick-record.ts';
import {
  type KickRecord,
  type PendingVersion,
  type StoreLimits,
  StoreUnavailableError,
} from '../store.ts';

/** One (device, channel) that was seen. What is not there is undefined: unknown. */
export type ChannelRecord = LiveChannel | GoneChannel | VoidChannel;

/** A held channel. */
export interface LiveChannel {
  readonly kind: 'live';
  /** When its device was last known to be seen. */
  readonly seenAtMs: number;
  /** As the device wrote it; empty when that is the form we keep. */
  readonly spelling: string;
  readonly pending: PendingVersion | undefined;
}

/** Unregistered, and remembered so that its app server is told. */
export interface GoneChannel {
  readonly kind: 'gone';
  readonly goneAtMs: number;
}

/** As good as unknown. Written in the place of nothing, so that a writer who saw nothing there must look again. */
export interface VoidChannel {
  readonly kind: 'void';
  readonly voidAtMs: number;
}

/** What is kept of a device. */
export interface DeviceRecord {
  /** When it was last known to be seen; never before any of its channels was. */
  readonly seenAtMs: number;
  /** Every held channel is among them; some may be held no longer. */
  readonly channelIds: readonly ChannelId[];
  readonly kick: KickRecord | undefined;
}

/** Longest list of channels that fits into one item, beside the longest target. */
export const LISTED_CHANNELS_MAX = 20_000;

/**
 * Being seen is written down when the last time is this part of `channelTtlMs` ago, and records live that much longer: a hello
 * writes nothing as a rule, and what it should have kept alive is kept alive.
 */
const RENEWAL_PART = 0.1;

/** Far longer than any writer may take between looking at a record and writing it, even on a machine put to sleep. */
const VOID_LIFE_MS = 86_400_000;

const ID_BYTES = 16;
const KEY_BYTES = Buffer.alloc(2 * ID_BYTES);
const DIGITS = /^[0-9]{1,16}$/;
const NOT_ASCII = /[^\x20-\x7e]/g;

/** 23 characters of base64url: nothing from outside gets into a key. */
export function deviceKey(deviceId: DeviceId): string {
  return `d${Buffer.from(deviceId, 'hex').toString('base64url')}`;
}

/** 44 characters of base64url. */
export function channelKey(deviceId: DeviceId, channelId: ChannelId): string {
  // Made for every PUT and ack: in bytes that are there already, and without a search for the dashes.
  KEY_BYTES.write(deviceId, 'hex');
  KEY_BYTES.write(undashed(channelId), ID_BYTES, 'hex');
  return `c${KEY_BYTES.toString('base64url')}`;
}

/** Whether the record of a device that is seen now must be written again. */
export function isDueForRenewal(seenAtMs: number, nowMs: number, limits: StoreLimits): boolean {
  return nowMs - seenAtMs >= limits.channelTtlMs * RENEWAL_PART;
}

/** When nobody believes the record any more. */
export function channelEndMs(record: ChannelRecord, limits: StoreLimits): number {
  switch (record.kind) {
    case 'live':
      return seenEndMs(record.seenAtMs, limits);
    case 'gone':
      return record.goneAtMs + limits.goneTtlMs;
    case 'void':
      return record.voidAtMs + VOID_LIFE_MS;
    default:
      return unreachable(record);
  }
}

/** When nobody believes the record any more. */
export function deviceEndMs(record: DeviceRecord, limits: StoreLimits): number {
  return seenEndMs(record.seenAtMs, limits);
}

/** The record without what has outlived its time; undefined when nothing is left. Remembered records age too. */
export function currentChannel(
  record: ChannelRecord | undefined,
  nowMs: number,
  limits: StoreLimits,
): LiveChannel | GoneChannel | undefined {
  if (record === undefined || record.kind === 'void') return undefined;
  if (nowMs > channelEndMs(record, limits)) return undefined;
  if (record.kind === 'gone' || record.pending === undefined) return record;
  const isPast = nowMs > record.pending.storedAtMs + limits.updateTtlMs;
  return isPast ? { ...record, pending: undefined } : record;
}

/** As currentChannel. */
export function currentDevice(
  record: DeviceRecord | undefined,
  nowMs: number,
  limits: StoreLimits,
): DeviceRecord | undefined {
  return record === undefined || nowMs > deviceEndMs(record, limits) ? undefined : record;
}

/** ASCII; decodeChannel reads it back. */
export function encodeChannel(record: ChannelRecord): string {
  switch (record.kind) {
    case 'live': {
      const { seenAtMs, spelling, pending } = record;
      const text = `l${seenAtMs},${spelling}`;
      return pending === undefined ? text : `${text},${pending.version},${pending.storedAtMs}`;
    }
    case 'gone':
      return `g${record.goneAtMs}`;
    case 'void':
      return `v${record.voidAtMs}`;
    default:
      return unreachable(record);
  }
}

/** @throws StoreUnavailableError when it is no record of ours: to take it for nothing would be to lose what it says. */
export function decodeChannel(text: string): ChannelRecord {
  const [time = '', spelling = '', version, storedAt] = text.slice(1).split(',');
  switch (text[0]) {
    case 'l':
      return {
        kind: 'live',
        seenAtMs: readNumber(time),
        spelling,
        pending: version === undefined ? undefined : readPending(version, storedAt),
      };
    case 'g':
      return { kind: 'gone', goneAtMs: readNumber(time) };
    case 'v':
      return { kind: 'void', voidAtMs: readNumber(time) };
    default:
      throw unreadable();
  }
}

/** ASCII; decodeDevice reads it back. */
export function encodeDevice({ seenAtMs, channelIds, kick }: DeviceRecord): string {
  const ids = Buffer.concat(channelIds.map(idBytes)).toString('base64url');
  // The wire carries one byte a character; JSON has a spelling for all the others.
  const json = encodeKick(kick).replace(NOT_ASCII, jsonEscape);
  return `${seenAtMs},${ids},${json}`;
}

/** @throws StoreUnavailableError when it is no record of ours. */
export function decodeDevice(text: string): DeviceRecord {
  const idsAt = text.indexOf(',') + 1;
  const jsonAt = text.indexOf(',', idsAt) + 1;
  if (idsAt === 0 || jsonAt === 0) throw unreadable();
  const bytes = Buffer.from(text.slice(idsAt, jsonAt - 1), 'base64url');
  if (bytes.length % ID_BYTES !== 0) throw unreadable();
  const count = bytes.length / ID_BYTES;
  return {
    seenAtMs: readNumber(text.slice(0, idsAt - 1)),
    channelIds: Array.from({ length: count }, (_, at) => channelIdOf(bytes, at * ID_BYTES)),
    kick: readKick(text.slice(jsonAt)),
  };
}

function undashed(id: ChannelId): string {
  return id.slice(0, 8) + id.slice(9, 13) + id.slice(14, 18) + id.slice(19, 23) + id.slice(24);
}

function seenEndMs(seenAtMs: number, { channelTtlMs }: StoreLimits): number {
  return seenAtMs + channelTtlMs * (1 + RENEWAL_PART);
}

function readPending(version: string, storedAt: string | undefined): PendingVersion {
  const checked = toVersion(readNumber(version));
  if (checked === undefined || storedAt === undefined) throw unreadable();
  return { version: checked, storedAtMs: readNumber(storedAt) };
}

function readNumber(text: string): number {
  if (!DIGITS.test(text)) throw unreadable();
  return Number(text);
}

function readKick(json: string): KickRecord | undefined {
  if (json === '') return undefined;
  const record = decodeKick(json);
  if (record === undefined) throw unreadable();
  return record;
}

function jsonEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function unreadable(): StoreUnavailableError {
  return new StoreUnavailableError('memcached holds a record of another form');
}
