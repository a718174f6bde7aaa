import type { Clock } from '../clock.ts';
import type { KickTarget } from '../protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../protocol/ids.ts';
import { claimed, connected, dropped, given, type KickStep, released } from './kick-record.ts';
import { type Device, Devices } from './memory/devices.ts';
import {
  type Ack,
  type DeviceView,
  type HeldChannel,
  type KickView,
  type PutOutcome,
  type RegisterOutcome,
  type Store,
  type StoreLimits,
  StoreUnavailableError,
  type WakeClaim,
} from './store.ts';

export interface MemoryStoreOptions {
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** Channels of all devices together, gone ones included; one more is refused with StoreUnavailableError. */
  readonly channelsMax: number;
}

const SWEEP_INTERVAL_MS = 1000;

// No call waits for anything, so that most have their answer ready: a resolved promise costs less when it is made once.
const UNKNOWN = Promise.resolve<DeviceView>({ kind: 'unknown' });
const REGISTERED = Promise.resolve<RegisterOutcome>('registered');
const FULL = Promise.resolve<RegisterOutcome>('full');
const STORED = Promise.resolve<PutOutcome>('stored');
const STALE = Promise.resolve<PutOutcome>('stale');
const GONE = Promise.resolve<PutOutcome>('gone');
const DONE = Promise.resolve();
const NO_TARGET = Promise.resolve(undefined);

/** Keeps everything in this process and forgets it at exit: for tests, and the yardstick of the benchmarks. */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  return new MemoryStore(options);
}

class MemoryStore implements Store {
  readonly driver = 'memory';
  readonly #clock: Clock;
  readonly #devices: Devices;
  readonly #stopSweeping: () => void;

