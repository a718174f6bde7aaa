/** What each call of the store makes of one record. Pure: they may be asked again when another node was quicker. */
import type { Version } from '../../protocol/ids.ts';
import type { KickStep } from '../kick-record.ts';
import type { PutOutcome, RegisterOutcome, StoreLimits } from '../store.ts';
import type { Decision } from './edit.ts';
import {
  type ChannelRecord,
  currentChannel,
  currentDevice,
  type DeviceRecord,
  type LiveChannel,
} from './records.ts';

/** When a decision is made, and by which limits. */
export interface Moment {
  readonly nowMs: number;
  readonly limits: StoreLimits;
}

type ChannelDecision<A> = Decision<ChannelRecord, A>;

/** The higher version stays; a channel that is not held needs room on its device. */
export function decidePut(
  record: ChannelRecord | undefined,
  { version, hasRoom }: { readonly version: Version; readonly hasRoom: boolean },
  { nowMs, limits }: Moment,
): ChannelDecision<PutOutcome> {
  const channel = currentChannel(record, nowMs, limits);
  if (channel === undefined && !hasRoom) return { answer: 'gone' };
  if (channel?.kind === 'gone') return { answer: 'gone' };
  if (channel?.pending !== undefined && channel.pending.version >= version) {
    return { answer: 'stale' };
  }
  const held = channel ?? newChannel('', nowMs);
  return { answer: 'stored', next: { ...held, pending: { version, storedAtMs: nowMs } } };
}

/** A version higher than `throughVersion` stays. */
export function decideAck(
  record: ChannelRecord | undefined,
  throughVersion: Version,
  { nowMs, limits }: Moment,
): ChannelDecision<void> {
  const channel = currentChannel(record, nowMs, limits);
  if (channel?.kind !== 'live' || channel.pending === undefined) return { answer: undefined };
  if (channel.pending.version > throughVersion) return { answer: undefined };
  return { answer: undefined, next: { ...channel, pending: undefined } };
}

/** What is pending stays; a gone channel starts anew, if its device has room. */
export function decideRegister(
  record: ChannelRecord | undefined,
  { spelling, hasRoom }: { readonly spelling: string; readonly hasRoom: boolean },
  { nowMs, limits }: Moment,
): ChannelDecision<RegisterOutcome> {
  const channel = currentChannel(record, nowMs, limits);
  // Written also when nothing changes: whatever was decided before this call can then not be written after it.
  if (channel?.kind === 'live') return { answer: 'registered', next: { ...channel, spelling } };
  if (!hasRoom) return { answer: 'full' };
  return { answer: 'registered', next: newChannel(spelling, nowMs) };
}

/** Gone for `goneTtlMs` from now, also when nobody knew it. */
export function decideUnregister({ nowMs }: Moment): ChannelDecision<void> {
  return { answer: undefined, next: { kind: 'gone', goneAtMs: nowMs } };
}

/** Unlike unregistering, this leaves a channel alone that nobody holds. */
export function decideDrop(
  record: ChannelRecord | undefined,
  moment: Moment,
): ChannelDecision<void> {
  const channel = currentChannel(record, moment.nowMs, moment.limits);
  return channel?.kind === 'live' ? decideUnregister(moment) : { answer: undefined };
}

/** The device was seen: a held channel lives on. */
export function decideRenewal(
  record: ChannelRecord | undefined,
  { nowMs, limits }: Moment,
): ChannelDecision<void> {
  const channel = currentChannel(record, nowMs, limits);
  if (channel?.kind !== 'live') return { answer: undefined };
  return { answer: undefined, next: { ...channel, seenAtMs: nowMs } };
}

/** What a hello makes of the kick record: the device is seen. */
export function decideKickAtHello(
  record: DeviceRecord | undefined,
  step: KickStep<void>,
  moment: Moment,
): Decision<DeviceRecord, void> {
  const { answer, next } = decideKick(record, step, moment);
  return next === undefined ? { answer } : { answer, next: { ...next, seenAtMs: moment.nowMs } };
}

/** What the kick role makes of it. */
export function decideKick<A>(
  record: DeviceRecord | undefined,
  step: KickStep<A>,
  { nowMs, limits }: Moment,
): Decision<DeviceRecord, A> {
  const device = currentDevice(record, nowMs, limits);
  const { answer, next } = step(device?.kick);
  if (next === undefined) return { answer };
  const { seenAtMs, channelIds } = device ?? { seenAtMs: nowMs, channelIds: [] };
  return { answer, next: { seenAtMs, channelIds, kick: next === 'removed' ? undefined : next } };
}

function newChannel(spelling: string, nowMs: number): LiveChannel {
  return { kind: 'live', seenAtMs: nowMs, spelling, pending: undefined };
}
