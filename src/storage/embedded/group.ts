import { assert } from '../../assert.ts';
import type { ChannelId, DeviceId } from '../../protocol/ids.ts';
import { type PendingVersion, type StoreLimits, StoreUnavailableError } from '../store.ts';
import { newStamp, type RecordFile, type Stamp } from './file.ts';
import { decodeUpdate, encodeUpdate } from './records.ts';

/** What the decisions of a group have in common. */
export interface GroupConditions {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly nowMs: number;
}

/** An answer, to be given when the writes that it rests on are on the disk. */
export interface Decision<Answer> {
  readonly answer: Answer;
  /**
   * Those writes; undefined when the answer rests on what was read alone. Resolves to false when another process was first to write
   * what was read: then the operation must be decided anew.
   */
  readonly written: Promise<boolean> | undefined;
}

/** Reads, decides and asks for writes, all at once. `later`: this very group is rewriting what it must read. */
export type Decide<Answer> = (group: Group) => Decision<Answer> | 'later';

/** The update of one channel, as the file has it or as this group will leave it. */
export interface UpdateState {
  readonly pending: PendingVersion | undefined;
  readonly stamp: Stamp;
  /** The write by this group; undefined when the file has it so. */
  readonly written: Promise<boolean> | undefined;
}

interface UpdateChange extends UpdateState {
  readonly channelId: ChannelId;
  readonly written: Promise<boolean>;
  /** Of another channel of the device. A chain, because nearly every device has one change at most. */
  readonly next: UpdateChange | undefined;
}

const ABSENT: UpdateState = { pending: undefined, stamp: undefined, written: undefined };

/**
 * Operations that are decided one after the other and written in one transaction. What one has changed the next one finds changed, and
 * writes upon it on the condition of its stamp, so that it holds or fails with it. That goes for updates; the record of a
 * device is rewritten by one operation, which then has the device for itself.
 */
export class Group {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly nowMs: number;
  readonly #changes = new Map<DeviceId, UpdateChange | 'device'>();
  #isFull: boolean | undefined;

  constructor({ file, limits, nowMs }: GroupConditions) {
    this.file = file;
    this.limits = limits;
    this.nowMs = nowMs;
  }

  /** What of the device this group changes. */
  changed(deviceId: DeviceId): 'nothing' | 'updates' | 'device' {
    const change = this.#changes.get(deviceId);
    if (change === undefined) return 'nothing';
    return change === 'device' ? 'device' : 'updates';
  }

  /** For an operation that rewrites the record of a device of which nothing is changed yet. */
  takeDevice(deviceId: DeviceId): void {
    this.#changes.set(deviceId, 'device');
  }

  /** `key` is the key of this channel's update. */
  readUpdate(deviceId: DeviceId, channelId: ChannelId, key: Buffer): UpdateState {
    for (let change = this.#updateChanges(deviceId); change !== undefined; change = change.next) {
      if (change.channelId === channelId) return change;
    }
    const bytes = this.file.get(key);
    if (bytes === undefined) return ABSENT;
    return { pending: decodeUpdate(bytes), stamp: this.file.lastStamp(), written: undefined };
  }

  /** Writes `pending` in the place of what was read, or removes it. */
  changeUpdate(
    { deviceId, channelId }: { readonly deviceId: DeviceId; readonly channelId: ChannelId },
    key: Buffer,
    { read, pending }: { readonly read: Stamp; readonly pending: PendingVersion | undefined },
  ): Promise<boolean> {
    const stamp = pending === undefined ? undefined : newStamp();
    const written = this.#write(key, { read, stamp, pending });
    // Found before the older change of the same channel, which therefore may stay in the chain.
    const next = this.#updateChanges(deviceId);
    this.#changes.set(deviceId, { channelId, pending, stamp, written, next });
    return written;
  }

  /** To be called before a record is added. @throws StoreUnavailableError when the file may not grow. */
  requireRoom(): void {
    this.#isFull ??= this.file.isFull();
    if (this.#isFull) throw new StoreUnavailableError('the store is full');
  }

  #updateChanges(deviceId: DeviceId): UpdateChange | undefined {
    const change = this.#changes.get(deviceId);
    return change === 'device' ? undefined : change;
  }

  #write(
    key: Buffer,
    { read, stamp, pending }: { read: Stamp; stamp: Stamp; pending: PendingVersion | undefined },
  ): Promise<boolean> {
    if (pending !== undefined && stamp !== undefined) {
      return this.file.put(key, encodeUpdate(pending), { read, next: stamp });
    }
    assert(read !== undefined, 'only what is there is removed');
    return this.file.remove(key, read);
  }
}
