import type { Clock } from '../clock.ts';
import type { KickTarget } from '../protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../protocol/ids.ts';
import {
  type Ack,
  type DeviceView,
  type HeldChannel,
  type PendingVersion,
  type PutOutcome,
  type RegisterOutcome,
  type Store,
  type StoreLimits,
  StoreUnavailableError,
} from './store.ts';

export interface MemoryStoreOptions {
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** Channels of all devices together, gone ones included, and devices; one more is refused with StoreUnavailableError. */
  readonly channelsMax: number;
}

type Channel =
  | { readonly kind: 'held'; written: string; pending: PendingVersion | undefined }
  | { readonly kind: 'gone'; readonly sinceMs: number };

interface Device {
  seenAtMs: number;
  /** False for a device that gave a target and never had a channel: it counts as unknown. */
  hadChannels: boolean;
  target: KickTarget | undefined;
  /** The gone ones among them in the order in which they went. */
  readonly channels: Map<ChannelId, Channel>;
}

const SWEEP_INTERVAL_MS = 1000;
/** Devices looked at in one sweep: some 0.1 ms. */
const SWEEP_DEVICES_MAX = 1000;

// No call waits for anything, so that each has its answer ready: a resolved promise costs less when it is made once.
const UNKNOWN = Promise.resolve<DeviceView>({ kind: 'unknown' });
const REGISTERED = Promise.resolve<RegisterOutcome>('registered');
const FULL = Promise.resolve<RegisterOutcome>('full');
const STORED = Promise.resolve<PutOutcome>('stored');
const STALE = Promise.resolve<PutOutcome>('stale');
const GONE = Promise.resolve<PutOutcome>('gone');
const DONE = Promise.resolve();

/** Keeps everything in this process and forgets it at exit: for tests, and the yardstick of the benchmarks. */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  return new MemoryStore(options);
}

class MemoryStore implements Store {
  readonly driver = 'memory';
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #channelsMax: number;
  readonly #devices = new Map<DeviceId, Device>();
  readonly #stopSweeping: () => void;
  #channelCount = 0;
  #sweepPosition = this.#devices.entries();

  constructor({ limits, clock, channelsMax }: MemoryStoreOptions) {
    this.#limits = limits;
    this.#clock = clock;
    this.#channelsMax = channelsMax;
    this.#stopSweeping = clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
  }

  readDevice(deviceId: DeviceId): Promise<DeviceView> {
    const nowMs = this.#clock.nowMs();
    const device = this.#find(deviceId, nowMs);
    if (device === undefined) return UNKNOWN;
    device.seenAtMs = nowMs;
    if (!device.hadChannels) return UNKNOWN;
    const channels: HeldChannel[] = [];
    for (const [channelId, channel] of device.channels) {
      if (channel.kind === 'gone') continue;
      const { written } = channel;
      const pending = this.#livePending(channel.pending, nowMs);
      channels.push(pending ? { channelId, written, pending } : { channelId, written });
    }
    return Promise.resolve({ kind: 'known', channels });
  }

