/**
 * The list of channels that each device has, since memcached cannot be asked which keys it holds.
 *
 * A held channel that is not on the list would be lost sight of, with its pending version. So the list is written first, the
 * channel's record after it: between the two, and after a crash between the two, the list names a channel that nobody holds,
 * which harms nobody. Nothing leaves a list but what is pruned, for want of room.
 *
 * That no channel is pruned that somebody is about to hold, two rules see to. Who makes a channel held (H) looks at its
 * record (H1), writes the list, also when the channel is on it already (H2), and writes the record if it still is as in H1 (H3). Who
 * prunes (P) looks at the list (P1), writes over each record to be taken away, be it with the same words (P2), and writes the list
 * if it still is as in P1 (P3). If H2 comes between P1 and P3, P3 fails. If H2 comes after P3, the channel is back on the
 * list. If H2 comes before P1, so does H1; then P2 comes between H1 and H3 and H3 fails, or P2 comes after H3 and finds the
 * channel held, or fails. All this is one connection's cas numbers (see Stamp), and all records of a device are on one server.
 */
import { setTimeout } from 'node:timers/promises';
import type { ChannelId } from '../../protocol/ids.ts';
import { StoreUnavailableError } from '../store.ts';
import type { Sight } from './editor.ts';
import { type ChannelPlace, channelPlace, devicePlace, inSlices, type Tables } from './places.ts';
import { type ChannelRecord, currentChannel, currentDevice, type DeviceRecord } from './records.ts';

/** Each failed attempt means that another node wrote the same list, or a record on it, in the same instant. */
const JOIN_ATTEMPTS_MAX = 16;

/** Two nodes that keep getting into each other's way meet no more after a wait of a random part of this. */
const JOIN_PAUSE_MS_MAX = 5;

/**
 * Puts the channel on its device's list (H2). False when the device holds `channelsPerDeviceMax` others.
 * @throws StoreUnavailableError
 */
export async function joinList(place: ChannelPlace, tables: Tables): Promise<boolean> {
  if (await enter(place, tables)) return true;
  for (let attempt = 0; attempt < JOIN_ATTEMPTS_MAX; attempt++) {
    const outcome = await enterForAnother(place, tables);
    if (outcome !== 'changed') return outcome === 'entered';
    await setTimeout(Math.random() * JOIN_PAUSE_MS_MAX);
  }
  throw new StoreUnavailableError('other nodes kept changing the same list of channels');
}

function enter(place: ChannelPlace, { devices, limits, clock }: Tables): Promise<boolean> {
  return devices.edit(devicePlace(place), (record) => {
    const nowMs = clock.nowMs();
    const device = currentDevice(record, nowMs, limits);
    const others = othersOn(device, place);
    if (others.length >= limits.channelsPerDeviceMax) return { answer: false };
    return { answer: true, next: listOf([...others, place.channelId], device, nowMs) };
  });
}

/** Prunes the list, and enters the channel in the same write. `full` when too many others on the list are held. */
async function enterForAnother(
  place: ChannelPlace,
  tables: Tables,
): Promise<'entered' | 'full' | 'changed'> {
  const { devices, limits, clock } = tables;
  const list = await devices.look(devicePlace(place));
  const nowMs = clock.nowMs();
  const device = currentDevice(list.record, nowMs, limits);
  const others = othersOn(device, place);
  const idle = await idleAmong(others, place, tables);
  const tooMany = others.length + 1 - limits.channelsPerDeviceMax;
  if (idle.length < tooMany) return 'full';
  // A channel without any record may be one that another node is about to hold: it is the last to be taken away.
  const written = idle.filter(({ sight }) => sight.record !== undefined);
  const unwritten = idle.filter(({ sight }) => sight.record === undefined);
  const chosen = [...written, ...unwritten].slice(0, Math.max(written.length, tooMany));
  const claims = await inSlices(chosen, (channel) => claim(channel, place, tables));
  if (claims.includes(false)) return 'changed';
  const claimed = new Set(chosen.map(({ id }) => id));
  const rest = others.filter((id) => !claimed.has(id));
  const next = listOf([...rest, place.channelId], device, nowMs);
  const stamp = await devices.writeOver(list.stamp, devicePlace(place), next);
  return stamp === undefined ? 'changed' : 'entered';
}

/** A channel on the list that nobody holds. */
interface IdleChannel {
  readonly id: ChannelId;
  readonly sight: Sight<ChannelRecord>;
}

async function idleAmong(
  ids: readonly ChannelId[],
  place: ChannelPlace,
  { channels, limits, clock }: Tables,
): Promise<readonly IdleChannel[]> {
  const found = await inSlices(ids, async (id) => {
    const sight = await channels.look(channelPlace(place, id));
    return { id, sight };
  });
  const nowMs = clock.nowMs();
  return found.filter(({ sight }) => currentChannel(sight.record, nowMs, limits)?.kind !== 'live');
}

/** Writes over the record (P2). Returns false when somebody else wrote there meanwhile. */
async function claim(
  { id, sight }: IdleChannel,
  place: ChannelPlace,
  { channels, limits, clock }: Tables,
): Promise<boolean> {
  const nowMs = clock.nowMs();
  const current = currentChannel(sight.record, nowMs, limits);
  const next: ChannelRecord = current ?? { kind: 'void', voidAtMs: nowMs };
  const stamp = await channels.writeOver(sight.stamp, channelPlace(place, id), next);
  return stamp !== undefined;
}

function othersOn(
  device: DeviceRecord | undefined,
  { channelId }: ChannelPlace,
): readonly ChannelId[] {
  return (device?.channelIds ?? []).filter((id) => id !== channelId);
}

/** The device's record must outlive the channel's, whose time begins now. */
function listOf(
  channelIds: readonly ChannelId[],
  device: DeviceRecord | undefined,
  nowMs: number,
): DeviceRecord {
  return { seenAtMs: nowMs, channelIds, kick: device?.kick };
}
