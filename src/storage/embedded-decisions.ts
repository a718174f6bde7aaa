/** How the writes of the embedded driver are decided: what they read, what they answer, and what they ask the file to write. */
import type { ChannelId, DeviceId, Version } from '../protocol/ids.ts';
import type { Changes, UpdateChange, UpdateState } from './embedded-changes.ts';
import {
  currentDevice,
  type DeviceEdit,
  deviceKeptMs,
  type Moment,
  putUnheld,
} from './embedded-device.ts';
import type { RecordFile } from './embedded-file.ts';
import {
  type DeviceRecord,
  decodeDevice,
  deviceKey,
  deviceKeyOf,
  encodeDevice,
  encodeUpdate,
  holdsChannelOf,
  seenAtMsOf,
  updateKey,
} from './embedded-records.ts';
import type { Ack, PutOutcome, StoreLimits } from './store.ts';

/** Where decisions are made, and when. */
export interface Desk {
  readonly file: RecordFile;
  readonly changes: Changes;
  readonly limits: StoreLimits;
  readonly nowMs: number;
  /** To be called before a record is added. @throws StoreUnavailableError when the file may not grow. */
  requireRoom(): void;
}

/** An answer, to be given once the writes it rests on are on the disk. */
export interface Answered<Answer> {
  readonly kind: 'answered';
  readonly answer: Answer;
  /**
   * Those writes, which may be somebody else's; undefined when the answer rests on what was read. Resolves to false when another process
   * was first: then the operation must be decided anew.
   */
  readonly written: Promise<boolean> | undefined;
  /** The updates it changes. */
  readonly changes: readonly UpdateChange[];
}

export type Decision<Answer> =
  | Answered<Answer>
  /** What it needs is being rewritten. It is to be decided when that has ended, well or not. */
  | { readonly kind: 'later'; readonly after: Promise<boolean> };

/** Reads, decides and asks for writes, at once and without waiting. */
export type Decide<Answer> = (desk: Desk) => Decision<Answer>;

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
export function decidePut(desk: Desk, put: Put): Decision<PutOutcome> {
  const { deviceId, channelId } = put;
  const after = desk.changes.ofDevice(deviceId);
  if (after !== undefined) return { kind: 'later', after };
  const key = updateKey(deviceId, channelId);
  const device = desk.file.get(deviceKeyOf(key));
  const isHeld =
    device !== undefined &&
    desk.nowMs - seenAtMsOf(device) <= deviceKeptMs(desk.limits) &&
    holdsChannelOf(device, key);
  if (isHeld) return putHeld(desk, put, key);
  return decideDevice(desk, deviceId, (read, moment) => putUnheld(read, put, moment));
}

function putHeld(desk: Desk, put: Put, key: Buffer): Decision<PutOutcome> {
  const read = desk.changes.readUpdate(put.deviceId, put.channelId, key);
  if (waits(read, put.version, desk)) {
    return { kind: 'answered', answer: 'stale', written: read.written, changes: [] };
  }
  if (read.stamp === undefined) desk.requireRoom();
  const pending = { version: put.version, storedAtMs: desk.nowMs };
  const change = desk.changes.changeUpdate(put, key, { read: read.stamp, pending });
  return { kind: 'answered', answer: 'stored', written: change.written, changes: [change] };
}

/** Whether this version or a higher one is pending. */
function waits({ pending }: UpdateState, version: Version, { nowMs, limits }: Moment): boolean {
  if (pending === undefined || nowMs - pending.storedAtMs > limits.updateTtlMs) return false;
  return pending.version >= version;
}

/** Whether the channels are held does not matter: nobody reads what is pending on others. */
export function decideAcks(desk: Desk, deviceId: DeviceId, acks: readonly Ack[]): Decision<void> {
  const after = desk.changes.ofDevice(deviceId);
  if (after !== undefined) return { kind: 'later', after };
  const changes: UpdateChange[] = [];
  const writes: Promise<boolean>[] = [];
  for (const { channelId, throughVersion } of acks) {
    const key = updateKey(deviceId, channelId);
    const read = desk.changes.readUpdate(deviceId, channelId, key);
    if (read.pending !== undefined && read.pending.version <= throughVersion) {
      const removal = { read: read.stamp, pending: undefined };
      const change = desk.changes.changeUpdate({ deviceId, channelId }, key, removal);
      changes.push(change);
      writes.push(change.written);
    } else if (read.written !== undefined) {
      writes.push(read.written);
    }
  }
  return { kind: 'answered', answer: undefined, written: allOf(writes), changes };
}

function allOf(writes: readonly Promise<boolean>[]): Promise<boolean> | undefined {
  if (writes.length < 2) return writes[0];
  return Promise.all(writes).then((all) => all.every((isWritten) => isWritten));
}

/** Writes what `edit` makes of the device, with the updates that come and go along with it, if nobody changed the device meanwhile. */
export function decideDevice<Answer>(
  desk: Desk,
  deviceId: DeviceId,
  edit: (device: DeviceRecord, moment: Moment) => DeviceEdit<Answer>,
): Decision<Answer> {
  const { file, changes } = desk;
  const after = changes.ofDevice(deviceId);
  if (after !== undefined) return { kind: 'later', after };
  const bytes = file.get(deviceKey(deviceId));
  const stamp = bytes === undefined ? undefined : file.lastStamp();
  const read = bytes === undefined ? undefined : decodeDevice(bytes);
  const { answer, next, update, withoutUpdatesOf, grows } = edit(currentDevice(read, desk), desk);
  if (next === undefined) return { kind: 'answered', answer, written: undefined, changes: [] };
  if (grows) desk.requireRoom();
  const written = file.guard(deviceKey(deviceId), stamp, () => {
    file.putGuarded(deviceKey(deviceId), encodeDevice(next));
    for (const channelId of withoutUpdatesOf ?? []) {
      file.removeGuarded(updateKey(deviceId, channelId));
    }
    if (update === undefined) return;
    file.putGuarded(updateKey(deviceId, update.channelId), encodeUpdate(update.pending));
  });
  changes.addOfDevice(deviceId, written);
  return { kind: 'answered', answer, written, changes: [] };
}
