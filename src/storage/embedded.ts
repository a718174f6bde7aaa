import type { Clock } from '../clock.ts';
import type { KickTarget } from '../protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../protocol/ids.ts';
import { Commits } from './embedded/commits.ts';
import { decideAcks, decideCheck, decideDevice, decidePut } from './embedded/decisions.ts';
import {
  currentDevice,
  deviceKeptMs,
  dropDevice,
  editKick,
  editKickAtHello,
  isRemembered,
  isRenewalDue,
  kickOf,
  type Moment,
  registerChannel,
  renew,
  unregisterChannel,
} from './embedded/device.ts';
import { failureOf, newStamp, openRecordFile, type RecordFile } from './embedded/file.ts';
import { StoreFileError } from './embedded/folder.ts';
import {
  channelOfKey,
  type DeviceRecord,
  decodeDevice,
  decodeSchema,
  decodeUpdate,
  deviceKey,
  encodeSchema,
  kickJsonOf,
  SCHEMA_KEY,
  SCHEMA_VERSION,
  seenAtMsOf,
  updateKeysOf,
} from './embedded/records.ts';
import { startSweep } from './embedded/sweep.ts';
import { claimed, connected, dropped, given, type KickStep, released } from './kick-record.ts';
import {
  type Ack,
  type DeviceView,
  type HeldChannel,
  type KickView,
  type PendingVersion,
  type PutOutcome,
  type RegisterOutcome,
  type Store,
  type StoreLimits,
  StoreUnavailableError,
  type WakeClaim,
} from './store.ts';

export interface EmbeddedStoreOptions {
  /** The folder, on a local disk; made when missing. Processes of one machine may share it. */
  readonly path: string;
  /** How far the store may grow; writes that need more are refused. The same in all processes that share it. */
  readonly mapBytesMax: number;
  /** Writes that may wait for the disk; one more is refused at once. */
  readonly queuedOperationsMax: number;
  /** How often a slice of the records is searched for outlived ones. */
  readonly sweepIntervalMs: number;
  readonly limits: StoreLimits;
  readonly clock: Clock;
}

/**
 * Opens the default driver: durable, without a server, for all processes of one machine.
 * @throws StoreFileError when the folder cannot be used, holds something else, or was written by a later version of this program.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const file = openRecordFile(options);
  try {
    await claimSchema(file, options.path);
  } catch (error) {
    await file.close();
    throw error;
  }
  return new EmbeddedStore(file, options);
}

/** Marks a new file as ours; refuses one that is not. Any number of processes may do so at once. */
async function claimSchema(file: RecordFile, path: string): Promise<void> {
  if (file.isEmpty()) {
    await writeSchema(file, path);
    file.refresh();
  }
  const schema = file.get(SCHEMA_KEY);
  if (schema === undefined)
    throw new StoreFileError(`${path} holds records that are not a store's`);
  const version = decodeSchema(schema);
  if (version > SCHEMA_VERSION) {
    throw new StoreFileError(
      `the store in ${path} has schema version ${version}, this program knows ${SCHEMA_VERSION}: run the newer program that wrote it`,
    );
  }
}

async function writeSchema(file: RecordFile, path: string): Promise<void> {
  try {
    await file.put(SCHEMA_KEY, encodeSchema(SCHEMA_VERSION), { read: undefined, next: newStamp() });
  } catch (rejection) {
    const cause = await failureOf(rejection);
    throw new StoreFileError(`cannot write the store in ${path}: ${cause.message}`, { cause });
  }
}

class EmbeddedStore implements Store {
  readonly driver = 'embedded';
  readonly #file: RecordFile;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #commits: Commits;
  readonly #stopSweep: () => void;

  constructor(file: RecordFile, options: EmbeddedStoreOptions) {
    this.#file = file;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#commits = new Commits({ ...options, file });
    this.#stopSweep = startSweep({ ...options, file, commits: this.#commits });
  }

