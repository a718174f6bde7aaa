/**
 * What the embedded driver keeps, byte by byte. Numbers are big-endian; times are 48-bit milliseconds since the epoch.
 *
 * | record | key | value |
 * |---|---|---|
 * | schema | `01` | the version of this table (16 bits) |
 * | sign of life | `02` | when a process last proved that it can write |
 * | device | `10` device id (16) | when it was last seen (6), 1 if it ever had a channel (1), length of its kick record (2), its kick record as JSON (kick-record.ts), its channels |
 * | update | `11` device id (16) channel id (16) | when it was stored (6), its version (8, a double: exact to 2^53) |
 *
 * | channel, inside its device | bytes |
 * |---|---|
 * | held, written in the form we keep | `01` channel id (16) |
 * | held, written otherwise | `02` channel id (16), length (1), the spelling in ASCII |
 * | gone | `03` channel id (16), since when (6) |
 *
 * The update stands apart from its channel because it alone is written at each PUT and each ack. Where devices are awake, updates are
 * few and share their pages: a commit rewrites some ten pages for hundreds of PUTs and acks, instead of one for each of their devices.
 *
 * A device with one channel and nothing pending takes 60 bytes of a page. 15,000 of them took 112 bytes each of mapped file (measured,
 * registered 50 at a time: pages are not full, and changed ones are written elsewhere), and none of our own heap.
 */
import { assert, unreachable } from '../../assert.ts';
import { type ChannelId, channelIdOf, type DeviceId, toVersion } from '../../protocol/ids.ts';
import type { PendingVersion } from '../store.ts';

/** A store of a higher version than this was written by a program that knows more than we do. */
export const SCHEMA_VERSION = 1;

export const SCHEMA_KEY = Buffer.from([0x01]);
export const LIFE_KEY = Buffer.from([0x02]);

export interface DeviceRecord {
  readonly seenAtMs: number;
  /** False for a device that gave a target and never had a channel: it counts as unknown. */
  readonly hadChannels: boolean;
  /** As it is stored, empty when it gave no target: most who need the device do not need this. */
  readonly kickJson: string;
  readonly channels: readonly ChannelEntry[];
}

export type ChannelEntry =
  | { readonly kind: 'held'; readonly channelId: ChannelId; readonly written: string }
  | { readonly kind: 'gone'; readonly channelId: ChannelId; readonly sinceMs: number };

const DEVICE = 0x10;
const UPDATE = 0x11;
const HELD = 1;
const HELD_OTHERWISE = 2;
const GONE = 3;

const ID_BYTES = 16;
const TIME_BYTES = 6;
const UPDATE_BYTES = 14;
const DEVICE_ID_AT = 1;
const CHANNEL_ID_AT = DEVICE_ID_AT + ID_BYTES;
const DEVICE_KEY_BYTES = CHANNEL_ID_AT;
const UPDATE_KEY_BYTES = CHANNEL_ID_AT + ID_BYTES;
const HAD_CHANNELS_AT = TIME_BYTES;
const KICK_LENGTH_AT = HAD_CHANNELS_AT + 1;
const KICK_AT = KICK_LENGTH_AT + 2;
const ENTRY_BYTES_MIN = 1 + ID_BYTES;
const DASH = 0x2d;

const deviceKeyBytes = Buffer.alloc(DEVICE_KEY_BYTES, DEVICE);
const updateKeyBytes = Buffer.alloc(UPDATE_KEY_BYTES, UPDATE);

/** The key of a device's record, in memory that the next call overwrites: keys are made for every operation and soon copied. */
export function deviceKey(deviceId: DeviceId): Buffer {
  writeId(deviceId, deviceKeyBytes, DEVICE_ID_AT);
  return deviceKeyBytes;
}

/** The key of a channel's update, in memory that the next call overwrites. */
export function updateKey(deviceId: DeviceId, channelId: ChannelId): Buffer {
  writeId(deviceId, updateKeyBytes, DEVICE_ID_AT);
  writeId(channelId, updateKeyBytes, CHANNEL_ID_AT);
  return updateKeyBytes;
}

/** The keys of all updates of a device lie between these, and no others. */
export function updateKeysOf(deviceId: DeviceId): { readonly start: Buffer; readonly end: Buffer } {
  const start = Buffer.alloc(DEVICE_KEY_BYTES, UPDATE);
  writeId(deviceId, start, DEVICE_ID_AT);
  const end = Buffer.alloc(UPDATE_KEY_BYTES + 1, 0xff);
  start.copy(end);
  return { start, end };
}

/** Of any key of the file. */
export function isDeviceKey(key: Uint8Array): boolean {
  return key[0] === DEVICE;
}

/** Of any key of the file. */
export function isUpdateKey(key: Uint8Array): boolean {
  return key[0] === UPDATE;
}

/** The channel of an update. */
export function channelOfKey(key: Uint8Array): ChannelId {
  return channelIdOf(Buffer.from(key.buffer, key.byteOffset, key.length), CHANNEL_ID_AT);
}

/** The value of an update. */
export function encodeUpdate({ version, storedAtMs }: PendingVersion): Buffer {
  const bytes = Buffer.allocUnsafe(UPDATE_BYTES);
  bytes.writeUIntBE(storedAtMs, 0, TIME_BYTES);
  bytes.writeDoubleBE(version, TIME_BYTES);
  return bytes;
}

/** Reads what encodeUpdate wrote. */
export function decodeUpdate(bytes: Buffer): PendingVersion {
  const version = toVersion(bytes.readDoubleBE(TIME_BYTES));
  assert(version !== undefined, 'an update holds a version');
  return { version, storedAtMs: bytes.readUIntBE(0, TIME_BYTES) };
}