  registerChannel(
    deviceId: DeviceId,
    { channelId, written }: WrittenChannel,
  ): Promise<RegisterOutcome> {
    const nowMs = this.#clock.nowMs();
    const device = this.#find(deviceId, nowMs);
    const channel = device?.channels.get(channelId);
    if (device !== undefined && channel?.kind === 'held') {
      device.seenAtMs = nowMs;
      channel.written = written;
      return REGISTERED;
    }
    if (device !== undefined && this.#isFull(device)) return FULL;
    const holder = device ?? this.#add(deviceId, nowMs);
    if (holder === undefined || !this.#hasRoomFor(channel)) return refused();
    holder.seenAtMs = nowMs;
    this.#set(holder, channelId, { kind: 'held', written, pending: undefined });
    return REGISTERED;
  }

  unregisterChannel(deviceId: DeviceId, channelId: ChannelId): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const device = this.#find(deviceId, nowMs) ?? this.#add(deviceId, nowMs);
    if (device === undefined || !this.#hasRoomFor(device.channels.get(channelId))) return refused();
    device.seenAtMs = nowMs;
    this.#bury(device, channelId, nowMs);
    return DONE;
  }

  dropDevice(deviceId: DeviceId): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const device = this.#find(deviceId, nowMs);
    if (device === undefined) return DONE;
    device.seenAtMs = nowMs;
    device.target = undefined;
    for (const [channelId, channel] of [...device.channels]) {
      if (channel.kind === 'held') this.#bury(device, channelId, nowMs);
    }
    return DONE;
  }

  putUpdate(deviceId: DeviceId, channelId: ChannelId, version: Version): Promise<PutOutcome> {
    const nowMs = this.#clock.nowMs();
    const device = this.#find(deviceId, nowMs);
    const channel = device?.channels.get(channelId);
    if (channel?.kind === 'held') {
      const pending = this.#livePending(channel.pending, nowMs);
      if (pending !== undefined && pending.version >= version) return STALE;
      channel.pending = { version, storedAtMs: nowMs };
      return STORED;
    }
    if (channel?.kind === 'gone' && !this.#isForgotten(channel.sinceMs, nowMs)) return GONE;
    if (device !== undefined && this.#isFull(device)) return GONE;
    const holder = device ?? this.#add(deviceId, nowMs);
    if (holder === undefined || !this.#hasRoomFor(channel)) return refused();
    // A PUT is no sign of the device, but what had no channels begins its time with the first.
    if (!holder.hadChannels) holder.seenAtMs = nowMs;
    const pending = { version, storedAtMs: nowMs };
    this.#set(holder, channelId, { kind: 'held', written: channelId, pending });
    return STORED;
  }

  ackUpdates(deviceId: DeviceId, acks: readonly Ack[]): Promise<void> {
    const device = this.#find(deviceId, this.#clock.nowMs());
    if (device === undefined) return DONE;
    for (const { channelId, throughVersion } of acks) {
      const channel = device.channels.get(channelId);
      if (channel?.kind !== 'held' || channel.pending === undefined) continue;
      if (channel.pending.version <= throughVersion) channel.pending = undefined;
    }
    return DONE;
  }

  writeTarget(deviceId: DeviceId, target: KickTarget | undefined): Promise<void> {
    const nowMs = this.#clock.nowMs();
    const device = this.#find(deviceId, nowMs);
    if (device === undefined && target === undefined) return DONE;
    const holder = device ?? this.#add(deviceId, nowMs);
    if (holder === undefined) return refused();
    holder.seenAtMs = nowMs;
    holder.target = target;
    return DONE;
  }

  readTarget(deviceId: DeviceId): Promise<KickTarget | undefined> {
    return Promise.resolve(this.#find(deviceId, this.#clock.nowMs())?.target);
  }

  check(): Promise<void> {
    return DONE;
  }

  close(): Promise<void> {
    this.#stopSweeping();
    return DONE;
  }

  /** The device, freed of what its time has taken from it. */
  #find(deviceId: DeviceId, nowMs: number): Device | undefined {
    const device = this.#devices.get(deviceId);
    if (device === undefined || nowMs - device.seenAtMs <= this.#limits.channelTtlMs) return device;
    this.#expire(deviceId, device, nowMs);
    return this.#devices.get(deviceId);
  }

  /** Its channels may be remembered as gone for longer than the device itself is. */
  #expire(deviceId: DeviceId, device: Device, nowMs: number): void {
    for (const [channelId, channel] of device.channels) {
      if (channel.kind === 'held' || this.#isForgotten(channel.sinceMs, nowMs)) {
        this.#remove(device, channelId);
      }
    }
    device.target = undefined;
    device.hadChannels = false;
    if (device.channels.size === 0) this.#devices.delete(deviceId);
  }

  /** Undefined when there is no room for one more device. */
  #add(deviceId: DeviceId, nowMs: number): Device | undefined {
    if (this.#devices.size >= this.#channelsMax) return undefined;
    const device: Device = {
      seenAtMs: nowMs,
      hadChannels: false,
      target: undefined,
      channels: new Map(),
    };
    this.#devices.set(deviceId, device);
    return device;
  }

  #isFull(device: Device): boolean {
    let held = 0;
    for (const { kind } of device.channels.values()) if (kind === 'held') held += 1;
    return held >= this.#limits.channelsPerDeviceMax;
  }

  /** A channel that takes the place of `replaced` needs none of its own. */
  #hasRoomFor(replaced: Channel | undefined): boolean {
    return replaced !== undefined || this.#channelCount < this.#channelsMax;
  }

  #set(device: Device, channelId: ChannelId, channel: Channel): void {
    this.#remove(device, channelId);
    device.hadChannels = true;
    device.channels.set(channelId, channel);
    this.#channelCount += 1;
  }

  #remove(device: Device, channelId: ChannelId): void {
    if (device.channels.delete(channelId)) this.#channelCount -= 1;
  }

  /**
   * Makes a channel gone. A device has no more gone channels than it may hold, or one that registers and unregisters for
   * ever would fill the store; the one that went first is forgotten first.
   */
  #bury(device: Device, channelId: ChannelId, sinceMs: number): void {
    this.#set(device, channelId, { kind: 'gone', sinceMs });
    const gone = [...device.channels].filter(([, { kind }]) => kind === 'gone');
    const [oldest] = gone;
    if (oldest !== undefined && gone.length > this.#limits.channelsPerDeviceMax) {
      this.#remove(device, oldest[0]);
    }
  }

  #livePending(pending: PendingVersion | undefined, nowMs: number): PendingVersion | undefined {
    if (pending === undefined) return undefined;
    return nowMs - pending.storedAtMs > this.#limits.updateTtlMs ? undefined : pending;
  }

  #isForgotten(goneSinceMs: number, nowMs: number): boolean {
    return nowMs - goneSinceMs > this.#limits.goneTtlMs;
  }

  /** Goes on where the last sweep ended. What it has not reached yet is expired all the same: every read asks for its age. */
  #sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (let looked = 0; looked < SWEEP_DEVICES_MAX; looked += 1) {
      const { value, done } = this.#sweepPosition.next();
      if (done) {
        this.#sweepPosition = this.#devices.entries();
        return;
      }
      this.#sweepDevice(value[0], value[1], nowMs);
    }
  }

  #sweepDevice(deviceId: DeviceId, device: Device, nowMs: number): void {
    if (nowMs - device.seenAtMs > this.#limits.channelTtlMs) this.#expire(deviceId, device, nowMs);
    for (const [channelId, channel] of device.channels) {
      if (channel.kind === 'held') channel.pending = this.#livePending(channel.pending, nowMs);
      else if (this.#isForgotten(channel.sinceMs, nowMs)) this.#remove(device, channelId);
    }
  }
}

function refused(): Promise<never> {
  return Promise.reject(new StoreUnavailableError('the memory store is full'));
}
