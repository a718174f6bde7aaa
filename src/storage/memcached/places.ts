/** The records of all devices, and where in them a call of the store finds those of its device. */
import type { Clock } from '../../clock.ts';
import type { ChannelId, DeviceId } from '../../protocol/ids.ts';
import type { StoreLimits } from '../store.ts';
import type { Place, RecordEditor, RecordServer } from './editor.ts';
import { type ChannelRecord, channelKey, type DeviceRecord, deviceKey } from './records.ts';

/** One device, for one call of the store. */
export interface DevicePlace extends Place {
  readonly deviceId: DeviceId;
}

/** One channel, for one call of the store. */
export interface ChannelPlace extends DevicePlace {
  readonly channelId: ChannelId;
}

/** The records of all devices. */
export interface Tables {
  readonly devices: RecordEditor<DeviceRecord, DevicePlace>;
  readonly channels: RecordEditor<ChannelRecord, ChannelPlace>;
  readonly limits: StoreLimits;
  readonly clock: Clock;
}

/** What a call of the store has to do with, whatever it is about. */
export interface Call {
  readonly server: RecordServer;
  readonly deviceId: DeviceId;
  readonly beginByMs: number;
}

/** Where the record of the device itself is. */
export function devicePlace({ server, deviceId, beginByMs }: Call): DevicePlace {
  return { server, key: deviceKey(deviceId), beginByMs, deviceId };
}

/** Where the record of one of the device's channels is: on the same server, so that commands for a device keep their order. */
export function channelPlace(
  { server, deviceId, beginByMs }: Call,
  channelId: ChannelId,
): ChannelPlace {
  return { server, key: channelKey(deviceId, channelId), beginByMs, deviceId, channelId };
}

/** Records of one device that are asked for at once; more would crowd out the requests of others. */
export const RECORDS_AT_ONCE_MAX = 256;

/** Does `work` for each item, a bounded number at once, and keeps their order. Rejects with the first rejection. */
export async function inSlices<T, U>(
  items: readonly T[],
  work: (item: T) => Promise<U>,
): Promise<U[]> {
  const results: U[] = [];
  for (let at = 0; at < items.length; at += RECORDS_AT_ONCE_MAX) {
    const slice = items.slice(at, at + RECORDS_AT_ONCE_MAX);
    results.push(...(await Promise.all(slice.map(work))));
  }
  return results;
}