/** The value of the sign of life. */
export function encodeTime(timeMs: number): Buffer {
  const bytes = Buffer.allocUnsafe(TIME_BYTES);
  bytes.writeUIntBE(timeMs, 0, TIME_BYTES);
  return bytes;
}

/** When the device was last seen, without decoding the rest. */
export function seenAtMsOf(device: Buffer): number {
  return device.readUIntBE(0, TIME_BYTES);
}

/** The kick record of a device, as it is stored, without decoding the rest. */
export function kickJsonOf(device: Buffer): string {
  const bytes = device.readUInt16BE(KICK_LENGTH_AT);
  return bytes === 0 ? '' : device.toString('utf8', KICK_AT, KICK_AT + bytes);
}

/** The key of the record of an update's device, in the same memory as deviceKey's. */
export function deviceKeyOf(updateKey: Buffer): Buffer {
  for (let at = DEVICE_ID_AT; at < CHANNEL_ID_AT; at += 1) deviceKeyBytes[at] = updateKey[at] ?? 0;
  return deviceKeyBytes;
}

/** Whether a device holds the channel that `updateKey` made the key of, without decoding anything: every PUT asks. */
export function holdsChannelOf(device: Buffer, key: Buffer): boolean {
  for (let at = KICK_AT + device.readUInt16BE(KICK_LENGTH_AT); at < device.length; ) {
    const kind = device[at];
    if (isSameId(device, at + 1, key)) return kind !== GONE;
    at += ENTRY_BYTES_MIN;
    if (kind === HELD_OTHERWISE) at += 1 + device.readUInt8(at);
    else if (kind === GONE) at += TIME_BYTES;
  }
  return false;
}

function isSameId(device: Buffer, at: number, key: Buffer): boolean {
  for (let index = 0; index < ID_BYTES; index += 1) {
    if (device[at + index] !== key[CHANNEL_ID_AT + index]) return false;
  }
  return true;
}

/** Reads what encodeDevice wrote. */
export function decodeDevice(bytes: Buffer): DeviceRecord {
  const channelsAt = KICK_AT + bytes.readUInt16BE(KICK_LENGTH_AT);
  return {
    seenAtMs: seenAtMsOf(bytes),
    hadChannels: bytes[HAD_CHANNELS_AT] === 1,
    kickJson: kickJsonOf(bytes),
    channels: decodeChannels(bytes, channelsAt),
  };
}

function decodeChannels(bytes: Buffer, channelsAt: number): ChannelEntry[] {
  const channels: ChannelEntry[] = [];
  for (let at = channelsAt; at < bytes.length; ) {
    const kind = bytes[at];
    const channelId = channelIdOf(bytes, at + 1);
    at += ENTRY_BYTES_MIN;
    if (kind === HELD) {
      channels.push({ kind: 'held', channelId, written: channelId });
    } else if (kind === HELD_OTHERWISE) {
      const end = at + 1 + bytes.readUInt8(at);
      channels.push({ kind: 'held', channelId, written: bytes.toString('latin1', at + 1, end) });
      at = end;
    } else {
      assert(kind === GONE, `a channel of kind ${kind} is known`);
      channels.push({ kind: 'gone', channelId, sinceMs: bytes.readUIntBE(at, TIME_BYTES) });
      at += TIME_BYTES;
    }
  }
  return channels;
}

/** The value of a device. */
export function encodeDevice({ seenAtMs, hadChannels, kickJson, channels }: DeviceRecord): Buffer {
  const head = Buffer.alloc(KICK_AT);
  head.writeUIntBE(seenAtMs, 0, TIME_BYTES);
  head.writeUInt8(hadChannels ? 1 : 0, HAD_CHANNELS_AT);
  const kick = Buffer.from(kickJson);
  head.writeUInt16BE(kick.length, KICK_LENGTH_AT);
  return Buffer.concat([head, kick, ...channels.map(encodeChannel)]);
}

function encodeChannel(channel: ChannelEntry): Buffer {
  const { kind, channelId } = channel;
  switch (kind) {
    case 'held': {
      const { written } = channel;
      if (written === channelId) return entry(HELD, channelId);
      const spelling = Buffer.from(written, 'latin1');
      return Buffer.concat([
        entry(HELD_OTHERWISE, channelId),
        Buffer.from([spelling.length]),
        spelling,
      ]);
    }
    case 'gone':
      return Buffer.concat([entry(GONE, channelId), encodeTime(channel.sinceMs)]);
    default:
      return unreachable(kind);
  }
}

function entry(kind: number, channelId: ChannelId): Buffer {
  const bytes = Buffer.allocUnsafe(ENTRY_BYTES_MIN);
  bytes.writeUInt8(kind, 0);
  writeId(channelId, bytes, 1);
  return bytes;
}

/** The value of the schema. */
export function encodeSchema(version: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(version);
  return bytes;
}

/** Reads what encodeSchema wrote, whoever it was. */
export function decodeSchema(bytes: Buffer): number {
  return bytes.readUInt16BE(0);
}

/** The 16 bytes of an id, dashed or not. By hand: Buffer's own way takes three times as long, and every operation needs it twice. */
function writeId(id: DeviceId | ChannelId, target: Buffer, offset: number): void {
  let at = offset;
  for (let index = 0; index < id.length; ) {
    const code = id.charCodeAt(index);
    if (code === DASH) {
      index += 1;
    } else {
      target[at] = (digit(code) << 4) | digit(id.charCodeAt(index + 1));
      at += 1;
      index += 2;
    }
  }
}

/** A lower-case hex digit: the letters' codes have bit 6 set and end in 1 to 6. */
function digit(code: number): number {
  return (code & 15) + (code >> 6) * 9;
}
