/** What becomes of a device's record: pure, from the record as it was read to the one that takes its place. */
import { assert } from '../../assert.ts';
import type { ChannelId, Version, WrittenChannel } from '../../protocol/ids.ts';
import { decodeKick, encodeKick, type KickStep } from '../kick-record.ts';
import type {
  KickRecord,
  PendingVersion,
  PutOutcome,
  RegisterOutcome,
  StoreLimits,
} from '../store.ts';
import type { ChannelEntry, DeviceRecord } from './records.ts';

/** When something is decided, and by which bounds. */
export interface Moment {
  readonly nowMs: number;
  readonly limits: StoreLimits;
}

/** An answer, and what must be written before it may be given. */
export interface DeviceEdit<Answer> {
  readonly answer: Answer;
  /** Absent when the record stays as it is; then nothing at all is written. */
  readonly next?: DeviceRecord;
  /** The update to write along with it. */
  readonly update?: { readonly channelId: ChannelId; readonly pending: PendingVersion };
  /** The channels whose updates go along with it, if they have any. */
  readonly withoutUpdatesOf?: readonly ChannelId[];
  /** Whether it takes room that the store did not use before. */
  readonly grows?: boolean;
}

/**
 * A device counts as seen whenever it says hello, but that is written down only when this part of `channelTtlMs` has passed since the
 * last time: a hello then costs no write as a rule. What is kept is kept that much longer, so never too short.
 */
const RENEWAL_PART = 0.1;

const NO_DEVICE: DeviceRecord = { seenAtMs: 0, hadChannels: false, kickJson: '', channels: [] };

/** How long a device is kept after it was last written down as seen. */
export function deviceKeptMs({ channelTtlMs }: StoreLimits): number {
  return channelTtlMs * (1 + RENEWAL_PART);
}

/** Whether it is time to write down that the device was seen. */
export function isRenewalDue({ seenAtMs }: DeviceRecord, { nowMs, limits }: Moment): boolean {
  return nowMs - seenAtMs > limits.channelTtlMs * RENEWAL_PART;
}

/** What is left of a device at this moment; a device that is forgotten is one that never was. */
export function currentDevice(read: DeviceRecord | undefined, moment: Moment): DeviceRecord {
  if (read === undefined) return NO_DEVICE;
  const { nowMs, limits } = moment;
  const isKept = nowMs - read.seenAtMs <= deviceKeptMs(limits);
  const channels = read.channels.filter((channel) =>
    channel.kind === 'held' ? isKept : nowMs - channel.sinceMs <= limits.goneTtlMs,
  );
  return isKept ? { ...read, channels } : { ...NO_DEVICE, channels };
}

/** Whether anything at all is known of it. */
export function isRemembered({ hadChannels, kickJson, channels }: DeviceRecord): boolean {
  return hadChannels || kickJson !== '' || channels.length > 0;
}

/** Nothing is written when nothing would change: devices register again what they have. */
export function registerChannel(
  device: DeviceRecord,
  { channelId, written }: WrittenChannel,
  moment: Moment,
): DeviceEdit<RegisterOutcome> {
  const known = device.channels.find((channel) => channel.channelId === channelId);
  const isHeld = known?.kind === 'held';
  if (isHeld && known.written === written && !isRenewalDue(device, moment)) {
    return { answer: 'registered' };
  }
  if (!isHeld && isFull(device, moment.limits)) return { answer: 'full' };
  const next = seen(device, [{ kind: 'held', channelId, written }], moment);
  if (isHeld) return { answer: 'registered', next };
  // An earlier life of the channel may have left an update behind (decidePut): it starts with nothing pending.
  return { answer: 'registered', next, withoutUpdatesOf: [channelId], grows: true };
}

/** Makes the channel gone, whether it was held or not. */
export function unregisterChannel(
  device: DeviceRecord,
  channelId: ChannelId,
  moment: Moment,
): DeviceEdit<void> {
  const next = seen(device, [goneNow(channelId, moment)], moment);
  return { answer: undefined, next, withoutUpdatesOf: [channelId] };
}

/** Nothing is written of a device of which nothing is known. */
export function dropDevice(device: DeviceRecord, moment: Moment): DeviceEdit<void> {
  if (!isRemembered(device)) return { answer: undefined };
  const held = device.channels.filter(({ kind }) => kind === 'held');
  const channelIds = held.map(({ channelId }) => channelId);
  const gone = channelIds.map((channelId) => goneNow(channelId, moment));
  const next = { ...seen(device, gone, moment), hadChannels: device.hadChannels, kickJson: '' };
  return { answer: undefined, next, withoutUpdatesOf: channelIds };
}

