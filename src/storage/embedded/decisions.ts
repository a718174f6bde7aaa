/** How the writes of the embedded driver are decided: what they read, what they answer, and what they ask the file to write. */
import type { ChannelId, DeviceId, Version } from '../../protocol/ids.ts';
import type { Ack, PutOutcome } from '../store.ts';
import { currentDevice, type DeviceEdit, deviceKeptMs, type Moment, putUnheld } from './device.ts';
import { newStamp } from './file.ts';
import type { Decision, Group, UpdateState } from './group.ts';
import {
  type DeviceRecord,
  decodeDevice,
  deviceKey,
  deviceKeyOf,
  encodeDevice,
  encodeTime,
  encodeUpdate,
  holdsChannelOf,
  LIFE_KEY,
  seenAtMsOf,
  updateKey,
} from './records.ts';

/** A version on its way to a channel. */
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
  if (group.changed(deviceId) === 'device') return 'later';
  const key = updateKey(deviceId, channelId);
  const device = group.file.get(deviceKeyOf(key));
  const isHeld =
    device !== undefined &&
    group.nowMs - seenAtMsOf(device) <= deviceKeptMs(group.limits) &&
    holdsChannelOf(device, key);
  if (isHeld) return putHeld(group, put, key);
  return decideDevice(group, deviceId, (read, moment) => putUnheld(read, put, moment));
}

function putHeld(group: Group, put: Put, key: Buffer): Decision<PutOutcome> {
  const read = group.readUpdate(put.deviceId, put.channelId, key);
  if (waits(read, put.version, group)) return { answer: 'stale', written: read.written };
  if (read.stamp === undefined) group.requireRoom();
  const pending = { version: put.version, storedAtMs: group.nowMs };
  const written = group.changeUpdate(put, key, { read: read.stamp, pending });
  return { answer: 'stored', written };
}

/** Whether this version or a higher one is pending. */
function waits({ pending }: UpdateState, version: Version, { nowMs, limits }: Moment): boolean {
  if (pending === undefined || nowMs - pending.storedAtMs > limits.updateTtlMs) return false;
  return pending.version >= version;
}

/** Whether the channels are held does not matter: nobody reads what is pending on others. */
export function decideAcks(
  group: Group,
  deviceId: DeviceId,
  acks: readonly Ack[],
): Decision<void> | 'later' {
  if (group.changed(deviceId) === 'device') return 'later';
  const writes: Promise<boolean>[] = [];
  for (const { channelId, throughVersion } of acks) {
    const key = updateKey(deviceId, channelId);
    const read = group.readUpdate(deviceId, channelId, key);
    const isDone = read.pending !== undefined && read.pending.version <= throughVersion;
    const removal = { read: read.stamp, pending: undefined };
    const written = isDone
      ? group.changeUpdate({ deviceId, channelId }, key, removal)
      : read.written;
    if (written !== undefined) writes.push(written);
  }
  return { answer: undefined, written: allOf(writes) };
}

function allOf(writes: readonly Promise<boolean>[]): Promise<boolean> | undefined {
  if (writes.length < 2) return writes[0];
  return Promise.all(writes).then((all) => all.every((isWritten) => isWritten));
}

/** Writes what `edit` makes of the device, with the updates that come and go along with it, if nobody changed the device meanwhile. */
export function decideDevice<Answer>(
  group: Group,
  deviceId: DeviceId,
  edit: (device: DeviceRecord, moment: Moment) => DeviceEdit<Answer>,
): Decision<Answer> | 'later' {
  if (group.changed(deviceId) !== 'nothing') return 'later';
  const { file } = group;
  const key = deviceKey(deviceId);
  const bytes = file.get(key);
  const stamp = bytes === undefined ? undefined : file.lastStamp();
  const read = bytes === undefined ? undefined : decodeDevice(bytes);
  const { answer, next, update, withoutUpdatesOf, grows } = edit(currentDevice(read, group), group);
  if (next === undefined) return { answer, written: undefined };
  if (grows) group.requireRoom();
  group.takeDevice(deviceId);
  const written = file.guard(key, stamp, () => {
    file.putGuarded(key, encodeDevice(next));
    for (const channelId of withoutUpdatesOf ?? []) {
      file.removeGuarded(updateKey(deviceId, channelId));
    }
    if (update === undefined) return;
    file.putGuarded(updateKey(deviceId, update.channelId), encodeUpdate(update.pending));
  });
  return { answer, written };
}

/** Proves that the file can be written. */
export function decideCheck({ file, nowMs }: Group): Decision<void> {
  const read = file.get(LIFE_KEY) === undefined ? undefined : file.lastStamp();
  const written = file.put(LIFE_KEY, encodeTime(nowMs), { read, next: newStamp() });
  // Should another process have been first, then the file has been written too.
  return { answer: undefined, written: written.then(() => true) };
}
