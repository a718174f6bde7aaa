/** Ids, versions and limits for the tests of the stores. */
import { randomUUID } from 'node:crypto';
import { assert } from '../../src/assert.ts';
import type { KickTarget } from '../../src/protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../../src/protocol/ids.ts';
import { parseDeviceId, parseWrittenChannel, toVersion } from '../../src/protocol/ids.ts';
import type { DeviceView, HeldChannel, Store, StoreLimits } from '../../src/storage/store.ts';

const MINUTE_MS = 60_000;

/** Small enough to reach each of them; no two alike, so that a driver cannot take one for another. */
export const TEST_LIMITS: StoreLimits = {
  channelsPerDeviceMax: 4,
  channelTtlMs: 100 * MINUTE_MS,
  updateTtlMs: 30 * MINUTE_MS,
  goneTtlMs: 40 * MINUTE_MS,
};

/** A device no other test knows: stores that outlive a test stay out of each other's way. */
export function newDevice(): DeviceId {
  const deviceId = parseDeviceId(randomUUID());
  assert(deviceId !== undefined, 'a UUID is a device id');
  return deviceId;
}

/** A channel in the form we keep. */
export function newChannel(): ChannelId {
  return written(randomUUID()).channelId;
}

/** A channel as a device wrote it. */
export function written(text: string): WrittenChannel {
  const channel = parseWrittenChannel(text);
  assert(channel !== undefined, `${text} is a channel id`);
  return channel;
}

/** The channel as most devices write it: in the form we keep. */
export function plain(channelId: ChannelId): WrittenChannel {
  return { channelId, written: channelId };
}

export function version(value: number): Version {
  const checked = toVersion(value);
  assert(checked !== undefined, `${value} is a version`);
  return checked;
}

/** The held channels, in the order of their ids: stores promise no order. */
export function channelsOf(view: DeviceView): readonly HeldChannel[] {
  assert(view.kind === 'known', `a known device, not ${view.kind}`);
  return [...view.channels].sort((a, b) => (a.channelId < b.channelId ? -1 : 1));
}

/** The pending version of one channel; undefined when nothing is pending or the channel is not held. */
export async function pendingOf(
  store: Store,
  deviceId: DeviceId,
  channelId: ChannelId,
): Promise<number | undefined> {
  const view = await store.readDevice(deviceId, []);
  if (view.kind !== 'known') return undefined;
  return view.channels.find((channel) => channel.channelId === channelId)?.pending?.version;
}

/** Where the device is kicked; undefined when it gave nothing. */
export async function targetOf(store: Store, deviceId: DeviceId): Promise<KickTarget | undefined> {
  return (await store.readKick(deviceId)).target?.target;
}
