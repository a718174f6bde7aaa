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
}

interface DeviceChanges {
  /** The rewriting of the device's own record. */
  device: Promise<boolean> | undefined;
  /** Of each channel the last change. */
  readonly updates: UpdateChange[];
}

const ABSENT: UpdateState = { pending: undefined, stamp: undefined, written: undefined };

/**
 * What this process has asked of the file and has not heard of yet. Whoever decides on top of such a change writes on the condition
 * of its stamp, and so holds or fails with it.
 */
export class Changes {
  readonly #file: RecordFile;
  readonly #devices = new Map<DeviceId, DeviceChanges>();

  constructor(file: RecordFile) {
    this.#file = file;
  }

  /** The rewriting of the device's own record, if one is on its way: nothing is decided for the device before its end. */
  ofDevice(deviceId: DeviceId): Promise<boolean> | undefined {
    return this.#devices.get(deviceId)?.device;
  }

  /** There must be none on its way. */
  addOfDevice(deviceId: DeviceId, written: Promise<boolean>): void {
    const changes = this.#changesOf(deviceId);
    assert(changes.device === undefined, 'the record of a device has one writer at a time');
    changes.device = written;
    const forget = () => {
      changes.device = undefined;
      this.#tidy(deviceId, changes);
    };
    written.then(forget, forget);
  }

  /** `key` is the key of this channel's update. */
  readUpdate(deviceId: DeviceId, channelId: ChannelId, key: Buffer): UpdateState {
    const change = this.#devices
      .get(deviceId)
      ?.updates.find((update) => update.channelId === channelId);
    if (change !== undefined) return change;
    const bytes = this.#file.get(key);
    if (bytes === undefined) return ABSENT;
    return { pending: decodeUpdate(bytes), stamp: this.#file.lastStamp(), written: undefined };
  }

  /** Puts `pending` in the place of what was read, or removes it. The change must be forgotten when its write is settled. */
  changeUpdate(
    { deviceId, channelId }: { readonly deviceId: DeviceId; readonly channelId: ChannelId },
    key: Buffer,
    { read, pending }: { readonly read: Stamp; readonly pending: PendingVersion | undefined },
  ): UpdateChange {
    const stamp = pending === undefined ? undefined : newStamp();
    const written = this.#write(key, { read, stamp, pending });
    const change = { deviceId, channelId, pending, stamp, written };
    const { updates } = this.#changesOf(deviceId);
    const at = updates.findIndex((update) => update.channelId === channelId);
    if (at < 0) updates.push(change);
    else updates[at] = change;
    return change;
  }

  /**
   * Readers find it in the file from now on. After a change that failed nobody may build upon those that were built upon it: they fail
   * too.
   */
  forget(change: UpdateChange, isWritten: boolean): void {
    const changes = this.#devices.get(change.deviceId);
    if (changes === undefined) return;
    const at = changes.updates.findIndex((update) =>
      isWritten ? update === change : update.channelId === change.channelId,
    );
    if (at >= 0) changes.updates.splice(at, 1);
    this.#tidy(change.deviceId, changes);
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

  #changesOf(deviceId: DeviceId): DeviceChanges {
    const known = this.#devices.get(deviceId);
    if (known !== undefined) return known;
    const changes: DeviceChanges = { device: undefined, updates: [] };
    this.#devices.set(deviceId, changes);
    return changes;
  }

  #tidy(deviceId: DeviceId, { device, updates }: DeviceChanges): void {
    if (device === undefined && updates.length === 0) this.#devices.delete(deviceId);
  }
}
