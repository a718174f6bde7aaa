/** How the writes of the embedded driver are decided, each in its group. */
import type { ChannelId, DeviceId, Version } from '../protocol/ids.ts';
import {
  currentDevice,
  type DeviceEdit,
  deviceKeptMs,
  type Moment,
  putUnheld,
} from './embedded-device.ts';
import type { Decision, Group, GroupUpdate } from './embedded-group.ts';
import {
  type DeviceRecord,
  decodeDevice,
  deviceKey,
  encodeDevice,
  encodeUpdate,
  holdsChannelOf,
  seenAtMsOf,
  updateKey,
} from './embedded-records.ts';
import type { Ack, PutOutcome } from './store.ts';

export interface Put {
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
  readonly version: Version;
}

/**
 * A PUT to a held channel reads the device and writes the update only. Should another process make the channel gone in between, the
 * update is left where nobody reads it, as if it had come a moment before; whoever makes the channel held again removes it in
 * the same write.
 */
export function decidePut(group: Group, put: Put): Decision<PutOutcome> | 'later' {
  const { deviceId, channelId } = put;
  if (group.touched(deviceId) === 'device') return 'later';
  const key = updateKey(deviceId, channelId);
  const device = group.file.get(deviceKey(deviceId));
  const isHeld =
    device !== undefined &&
    group.nowMs - seenAtMsOf(device) <= deviceKeptMs(group.limits) &&
    holdsChannelOf(device, key);
  if (isHeld) return putHeld(group, put, key);
  return decideDevice(group, deviceId, (read, moment) => putUnheld(read, put, moment));
}

function putHeld(group: Group, put: Put, key: Buffer): Decision<PutOutcome> {
  const { deviceId, channelId, version } = put;
  const read = group.readUpdate(deviceId, channelId, key);
  if (waits(read, version, group)) return { answer: 'stale', written: read.written };
  if (read.stamp === undefined) group.requireRoom();
  const pending = { version, storedAtMs: group.nowMs };
  return { answer: 'stored', written: group.writeUpdate(deviceId, key, { read, pending }) };
}

/** Whether this version or a higher one is pending. */
function waits({ pending }: GroupUpdate, version: Version, { nowMs, limits }: Moment): boolean {
  if (pending === undefined || nowMs - pending.storedAtMs > limits.updateTtlMs) return false;
  return pending.version >= version;
}

/** Whether the channels are held does not matter: what is pending on others is never read. */
export function decideAcks(
  group: Group,
  deviceId: DeviceId,
  acks: readonly Ack[],
): Decision<void> | 'later' {
  if (group.touched(deviceId) === 'device') return 'later';
  const writes: Promise<boolean>[] = [];
  for (const { channelId, throughVersion } of acks) {
    const key = updateKey(deviceId, channelId);
    const read = group.readUpdate(deviceId, channelId, key);
    const isDone = read.pending !== undefined && read.pending.version <= throughVersion;
    const written = isDone
      ? group.writeUpdate(deviceId, key, { read, pending: undefined })
      : read.written;
    if (written !== undefined) writes.push(written);
  }
  if (writes.length < 2) return { answer: undefined, written: writes[0] };
  return { answer: undefined, written: Promise.all(writes).then(areAllTrue) };
}

function areAllTrue(all: readonly boolean[]): boolean {
  return all.every((one) => one);
}

/** Writes what `edit` makes of the device, with the updates that come and go along with it, if nobody changed the device meanwhile. */
export function decideDevice<Answer>(
  group: Group,
  deviceId: DeviceId,
  edit: (device: DeviceRecord, moment: Moment) => DeviceEdit<Answer>,
): Decision<Answer> | 'later' {
  if (group.touched(deviceId) !== 'nothing') return 'later';
  const { file } = group;
  const bytes = file.get(deviceKey(deviceId));
  const stamp = bytes === undefined ? undefined : file.lastStamp();
  const read = bytes === undefined ? undefined : decodeDevice(bytes);
  const { answer, next, update, withoutUpdatesOf, grows } = edit(currentDevice(read, group), group);
  if (next === undefined) return { answer };
  if (grows) group.requireRoom();
  group.takeDevice(deviceId);
  const written = file.guard(deviceKey(deviceId), stamp, () => {
    file.putGuarded(deviceKey(deviceId), encodeDevice(next));
    for (const channelId of withoutUpdatesOf ?? []) {
      file.removeGuarded(updateKey(deviceId, channelId));
    }
    if (update === undefined) return;
    file.putGuarded(updateKey(deviceId, update.channelId), encodeUpdate(update.pending));
  });
  return { answer, written };
}
