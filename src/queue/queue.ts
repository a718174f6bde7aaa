/**
 * The queue between an update that was stored and the wake-up of its device: durable, leased, acknowledged, bounded.
 *
 * There is one queue for each kick provider, so that a provider that hangs fills its own queue and no other. An entry
 * carries no push token: where to kick is read from the store when the entry is worked on, so a token that the device
 * has renewed meanwhile is the one that is used.
 *
 * An entry is in one of four places: *ready* (waits to be leased), *leased* (somebody works on it until the lease ends),
 * *delayed* (a retry that is not due yet) or *dead* (given up, kept with its last error for the operator).
 */
import type { ChannelId, DeviceId, Version } from '../protocol/ids.ts';

/** The queue did not take the entry, or did not answer. Nothing was promised: the PUT is answered 503. */
export class QueueUnavailableError extends Error {
  override readonly name = 'QueueUnavailableError';
}

/** One update that its device should be woken for. */
export interface Kick {
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
  readonly version: Version;
  /** When the update had been stored; a hello after this has told the device already. */
  readonly storedAtMs: number;
}

/** An entry that is ours until its lease ends. Settle it once, by done, retryLater or bury, which take this object and no copy. */
export interface LeasedKick extends Kick {
  /** Names the entry to its queue; opaque, safe to log. */
  readonly id: string;
  /** How often it was tried before, not counting this time. */
  readonly attempts: number;
}

/** An entry that was given up. */
export interface DeadKick extends Kick {
  readonly id: string;
  readonly attempts: number;
  readonly diedAtMs: number;
  /** The last error, without tokens. */
  readonly reason: string;
}

/** What lies where. A driver that can only estimate says so in its own comment. */
export interface QueueDepth {
  readonly ready: number;
  readonly leased: number;
  readonly delayed: number;
  readonly dead: number;
  /** Age of the oldest ready entry; 0 when there is none. */
  readonly oldestReadyMs: number;
}

/** How an entry is put back. */
export interface Retry {
  readonly delayMs: number;
  readonly reason: string;
  /** Whether this time counts: false when nobody tried, because the provider is paused or busy. */
  readonly isAttempt: boolean;
}

/** A longer delay is cut to this: SQS hides a message for 12 hours at most, its lease included. */
export const RETRY_DELAY_MS_MAX = 11 * 3_600_000;

/** Every method may run any number of times at once, in one process or many. */
export interface KickQueue {
  /** For logs, `/status` and metric labels. */
  readonly driver: 'spool' | 'sqs';

  /**
   * Takes the kick. When it resolves, the entry survives what the driver is made to survive. `collapsed`: an older entry of this
   * device is still unleased, and whoever leases it will look at the store later than now, so it covers this update too. That
   * holds because callers enqueue after they have stored, and because the entry tells the newer update and when that was stored from
   * now on: a hello between the two has told the device of the older one alone.
   * @throws QueueUnavailableError also when the queue is full; the caller answers 503
   */
  enqueue(kick: Kick): Promise<'queued' | 'collapsed'>;

  /**
   * Up to `max` entries, oldest first, each ours for the lease time of the config; waits up to `waitMs` for the first. An empty
   * list means that none came, or that `signal` was aborted. An entry whose holder died comes back when its lease has ended.
   * @throws QueueUnavailableError
   */
  lease(wanted: {
    readonly max: number;
    readonly waitMs: number;
    readonly signal: AbortSignal;
  }): Promise<readonly LeasedKick[]>;

  /** The work is done; the entry is removed. Harmless when the lease has ended. @throws QueueUnavailableError */
  done(kick: LeasedKick): Promise<void>;

  /** The entry becomes ready again after `delayMs`. Harmless when the lease has ended. @throws QueueUnavailableError */
  retryLater(kick: LeasedKick, retry: Retry): Promise<void>;

  /** The entry is given up and kept for the operator. Harmless when the lease has ended. @throws QueueUnavailableError */
  bury(kick: LeasedKick, reason: string): Promise<void>;

  /** @throws QueueUnavailableError */
  depth(): Promise<QueueDepth>;

  /** The oldest dead entries, up to `max`. @throws QueueUnavailableError */
  listDead(max: number): Promise<readonly DeadKick[]>;

  /** Makes dead entries ready again, with no attempts counted; all, or the one named. Resolves to how many. @throws QueueUnavailableError */
  retryDead(id?: string): Promise<number>;

  /** Removes dead entries; all, or the one named. Resolves to how many. @throws QueueUnavailableError */
  purgeDead(id?: string): Promise<number>;

  /** Asks for a sign of life, by something that an enqueue would need too. @throws QueueUnavailableError */
  check(): Promise<void>;

  /** Lets go. Entries that are leased stay so until their lease ends. Call it once. */
  close(): Promise<void>;
}