/** A PUT to a channel that is not held: its endpoint's token proves that we once issued it, so it is held from now on. */
export function putUnheld(
  device: DeviceRecord,
  { channelId, version }: { readonly channelId: ChannelId; readonly version: Version },
  moment: Moment,
): DeviceEdit<PutOutcome> {
  const isGone = device.channels.some((one) => one.kind === 'gone' && one.channelId === channelId);
  if (isGone || isFull(device, moment.limits)) return { answer: 'gone' };
  const { nowMs } = moment;
  const next: DeviceRecord = {
    ...device,
    // A PUT is no sign of the device, but what had no channels begins its time with the first.
    seenAtMs: device.hadChannels ? device.seenAtMs : nowMs,
    hadChannels: true,
    channels: [...device.channels, { kind: 'held', channelId, written: channelId }],
  };
  const update = { channelId, pending: { version, storedAtMs: nowMs } };
  return { answer: 'stored', next, update, grows: true };
}

/** The times of a kick record. One of an earlier version gets them at the device's next hello, which a full store must not fail. */
const KICK_TIMES_CHARACTERS = 100;

/** What a hello makes of the kick record: the device is seen, and a new target may need room. */
export function editKickAtHello(
  device: DeviceRecord,
  step: KickStep<void>,
  moment: Moment,
): DeviceEdit<void> {
  const { next } = editKick(device, step);
  if (next === undefined) return renew(device, moment);
  const kept = device.kickJson === '' ? 0 : device.kickJson.length + KICK_TIMES_CHARACTERS;
  const grows = next.kickJson.length > kept;
  return { answer: undefined, next: { ...next, seenAtMs: moment.nowMs }, grows };
}

/** What the kick role makes of it. A few bytes at most, which a full store has left: it goes on waking devices. */
export function editKick<Answer>(device: DeviceRecord, step: KickStep<Answer>): DeviceEdit<Answer> {
  const { answer, next } = step(kickOf(device.kickJson));
  if (next === undefined) return { answer };
  return {
    answer,
    next: { ...device, kickJson: encodeKick(next === 'removed' ? undefined : next) },
  };
}

/** Reads the kick record of a device. */
export function kickOf(kickJson: string): KickRecord | undefined {
  if (kickJson === '') return undefined;
  const record = decodeKick(kickJson);
  assert(record !== undefined, 'a kick record holds a target');
  return record;
}

/** Writes down that the device was seen, when that is due. */
export function renew(device: DeviceRecord, moment: Moment): DeviceEdit<void> {
  const isKept = device.hadChannels || device.kickJson !== '';
  if (!isKept || !isRenewalDue(device, moment)) return { answer: undefined };
  return { answer: undefined, next: { ...device, seenAtMs: moment.nowMs } };
}

/** The device with these channels in the place of what it knew of them. */
function seen(
  device: DeviceRecord,
  changed: readonly ChannelEntry[],
  moment: Moment,
): DeviceRecord {
  const changedIds = new Set(changed.map(({ channelId }) => channelId));
  const kept = device.channels.filter(({ channelId }) => !changedIds.has(channelId));
  return {
    ...device,
    seenAtMs: moment.nowMs,
    hadChannels: true,
    channels: boundGone([...kept, ...changed], moment.limits),
  };
}

/**
 * A device has no more gone channels than it may hold, or one that registers and unregisters for ever would fill the store. The
 * one that went first is forgotten first: changed channels go to the end.
 */
function boundGone(
  channels: readonly ChannelEntry[],
  { channelsPerDeviceMax }: StoreLimits,
): readonly ChannelEntry[] {
  let excess = channels.filter(({ kind }) => kind === 'gone').length - channelsPerDeviceMax;
  if (excess <= 0) return channels;
  return channels.filter(({ kind }) => {
    if (kind === 'held' || excess <= 0) return true;
    excess -= 1;
    return false;
  });
}

function goneNow(channelId: ChannelId, { nowMs }: Moment): ChannelEntry {
  return { kind: 'gone', channelId, sinceMs: nowMs };
}

function isFull({ channels }: DeviceRecord, { channelsPerDeviceMax }: StoreLimits): boolean {
  let held = 0;
  for (const { kind } of channels) if (kind === 'held') held += 1;
  return held >= channelsPerDeviceMax;
}
