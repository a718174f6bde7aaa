/** What is known of a device, from the records of its server; and the renewal of those records, since the device was seen. */
import type { KickTarget } from '../../protocol/connect.ts';
import type { ChannelId } from '../../protocol/ids.ts';
import type { DeviceView, HeldChannel, KickView } from '../store.ts';
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
  const held = found.filter(isHeld);
  await renewDevice(call, { device, held }, tables);
  if (!isKnown) return { kind: 'unknown' };
  await renewChannels(call, held, tables);
  const view = { kind: 'known', channels: held.map(heldChannel) } as const;
  const targetType = device?.kick?.target.type;
  return targetType === undefined ? view : { ...view, targetType };
}

/** As Store.readTargetType. @throws StoreUnavailableError */
export async function readTargetType(
  call: Call,
  { devices, clock, limits }: Tables,
): Promise<KickTarget['type'] | undefined> {
  const { record } = await devices.look(devicePlace(call));
  return currentDevice(record, clock.nowMs(), limits)?.kick?.target.type;
}

/** As Store.readKick. A channel that the list has lost with the device's record is not looked for. @throws StoreUnavailableError */
export async function readKickView(call: Call, tables: Tables): Promise<KickView> {
  const { record } = await tables.devices.look(devicePlace(call));
  const device = currentDevice(record, tables.clock.nowMs(), tables.limits);
  if (device === undefined) return { hasPending: false };
  const found = await findChannels(call, device.channelIds, tables);
  const hasPending = found.some(isPending);
  return device.kick === undefined ? { hasPending } : { target: device.kick, hasPending };
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
    return { answer: undefined, next: { seenAtMs: nowMs, channelIds, kick: current?.kick } };
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

function isPending([, channel]: Found): boolean {
  return channel.kind === 'live' && channel.pending !== undefined;
}

function isHeld(found: Found): found is Held {
  return found[1].kind === 'live';
}

function heldChannel([channelId, { spelling, pending }]: Held): HeldChannel {
  const written = spelling === '' ? channelId : spelling;
  return pending === undefined ? { channelId, written } : { channelId, written, pending };
}
