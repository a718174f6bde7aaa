/**
 * The list of channels that each device has, since memcached cannot be asked which keys it holds.
 *
 * A held channel that is not on the list would be lost sight of, with its pending version. So the list is written first, the
 * channel's record after it: between the two, and after a crash between the two, the list names a channel that nobody holds,
 * which harms nobody. Nothing leaves a list but what prune() takes away, for want of room.
 *
 * That prune() takes no channel away that somebody is about to hold, two rules see to. Who makes a channel held (H) looks at its
 * record (H1), writes the list, also when the channel is on it already (H2), and writes the record if it still is as in H1 (H3). Who
 * prunes (P) looks at the list (P1), writes over each record to be taken away, be it with the same words (P2), and writes the list
 * if it still is as in P1 (P3). If H2 comes between P1 and P3, P3 fails. If H2 comes after P3, the channel is back on the
 * list. If H2 comes before P1, so does H1; then P2 comes between H1 and H3 and H3 fails, or P2 comes after H3 and finds the
 * channel held, or fails. All this is one connection's cas numbers (see Stamp), and all records of a device are on one server.
 */
import {
  type ChannelPlace,
  channelPlace,
  devicePlace,
  inSlices,
  type Tables,
} from './memcached-places.ts';
import { type ChannelRecord, currentChannel, currentDevice } from './memcached-records.ts';
import { StoreUnavailableError } from './store.ts';

/** Each failed attempt means that others took the room that was made, or made it themselves. */
const JOIN_ATTEMPTS_MAX = 16;

/**
 * Puts the channel on its device's list (H2). False when the device holds `channelsPerDeviceMax` others.
 * @throws StoreUnavailableError
 */
export async function joinList(place: ChannelPlace, tables: Tables): Promise<boolean> {
  for (let attempt = 0; attempt < JOIN_ATTEMPTS_MAX; attempt++) {
    if (await enter(place, tables)) return true;
    if ((await prune(place, tables)) === 'full') return false;
  }
  throw new StoreUnavailableError('other nodes kept changing the same list of channels');
}

function enter(place: ChannelPlace, { devices, limits, clock }: Tables): Promise<boolean> {
  return devices.edit(devicePlace(place), (record) => {
    const nowMs = clock.nowMs();
    const device = currentDevice(record, nowMs, limits);
    const others = (device?.channelIds ?? []).filter((id) => id !== place.channelId);
    if (others.length >= limits.channelsPerDeviceMax) return { answer: false };
    // The device's record must outlive the channel's, whose time begins now.
    const next = {
      seenAtMs: nowMs,
      channelIds: [...others, place.channelId],
      target: device?.target,
    };
    return { answer: true, next };
  });
}

/** Takes away what is held no longer. `full` when all others on the list are held. */
async function prune(place: ChannelPlace, tables: Tables): Promise<'full' | 'changed'> {
  const { devices, limits, clock } = tables;
  const list = await devices.look(devicePlace(place));
  const device = currentDevice(list.record, clock.nowMs(), limits);
  if (device === undefined) return 'changed';
  const others = device.channelIds.filter((id) => id !== place.channelId);
  const claims = await inSlices(others, (id) => claim(channelPlace(place, id), tables));
  if (claims.every((outcome) => outcome === 'held')) return 'full';
  const claimed = new Set(others.filter((_, at) => claims[at] === 'claimed'));
  const channelIds = device.channelIds.filter((id) => !claimed.has(id));
  await devices.writeOver(list.stamp, devicePlace(place), { ...device, channelIds });
  return 'changed';
}

/** Writes over the record of a channel that nobody holds (P2). `lost`: somebody else wrote there meanwhile. */
async function claim(
  place: ChannelPlace,
  { channels, limits, clock }: Tables,
): Promise<'held' | 'claimed' | 'lost'> {
  const sight = await channels.look(place);
  const nowMs = clock.nowMs();
  const channel = currentChannel(sight.record, nowMs, limits);
  if (channel?.kind === 'live') return 'held';
  const next: ChannelRecord = channel ?? { kind: 'void', voidAtMs: nowMs };
  return (await channels.writeOver(sight.stamp, place, next)) === undefined ? 'lost' : 'claimed';
}
