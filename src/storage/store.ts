/**
 * What the push server keeps, and what every driver promises. One contract suite (test/storage/store-contract.ts) holds
 * all drivers to this page.
 *
 * ## What is kept
 * | record | of | holds | lives |
 * |---|---|---|---|
 * | device | one device | that it exists; the list of its channels where the engine cannot scan | `channelTtlMs` after the device was last seen |
 * | channel | one (device, channel) | `live` or `gone`; how the device wrote its id; the pending version and when it was stored | live: as the device; its pending version: `updateTtlMs`; gone: `goneTtlMs` |
 * | target | one device | where to kick it, when it gave that, when it last said hello, when it was last woken | as the device |
 *
 * A driver may keep a device up to a tenth longer, so that not every hello need be written down, and may forget the gone channels of one
 * device beyond the last `channelsPerDeviceMax`, so that no device can fill the store with them.
 *
 * The pending version is the one thing that must never be lost. "Higher version wins", "a gone channel refuses" and "an ack removes this
 * version and older ones only" are therefore each one atomic step in every driver; each driver says how.
 *
 * A target that is lost costs wake-ups, never updates: what is pending waits for the device's next hello, and one that carries `connect`
 * gives the target anew. `embedded` loses none. A memcached loses all of them with a restart or a flush, and single ones for want
 * of memory; with its target a device may then be known, or not be known any more, and its channels as well or not.
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
  | {
      readonly kind: 'known';
      readonly channels: readonly HeldChannel[];
      /** Which provider can wake it: such a device's hello is noted (`noteConnected`). Absent for the many that gave no target. */
      readonly targetType?: KickTarget['type'];
    }
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

/** Where a device is kicked, and what the kick role must know to do so once and not in vain. */
export interface KickRecord {
  readonly target: KickTarget;
  /** The hello that last gave it; 0 when that is not known, which is long ago. */
  readonly givenAtMs: number;
  /** The device's last hello: it was told of whatever had been stored before. 0 when that is not known. */
  readonly connectedAtMs: number;
  /** The last claim to wake the device that was not released. */
  readonly wokenAtMs?: number;
}

/** What decides whether a device is kicked. */
export interface KickView {
  /** Absent when the device gave none, took it back, or it was lost or dropped. */
  readonly target?: KickRecord;
  /** Whether a version waits on a channel that the device holds. */
  readonly hasPending: boolean;
}

export type WakeClaim =
  /** Nobody else may wake the device for `intervalMs`. */
  | { readonly kind: 'claimed' }
  /** Somebody claimed it less than `intervalMs` ago; in `waitMs`, which is at most that long, it is free again. */
  | { readonly kind: 'early'; readonly waitMs: number }
  /** There is no target. */
  | { readonly kind: 'absent' };

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
   * Sets where to kick the device, which said hello at `nowMs`; undefined forgets it. A wake that was claimed stays claimed: the
   * interval is the device's, whatever its target.
   * @throws StoreUnavailableError
   */
  writeTarget(deviceId: DeviceId, target: KickTarget | undefined, nowMs: number): Promise<void>;

  /**
   * Writes down that the device said hello at `nowMs`, a time taken before its pending versions were read. Writes nothing when it
   * has no target.
   * @throws StoreUnavailableError
   */
  noteConnected(deviceId: DeviceId, nowMs: number): Promise<void>;

  /**
   * Which provider could wake the device; undefined when it gave no target. For the path of a PUT: one look, which does not count as
   * having seen the device.
   * @throws StoreUnavailableError
   */
  readTargetType(deviceId: DeviceId): Promise<KickTarget['type'] | undefined>;

  /**
   * Whether and where to kick the device. Does not count as having seen it.
   * @throws StoreUnavailableError
   */
  readKick(deviceId: DeviceId): Promise<KickView>;

  /**
   * Sets `wokenAtMs` to `nowMs`, unless that was done less than `intervalMs` ago: one atomic step, of two that claim at once one wins. A claim
   * from further in the future than `intervalMs` was made by a clock that has been set right since, and does not count.
   * @throws StoreUnavailableError
   */
  claimWake(
    deviceId: DeviceId,
    claim: { readonly nowMs: number; readonly intervalMs: number },
  ): Promise<WakeClaim>;

  /**
   * Takes the claim of `claimedAtMs` back, because the device was certainly not woken. A later claim, or none, is left as it is.
   * @throws StoreUnavailableError
   */
  releaseWake(deviceId: DeviceId, claim: { readonly claimedAtMs: number }): Promise<void>;

  /**
   * Forgets the target unless a hello after `unlessGivenAfterMs` gave it: one atomic step. Resolves to whether there was one and it was
   * forgotten.
   * @throws StoreUnavailableError
   */
  dropTarget(
    deviceId: DeviceId,
    condition: { readonly unlessGivenAfterMs: number },
  ): Promise<boolean>;

  /**
   * Asks the engine for a sign of life, by a round trip that a PUT would need too.
   * @throws StoreUnavailableError
   */
  check(): Promise<void>;

  /** Finishes what is under way and lets go of the engine. Call it once; no other method may be called afterwards. */
  close(): Promise<void>;
}
