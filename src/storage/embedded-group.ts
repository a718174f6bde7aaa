import { assert } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { ChannelId, DeviceId } from '../protocol/ids.ts';
import { newStamp, type RecordFile, type Stamp } from './embedded-file.ts';
import { decodeUpdate, encodeUpdate } from './embedded-records.ts';
import { type PendingVersion, type StoreLimits, StoreUnavailableError } from './store.ts';

/** What an operation came to. */
export interface Decision<Answer> {
  readonly answer: Answer;
  /**
   * The writes on which the answer rests; absent when it rests on the snapshot alone. Resolves to false when another process changed
   * a record first: then the operation is decided anew.
   */
  readonly written?: Promise<boolean> | undefined;
}

/** Reads, decides and asks for writes, at once and without waiting. `later`: what it needs is being rewritten by this very group. */
export type Decide<Answer> = (group: Group) => Decision<Answer> | 'later';

/** The update of one channel as it will be when the group is written. */
export interface GroupUpdate {
  readonly channelId: ChannelId;
  readonly pending: PendingVersion | undefined;
  readonly stamp: Stamp;
  /** Absent when this group has only read it. */
  readonly written?: Promise<boolean> | undefined;
}

export interface GroupDeps {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly clock: Clock;
}

/**
 * Operations that are written in one transaction. Each sees what those before it have asked for, on these terms: updates may be
 * rewritten one upon the other; a device's own record is rewritten once, by an operation that has the device to itself in this
 * group. So an operation rests on one chain of writes, and holds or fails with it as a whole.
 */
export class Group {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly nowMs: number;
  readonly #touched = new Map<DeviceId, GroupUpdate[] | 'device'>();
  #isFull: boolean | undefined;

  constructor({ file, limits, clock }: GroupDeps) {
    this.file = file;
    this.limits = limits;
    this.nowMs = clock.nowMs();
  }

  /** `device`: its record is being rewritten. `updates`: some of its updates are. */
  touched(deviceId: DeviceId): 'device' | 'updates' | 'nothing' {
    const touched = this.#touched.get(deviceId);
    if (touched === undefined) return 'nothing';
    return touched === 'device' ? 'device' : 'updates';
  }

  /** Takes the device for one operation, which must have found nothing of it touched. */
  takeDevice(deviceId: DeviceId): void {
    this.#touched.set(deviceId, 'device');
  }

  /** `key` is the key of this channel's update. */
  readUpdate(deviceId: DeviceId, channelId: ChannelId, key: Buffer): GroupUpdate {
    const touched = this.#touched.get(deviceId);
    if (touched !== undefined && touched !== 'device') {
      const update = touched.findLast((one) => one.channelId === channelId);
      if (update !== undefined) return update;
    }
    const bytes = this.file.get(key);
    if (bytes === undefined) return { channelId, pending: undefined, stamp: undefined };
    return { channelId, pending: decodeUpdate(bytes), stamp: this.file.lastStamp() };
  }

  /** Writes `pending` where `read` was read, or removes it. */
  writeUpdate(
    deviceId: DeviceId,
    key: Buffer,
    { read, pending }: { readonly read: GroupUpdate; readonly pending: PendingVersion | undefined },
  ): Promise<boolean> {
    const { channelId } = read;
    if (pending !== undefined) {
      const stamp = newStamp();
      const written = this.file.put(key, encodeUpdate(pending), { read: read.stamp, next: stamp });
      this.#remember(deviceId, { channelId, pending, stamp, written });
      return written;
    }
    assert(read.stamp !== undefined, 'only what is there is removed');
    const written = this.file.remove(key, read.stamp);
    this.#remember(deviceId, { channelId, pending, stamp: undefined, written });
    return written;
  }

  #remember(deviceId: DeviceId, update: GroupUpdate): void {
    const touched = this.#touched.get(deviceId);
    if (touched === undefined || touched === 'device') this.#touched.set(deviceId, [update]);
    else touched.push(update);
  }

  /** Called before a record is added. @throws StoreUnavailableError when the file may not grow. */
  requireRoom(): void {
    this.#isFull ??= this.file.isFull();
    if (this.#isFull) throw new StoreUnavailableError('the store is full');
  }
}
