import type { ChannelId, DeviceId } from '../../protocol/ids.ts';
import type { KickRecord, PendingVersion, StoreLimits } from '../store.ts';

export type Channel =
  | { readonly kind: 'held'; written: string; pending: PendingVersion | undefined }
  | { readonly kind: 'gone'; readonly sinceMs: number };

export interface Device {
  seenAtMs: number;
  /** False for a device that gave a target and never had a channel: it counts as unknown. */
  hadChannels: boolean;
  kick: KickRecord | undefined;
  /** Changed by Devices alone, which counts them. The gone ones stand in the order in which they went. */
  readonly channels: Map<ChannelId, Channel>;
}

export interface DevicesOptions {
  readonly limits: StoreLimits;
  /** Channels of all devices together, gone ones included; there are no more devices than that either. */
  readonly channelsMax: number;
}

/** Devices looked at in one sweep: some 0.1 ms. */
const SWEEP_DEVICES_MAX = 1000;

/** The records of the memory store: how many there may be, and how long they live. */
export class Devices {
  readonly #limits: StoreLimits;
  readonly #channelsMax: number;
  readonly #devices = new Map<DeviceId, Device>();
  #channelCount = 0;
  #sweepPosition = this.#devices.entries();

  constructor({ limits, channelsMax }: DevicesOptions) {
    this.#limits = limits;
    this.#channelsMax = channelsMax;
  }

  /** The device, without what its time has taken from it. */
  find(deviceId: DeviceId, nowMs: number): Device | undefined {
    const device = this.#devices.get(deviceId);
    if (device === undefined || nowMs - device.seenAtMs <= this.#limits.channelTtlMs) return device;
    this.#expire(deviceId, device, nowMs);
    return this.#devices.get(deviceId);
  }

  /** The device, made when it is unknown; undefined when there is no room for it. */
  findOrAdd(deviceId: DeviceId, nowMs: number): Device | undefined {
    const known = this.find(deviceId, nowMs);
    if (known !== undefined || this.#devices.size >= this.#channelsMax) return known;
    const device: Device = {
      seenAtMs: nowMs,
      hadChannels: false,
      kick: undefined,
      channels: new Map(),
    };
    this.#devices.set(deviceId, device);
    return device;
  }

  /** Whether the device holds as many channels as it may. */
  isFull(device: Device): boolean {
    let held = 0;
    for (const { kind } of device.channels.values()) if (kind === 'held') held += 1;
    return held >= this.#limits.channelsPerDeviceMax;
  }

  /** Puts the channel last. False when there is no room for one more: then nothing is changed. */
  set(device: Device, channelId: ChannelId, channel: Channel): boolean {
    const isNew = !device.channels.has(channelId);
    if (isNew && this.#channelCount >= this.#channelsMax) return false;
    this.#remove(device, channelId);
    device.hadChannels = true;
    device.channels.set(channelId, channel);
    this.#channelCount += 1;
    return true;
  }

  /**
   * Makes a channel gone. A device has no more gone channels than it may hold, or one that registers and unregisters for ever would
   * fill the store; the one that went first is forgotten first. False when there is no room.
   */
  bury(device: Device, channelId: ChannelId, sinceMs: number): boolean {
    if (!this.set(device, channelId, { kind: 'gone', sinceMs })) return false;
    const gone = [...device.channels].filter(([, { kind }]) => kind === 'gone');
    const [oldest] = gone;
    if (oldest !== undefined && gone.length > this.#limits.channelsPerDeviceMax) {
      this.#remove(device, oldest[0]);
    }
    return true;
  }

  /** What is left of a pending version. */
  livePending(pending: PendingVersion | undefined, nowMs: number): PendingVersion | undefined {
    if (pending === undefined) return undefined;
    return nowMs - pending.storedAtMs > this.#limits.updateTtlMs ? undefined : pending;
  }

  /** Whether a version waits on a channel that the device holds. */
  hasPending(device: Device, nowMs: number): boolean {
    for (const channel of device.channels.values()) {
      if (channel.kind === 'held' && this.livePending(channel.pending, nowMs)) return true;
    }
    return false;
  }

  isForgotten(goneSinceMs: number, nowMs: number): boolean {
    return nowMs - goneSinceMs > this.#limits.goneTtlMs;
  }

  /** Goes on where the last sweep ended. What it has not reached is expired all the same: whoever reads a record asks for its age. */
  sweep(nowMs: number): void {
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
      if (channel.kind === 'held') channel.pending = this.livePending(channel.pending, nowMs);
      else if (this.isForgotten(channel.sinceMs, nowMs)) this.#remove(device, channelId);
    }
  }

  /** Its channels may be remembered as gone for longer than the device itself is. */
  #expire(deviceId: DeviceId, device: Device, nowMs: number): void {
    for (const [channelId, channel] of device.channels) {
      if (channel.kind === 'held' || this.isForgotten(channel.sinceMs, nowMs)) {
        this.#remove(device, channelId);
      }
    }
    device.kick = undefined;
    device.hadChannels = false;
    if (device.channels.size === 0) this.#devices.delete(deviceId);
  }

  #remove(device: Device, channelId: ChannelId): void {
    if (device.channels.delete(channelId)) this.#channelCount -= 1;
  }
}
