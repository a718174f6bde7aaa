import { assert } from '../assert.ts';
import type { ChannelId, DeviceId } from '../protocol/ids.ts';
import { newStamp, type RecordFile, type Stamp } from './embedded-file.ts';
import { decodeUpdate, encodeUpdate } from './embedded-records.ts';
import type { PendingVersion } from './store.ts';

/** The update of one channel, as the file has it or as a change on its way will leave it. */
export interface UpdateState {
  readonly pending: PendingVersion | undefined;
  readonly stamp: Stamp;
  /** The write of that change; undefined when the file has it. */
  readonly written: Promise<boolean> | undefined;
}

/** A change of one update that is on its way to the file. */
export interface UpdateChange extends UpdateState {
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
  readonly written: Promise<boolean>;
  /** A change of another channel of the device. Chained, since nearly every device has one change at most. */
  next: UpdateChange | undefined;
}

const ABSENT: UpdateState = { pending: undefined, stamp: undefined, written: undefined };

/**
 * What this process has asked of the file and has not heard of yet. Whoever decides on top of such a change writes on the condition
 * of its stamp, and so holds or fails with it.
 */
export class Changes {
  readonly #file: RecordFile;
  /** The rewriting of devices' own records. */
  readonly #ofDevices = new Map<DeviceId, Promise<boolean>>();
  /** The last change of each update, chained by device. */
  readonly #ofUpdates = new Map<DeviceId, UpdateChange>();

  constructor(file: RecordFile) {
    this.#file = file;
  }

  /** The rewriting of the device's own record, if one is on its way: nothing is decided for the device before its end. */
  ofDevice(deviceId: DeviceId): Promise<boolean> | undefined {
    return this.#ofDevices.get(deviceId);
  }

  /** There must be none on its way. */
  addOfDevice(deviceId: DeviceId, written: Promise<boolean>): void {
    assert(!this.#ofDevices.has(deviceId), 'the record of a device has one writer at a time');
    this.#ofDevices.set(deviceId, written);
    const forget = () => {
      this.#ofDevices.delete(deviceId);
    };
    written.then(forget, forget);
  }

  /** `key` is the key of this channel's update. */
  readUpdate(deviceId: DeviceId, channelId: ChannelId, key: Buffer): UpdateState {
    let change = this.#ofUpdates.get(deviceId);
    while (change !== undefined && change.channelId !== channelId) change = change.next;
    if (change !== undefined) return change;
    const bytes = this.#file.get(key);
    if (bytes === undefined) return ABSENT;
    return { pending: decodeUpdate(bytes), stamp: this.#file.lastStamp(), written: undefined };
  }

  /** Puts `pending` in the place of what was read, or removes it. The change must be forgotten when its write has ended. */
  changeUpdate(
    { deviceId, channelId }: { readonly deviceId: DeviceId; readonly channelId: ChannelId },
    key: Buffer,
    { read, pending }: { readonly read: Stamp; readonly pending: PendingVersion | undefined },
  ): UpdateChange {
    const stamp = pending === undefined ? undefined : newStamp();
    const written = this.#write(key, { read, stamp, pending });
    const next = without(this.#ofUpdates.get(deviceId), (change) => change.channelId === channelId);
    const change: UpdateChange = { deviceId, channelId, pending, stamp, written, next };
    this.#ofUpdates.set(deviceId, change);
    return change;
  }

  /**
   * Readers find it in the file from now on. When it failed, those that were built upon it will fail too, and nobody may build upon
   * them any more.
   */
  forget(ended: UpdateChange, isWritten: boolean): void {
    const { deviceId, channelId } = ended;
    const rest = without(this.#ofUpdates.get(deviceId), (change) =>
      isWritten ? change === ended : change.channelId === channelId,
    );
    if (rest === undefined) this.#ofUpdates.delete(deviceId);
    else this.#ofUpdates.set(deviceId, rest);
  }

  #write(
    key: Buffer,
    { read, stamp, pending }: { read: Stamp; stamp: Stamp; pending: PendingVersion | undefined },
  ): Promise<boolean> {
    if (pending !== undefined && stamp !== undefined) {
      return this.#file.put(key, encodeUpdate(pending), { read, next: stamp });
    }
    assert(read !== undefined, 'only what is there is removed');
    return this.#file.remove(key, read);
  }
}

/** The chain without the one change that is meant, if it is there: each channel has one at most. */
function without(
  first: UpdateChange | undefined,
  isMeant: (change: UpdateChange) => boolean,
): UpdateChange | undefined {
  if (first === undefined) return undefined;
  if (isMeant(first)) return first.next;
  for (let change = first; change.next !== undefined; change = change.next) {
    if (isMeant(change.next)) {
      change.next = change.next.next;
      return first;
    }
  }
  return first;
}
