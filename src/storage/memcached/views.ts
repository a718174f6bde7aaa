/** What is known of a device, from the records of its server; and the renewal of those records, since the device was seen. */
import type { ChannelId } from '../../protocol/ids.ts';
import type { DeviceView, HeldChannel } from '../store.ts';
import { decideRenewal } from './decisions.ts';
import { type Call, channelPlace, devicePlace, inSlices, type Tables } from './places.ts';
import {
  currentChannel,
  currentDevice,
  type DeviceRecord,
  type GoneChannel,
  isDueForRenewal,
  type LiveChannel,
} from './records.ts';

type Found = readonly [ChannelId, LiveChannel | GoneChannel];
type Held = readonly [ChannelId, LiveChannel];

/** As Store.readDevice. @throws StoreUnavailableError */
export async function readDeviceView(
  call: Call,
  listed: ReadonlySet<ChannelId>,
  tables: Tables,
): Promise<DeviceView> {
  const [sight, listedFound] = await Promise.all([
    tables.devices.look(devicePlace(call)),
    findChannels(call, [...listed], tables),
  ]);
  const device = currentDevice(sight.record, tables.clock.nowMs(), tables.limits);
  const unlisted = (device?.channelIds ?? []).filter((id) => !listed.has(id));
  const found = [...listedFound, ...(await findChannels(call, unlisted, tables))];
  // A device that only gave a kick target never had a channel.
  const isKnown = found.length > 0 || (device !== undefined && device.channelIds.length > 0);
  if (!isKnown) return { kind: 'unknown' };
  const held = found.filter(isHeld);
  await renewDevice(call, { device, held }, tables);
  await renewChannels(call, held, tables);
  return { kind: 'known', channels: held.map(heldChannel) };
}

async function findChannels(
  call: Call,
  channelIds: readonly ChannelId[],
  { channels, clock, limits }: Tables,
): Promise<readonly Found[]> {
  const sights = await inSlices(channelIds, (id) => channels.look(channelPlace(call, id)));
  const nowMs = clock.nowMs();
  return channelIds.flatMap((id, at): readonly Found[] => {
    const channel = currentChannel(sights[at]?.record, nowMs, limits);
    return channel === undefined ? [] : [[id, channel]];
  });
}

/** Before the channels' records: the device's must outlive them. Also gives back to a list what memcached forgot of it. */
async function renewDevice(
  call: Call,
  { device, held }: { readonly device: DeviceRecord | undefined; readonly held: readonly Held[] },
  { devices, clock, limits }: Tables,
): Promise<void> {
  const onList = new Set(device?.channelIds);
  const isComplete = held.every(([id]) => onList.has(id));
  const isDue = device !== undefined && isDueForRenewal(device.seenAtMs, clock.nowMs(), limits);
  if (isComplete && !isDue) return;
  await devices.edit(devicePlace(call), (record) => {
    const nowMs = clock.nowMs();
    const current = currentDevice(record, nowMs, limits);
    const known = current?.channelIds ?? [];
    const room = Math.max(0, limits.channelsPerDeviceMax - known.length);
    const missing = held.map(([id]) => id).filter((id) => !known.includes(id));
    const channelIds = [...known, ...missing.slice(0, room)];
    return { answer: undefined, next: { seenAtMs: nowMs, channelIds, target: current?.target } };
  });
}

async function renewChannels(
  call: Call,
  held: readonly Held[],
  { channels, clock, limits }: Tables,
): Promise<void> {
  const nowMs = clock.nowMs();
  const due = held.filter(([, channel]) => isDueForRenewal(channel.seenAtMs, nowMs, limits));
  await inSlices(due, ([id]) =>
    channels.edit(channelPlace(call, id), (record) => decideRenewal(record, { nowMs, limits })),
  );
}

function isHeld(found: Found): found is Held {
  return found[1].kind === 'live';
}

function heldChannel([channelId, { spelling, pending }]: Held): HeldChannel {
  const written = spelling === '' ? channelId : spelling;
  return pending === undefined ? { channelId, written } : { channelId, written, pending };
}