  async readDevice(deviceId: DeviceId): Promise<DeviceView> {
    return this.#read(() => {
      const moment = this.#moment();
      const device = this.#currentDevice(deviceId, moment);
      if (isRemembered(device) && isRenewalDue(device, moment)) this.#renew(deviceId);
      if (!device.hadChannels) return { kind: 'unknown' };
      const pending = this.#pendingVersions(deviceId, moment);
      const channels: HeldChannel[] = [];
      for (const channel of device.channels) {
        if (channel.kind === 'gone') continue;
        const { channelId, written } = channel;
        const waiting = pending.get(channelId);
        channels.push(waiting ? { channelId, written, pending: waiting } : { channelId, written });
      }
      const view = { kind: 'known', channels } as const;
      const targetType = kickOf(device.kickJson)?.target.type;
      return targetType === undefined ? view : { ...view, targetType };
    });
  }

  registerChannel(deviceId: DeviceId, channel: WrittenChannel): Promise<RegisterOutcome> {
    return this.#commits.submit((group) =>
      decideDevice(group, deviceId, (device, moment) => registerChannel(device, channel, moment)),
    );
  }

  unregisterChannel(deviceId: DeviceId, channelId: ChannelId): Promise<void> {
    return this.#commits.submit((group) =>
      decideDevice(group, deviceId, (device, moment) =>
        unregisterChannel(device, channelId, moment),
      ),
    );
  }

  dropDevice(deviceId: DeviceId): Promise<void> {
    return this.#commits.submit((group) => decideDevice(group, deviceId, dropDevice));
  }

  putUpdate(deviceId: DeviceId, channelId: ChannelId, version: Version): Promise<PutOutcome> {
    const put = { deviceId, channelId, version };
    return this.#commits.submit((group) => decidePut(group, put));
  }

  ackUpdates(deviceId: DeviceId, acks: readonly Ack[]): Promise<void> {
    return this.#commits.submit((group) => decideAcks(group, deviceId, acks));
  }

  writeTarget(deviceId: DeviceId, target: KickTarget | undefined, nowMs: number): Promise<void> {
    return this.#editKickAtHello(deviceId, given(target, nowMs));
  }

  noteConnected(deviceId: DeviceId, nowMs: number): Promise<void> {
    return this.#editKickAtHello(deviceId, connected(nowMs));
  }

  async readTargetType(deviceId: DeviceId): Promise<KickTarget['type'] | undefined> {
    return this.#read(() => {
      const device = this.#file.get(deviceKey(deviceId));
      if (device === undefined) return undefined;
      // Asked for at each PUT to a device that is not here: what most devices do not have is not decoded.
      const kickJson = kickJsonOf(device);
      if (kickJson === '') return undefined;
      const isKept = this.#clock.nowMs() - seenAtMsOf(device) <= deviceKeptMs(this.#limits);
      return isKept ? kickOf(kickJson)?.target.type : undefined;
    });
  }

  async readKick(deviceId: DeviceId): Promise<KickView> {
    return this.#read(() => {
      const moment = this.#moment();
      const device = this.#currentDevice(deviceId, moment);
      const pending = this.#pendingVersions(deviceId, moment);
      const hasPending = device.channels.some(
        ({ kind, channelId }) => kind === 'held' && pending.has(channelId),
      );
      const target = kickOf(device.kickJson);
      return target === undefined ? { hasPending } : { target, hasPending };
    });
  }

  claimWake(
    deviceId: DeviceId,
    claim: { readonly nowMs: number; readonly intervalMs: number },
  ): Promise<WakeClaim> {
    return this.#editKick(deviceId, claimed(claim));
  }

  releaseWake(deviceId: DeviceId, claim: { readonly claimedAtMs: number }): Promise<void> {
    return this.#editKick(deviceId, released(claim));
  }

  dropTarget(
    deviceId: DeviceId,
    condition: { readonly unlessGivenAfterMs: number },
  ): Promise<boolean> {
    return this.#editKick(deviceId, dropped(condition));
  }

  check(): Promise<void> {
    return this.#commits.submit(decideCheck);
  }

  async close(): Promise<void> {
    this.#stopSweep();
    if (await this.#commits.close()) await this.#file.close();
  }

  #editKickAtHello(deviceId: DeviceId, step: KickStep<void>): Promise<void> {
    return this.#commits.submit((group) =>
      decideDevice(group, deviceId, (device, moment) => editKickAtHello(device, step, moment)),
    );
  }

  #editKick<Answer>(deviceId: DeviceId, step: KickStep<Answer>): Promise<Answer> {
    return this.#commits.submit((group) =>
      decideDevice(group, deviceId, (device) => editKick(device, step)),
    );
  }

  #moment(): Moment {
    return { limits: this.#limits, nowMs: this.#clock.nowMs() };
  }

  /** From a new snapshot: it has all that any process promised before this call. */
  #read<Answer>(read: () => Answer): Answer {
    try {
      this.#file.refresh();
      return read();
    } catch (cause) {
      throw new StoreUnavailableError('the store cannot read', { cause });
    }
  }

  #currentDevice(deviceId: DeviceId, moment: Moment): DeviceRecord {
    const bytes = this.#file.get(deviceKey(deviceId));
    return currentDevice(bytes === undefined ? undefined : decodeDevice(bytes), moment);
  }

  #pendingVersions(deviceId: DeviceId, { nowMs, limits }: Moment): Map<ChannelId, PendingVersion> {
    const pending = new Map<ChannelId, PendingVersion>();
    for (const { key, value } of this.#file.range(updateKeysOf(deviceId))) {
      const update = decodeUpdate(value);
      if (nowMs - update.storedAtMs <= limits.updateTtlMs) pending.set(channelOfKey(key), update);
    }
    return pending;
  }

  /** Writes down that the device was seen. */
  #renew(deviceId: DeviceId): void {
    // Nobody waits for it: should it fail, the next hello finds it due again, days before the device would be forgotten.
    this.#commits.submit((group) => decideDevice(group, deviceId, renew)).catch(() => undefined);
  }
}