  constructor(options: MemoryStoreOptions) {
    this.#clock = options.clock;
    this.#devices = new Devices(options);
    this.#stopSweeping = options.clock.every(SWEEP_INTERVAL_MS, () => {
      this.#devices.sweep(this.#clock.nowMs());
    });
  }

  readDevice(deviceId: DeviceId): Promise<DeviceView> {
    const nowMs = this.#clock.nowMs();
    const device = this.#devices.find(deviceId, nowMs);
    if (device === undefined) return UNKNOWN;
    device.seenAtMs = nowMs;
    if (!device.hadChannels) return UNKNOWN;
    const channels: HeldChannel[] = [];
    for (const [channelId, channel] of device.channels) {
      if (channel.kind === 'gone') continue;
      const { written } = channel;
      const pending = this.#devices.livePending(channel.pending, nowMs);
      channels.push(pending ? { channelId, written, pending } : { channelId, written });
    }
    const view = { kind: 'known', channels } as const;
    return Promise.resolve(
      device.kick === undefined ? view : { ...view, targetType: device.kick.target.type },
    );
  }

  registerChannel(
    deviceId: DeviceId,
    { channelId, written }: WrittenChannel,
  ): Promise<RegisterOutcome> {
    const nowMs = this.#clock.nowMs();
    const device = this.#devices.findOrAdd(deviceId, nowMs);
    if (device === undefined) return refused();
    const channel = device.channels.get(channelId);
    if (channel?.kind === 'held') {
      channel.written = written;
    } else {
      if (this.#devices.isFull(device)) return FULL;
      const held = { kind: 'held', written, pending: undefined } as const;
      if (!this.#devices.set(device, channelId, held)) return refused();
    }
    device.seenAtMs = nowMs;
    return REGISTERED;
  }

  unregisterChannel(deviceId: DeviceId, channelId: ChannelId): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const device = this.#devices.findOrAdd(deviceId, nowMs);
    if (device === undefined || !this.#devices.bury(device, channelId, nowMs)) return refused();
    device.seenAtMs = nowMs;
    return DONE;
  }

  dropDevice(deviceId: DeviceId): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const device = this.#devices.find(deviceId, nowMs);
    if (device === undefined) return DONE;
    device.seenAtMs = nowMs;
    device.kick = undefined;
    for (const [channelId, channel] of [...device.channels]) {
      if (channel.kind === 'held') this.#devices.bury(device, channelId, nowMs);
    }
    return DONE;
  }

  putUpdate(deviceId: DeviceId, channelId: ChannelId, version: Version): Promise<PutOutcome> {
    const nowMs = this.#clock.nowMs();
    const device = this.#devices.find(deviceId, nowMs);
    const channel = device?.channels.get(channelId);
    if (channel?.kind === 'held') {
      const pending = this.#devices.livePending(channel.pending, nowMs);
      if (pending !== undefined && pending.version >= version) return STALE;
      channel.pending = { version, storedAtMs: nowMs };
      return STORED;
    }
    if (channel?.kind === 'gone' && !this.#devices.isForgotten(channel.sinceMs, nowMs)) return GONE;
    return this.#putUnheld(deviceId, { channelId, version, nowMs });
  }

  ackUpdates(deviceId: DeviceId, acks: readonly Ack[]): Promise<void> {
    const device = this.#devices.find(deviceId, this.#clock.nowMs());
    if (device === undefined) return DONE;
    for (const { channelId, throughVersion } of acks) {
      const channel = device.channels.get(channelId);
      if (channel?.kind !== 'held' || channel.pending === undefined) continue;
      if (channel.pending.version <= throughVersion) channel.pending = undefined;
    }
    return DONE;
  }

  writeTarget(deviceId: DeviceId, target: KickTarget | undefined, nowMs: number): Promise<void> {
    const seenAtMs = this.#clock.nowMs();
    const device =
      target === undefined
        ? this.#devices.find(deviceId, seenAtMs)
        : this.#devices.findOrAdd(deviceId, seenAtMs);
    if (device === undefined) return target === undefined ? DONE : refused();
    device.seenAtMs = seenAtMs;
    editKick(device, given(target, nowMs));
    return DONE;
  }

  noteConnected(deviceId: DeviceId, nowMs: number): Promise<void> {
    editKick(this.#find(deviceId), connected(nowMs));
    return DONE;
  }

  readTargetType(deviceId: DeviceId): Promise<KickTarget['type'] | undefined> {
    const type = this.#find(deviceId)?.kick?.target.type;
    return type === undefined ? NO_TARGET : Promise.resolve(type);
  }

  readKick(deviceId: DeviceId): Promise<KickView> {
    const device = this.#find(deviceId);
    if (device === undefined) return Promise.resolve({ hasPending: false });
    const hasPending = this.#devices.hasPending(device, this.#clock.nowMs());
    const { kick } = device;
    return Promise.resolve(kick === undefined ? { hasPending } : { target: kick, hasPending });
  }

  claimWake(
    deviceId: DeviceId,
    claim: { readonly nowMs: number; readonly intervalMs: number },
  ): Promise<WakeClaim> {
    return Promise.resolve(editKick(this.#find(deviceId), claimed(claim)));
  }

  releaseWake(deviceId: DeviceId, claim: { readonly claimedAtMs: number }): Promise<void> {
    editKick(this.#find(deviceId), released(claim));
    return DONE;
  }

  dropTarget(
    deviceId: DeviceId,
    condition: { readonly unlessGivenAfterMs: number },
  ): Promise<boolean> {
    return Promise.resolve(editKick(this.#find(deviceId), dropped(condition)));
  }

  check(): Promise<void> {
    return DONE;
  }

  close(): Promise<void> {
    this.#stopSweeping();
    return DONE;
  }

  #find(deviceId: DeviceId): Device | undefined {
    return this.#devices.find(deviceId, this.#clock.nowMs());
  }

  /** The endpoint's token proves that the channel was registered here once: it is held from now on. */
  #putUnheld(
    deviceId: DeviceId,
    { channelId, version, nowMs }: { channelId: ChannelId; version: Version; nowMs: number },
  ): Promise<PutOutcome> {
    const device = this.#devices.findOrAdd(deviceId, nowMs);
    if (device === undefined) return refused();
    if (this.#devices.isFull(device)) return GONE;
    // A PUT is no sign of the device, but what had no channels begins its time with the first.
    if (!device.hadChannels) device.seenAtMs = nowMs;
    const pending = { version, storedAtMs: nowMs };
    const held = { kind: 'held', written: channelId, pending } as const;
    return this.#devices.set(device, channelId, held) ? STORED : refused();
  }
}

function editKick<Answer>(device: Device | undefined, step: KickStep<Answer>): Answer {
  const { answer, next } = step(device?.kick);
  if (device !== undefined && next !== undefined) {
    device.kick = next === 'removed' ? undefined : next;
  }
  return answer;
}

function refused(): Promise<never> {
  return Promise.reject(new StoreUnavailableError('the memory store is full'));
}
