/**
 * What the push server keeps, and what every driver promises. One contract suite (test/storage/store-contract.ts) holds
 * all drivers to this page.
 *
 * ## What is kept
 * | record | of | holds | lives |
 * |---|---|---|---|
 * | device | one device | that it exists; the list of its channels where the engine cannot scan | `channelTtlMs` after the device was last seen |
 * | channel | one (device, channel) | `live` or `gone`; how the device wrote its id; the pending version and when it was stored | live: as the device; its pending version: `updateTtlMs`; gone: `goneTtlMs` |
 * | target | one device | where to kick it, as JSON | as the device |
 *
 * A driver may keep a device up to a tenth longer, so that not every hello need be written down, and may forget the gone channels of one
 * device beyond the last `channelsPerDeviceMax`, so that no device can fill the store with them.
 *
 * The pending version is the one thing that must never be lost. "Higher version wins", "a gone channel refuses" and "an ack removes this
 * version and older ones only" are therefore each one atomic step in every driver; each driver says how.
 *
 * ## Words
 * A channel is *held* when its record is live. *Unknown* (never seen, expired, or forgotten by a cache) is not *gone*
 * (unregistered, and still remembered): a PUT to an unknown channel is accepted and makes it held, because its endpoint
 * token proves that this server once issued it; a PUT to a gone channel is refused.
 *
 * ## Failure
 * Each method rejects with StoreUnavailableError, within the driver's own deadline, when the engine cannot answer or cannot
 * promise. It never answers "unknown" or "nothing pending" instead. After a rejected write the change may or may not have been
 * made; all writes may be repeated without harm.
 *
 * ## Several processes
 * Any method may run any number of times at once, in one process or many, for one device or many. The outcome is that of
 * some order of the calls.
 */
import type { KickTarget } from '../protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../protocol/ids.ts';

/** The engine did not do what was asked. The caller answers 503 and "try again later"; nothing was promised. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** A version that the device has not acknowledged. */
export interface PendingVersion {
  readonly version: Version;
  /** When it was stored; updates are flushed oldest first. */
  readonly storedAtMs: number;
}

/** One held channel of a device. */
export interface HeldChannel extends WrittenChannel {
  readonly pending?: PendingVersion;
}

/** What is known of a device. */
export type DeviceView =
  /** It has, or had, channels here. `channels` are the held ones, in no particular order. */
  | { readonly kind: 'known'; readonly channels: readonly HeldChannel[] }
  /** The engine answered, and has nothing of this device. */
  | { readonly kind: 'unknown' }
  /** The driver keeps nothing, so no absence means anything. */
  | { readonly kind: 'untracked' };

export type RegisterOutcome = 'registered' | 'full';

export type PutOutcome =
  /**
   * It is the pending version now. Between processes also: it came just before another one made the channel gone, and whether the same or a
   * higher version was pending at that moment was not looked up. Like `stale`, it means accepted.
   */
  | 'stored'
  /** The same or a higher version is pending already and stays. */
  | 'stale'
  /** The channel was unregistered, or its device dropped, or its device cannot hold one more channel. */
  | 'gone'
  /** The driver keeps nothing: only a live session can take the update. */
  | 'unkept';

/** One acknowledged version; `throughVersion` and everything older is done. */
export interface Ack {
  readonly channelId: ChannelId;
  readonly throughVersion: Version;
}

/** The bounds that every driver enforces. */
export interface StoreLimits {
  /** Held channels of one device; one more is `full`. */
  readonly channelsPerDeviceMax: number;
  /** How long a device and its channels are kept after it was last seen. */
  readonly channelTtlMs: number;
  /** How long a version waits for its device. */
  readonly updateTtlMs: number;
  /** How long an unregistered channel is remembered, so that a PUT to it is told 410. */
  readonly goneTtlMs: number;
}

export interface Store {
  /** For logs, `/status` and metric labels. */
  readonly driver: 'memory' | 'embedded' | 'memcached' | 'none';

  /**
   * What is known of the device; counts as having seen it, which renews the time its records live.
   * `listed` are channels the caller has heard of: an engine that lost the device's own list still finds them.
   * @throws StoreUnavailableError
   */
  readDevice(deviceId: DeviceId, listed: readonly ChannelId[]): Promise<DeviceView>;

  /**
   * Makes the channel held. Idempotent: a held channel keeps its pending version and takes the new spelling; a gone one starts
   * anew with nothing pending. `full` when the device already holds `channelsPerDeviceMax` others; then nothing is changed.
   * @throws StoreUnavailableError
   */
  registerChannel(deviceId: DeviceId, channel: WrittenChannel): Promise<RegisterOutcome>;

  /**
   * Makes the channel gone, whether or not it was known. Its pending version is forgotten.
   * @throws StoreUnavailableError
   */
  unregisterChannel(deviceId: DeviceId, channelId: ChannelId): Promise<void>;

  /**
   * Makes every held channel of the device gone and forgets its target.
   * @throws StoreUnavailableError
   */
  dropDevice(deviceId: DeviceId): Promise<void>;

  /**
   * Records `version` as pending unless the channel is gone or the same or a higher version is pending. When it resolves, the
   * update survives what the driver is made to survive: `embedded` a kill and a power loss, `memcached` our own death,
   * `memory` nothing.
   * @throws StoreUnavailableError
   */
  putUpdate(deviceId: DeviceId, channelId: ChannelId, version: Version): Promise<PutOutcome>;

  /**
   * Removes each pending version that is not higher than its `throughVersion`; a higher one stays. Unknown and gone channels
   * are passed over.
   * @throws StoreUnavailableError
   */
  ackUpdates(deviceId: DeviceId, acks: readonly Ack[]): Promise<void>;

  /**
   * Sets where to kick the device; undefined forgets it.
   * @throws StoreUnavailableError
   */
  writeTarget(deviceId: DeviceId, target: KickTarget | undefined): Promise<void>;

  /**
   * Where to kick the device; undefined when it gave nothing.
   * @throws StoreUnavailableError
   */
  readTarget(deviceId: DeviceId): Promise<KickTarget | undefined>;

  /**
   * Asks the engine for a sign of life, by a round trip that a PUT would need too.
   * @throws StoreUnavailableError
   */
  check(): Promise<void>;

  /** Finishes what is under way and lets go of the engine. Call it once; no other method may be called afterwards. */
  close(): Promise<void>;
}
