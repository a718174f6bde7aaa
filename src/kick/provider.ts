/**
 * What the kick role knows of a push provider: one call, and what its answer means for the entry, the target and the provider itself.
 * Each provider's file translates its own protocol into these six outcomes, row by row, and a table test holds each row.
 */
import type { KickTarget } from '../protocol/connect.ts';
import type { ChannelId, Version } from '../protocol/ids.ts';

export type ProviderName = KickTarget['type'];

/** One wake-up to send. */
export interface Wake<Target extends KickTarget = KickTarget> {
  readonly target: Target;
  /** Goes into the payload when the operator wants it; the device's own spelling does not matter here. */
  readonly channelId: ChannelId;
  readonly version: Version;
}

export type WakeOutcome =
  /** The provider has taken it. */
  | { readonly kind: 'woken' }
  /**
   * The target is dead. It is deleted, unless the device gave it again after `sinceMs`, the moment from which the provider knows
   * it to be dead (without one: after the wake was sent).
   */
  | { readonly kind: 'gone'; readonly sinceMs?: number; readonly reason: string }
  /** Not now. `scope` says whether one device or the whole provider is to be left alone for `retryAfterMs` (without one: the back-off). */
  | {
      readonly kind: 'later';
      readonly scope: 'device' | 'provider';
      readonly retryAfterMs?: number;
      readonly reason: string;
    }
  /** This wake will never be taken, and the target may be right: the entry is given up, the target stays. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** Credentials or set-up are wrong: nothing is deleted, the provider is stopped, the operator is called. */
  | { readonly kind: 'halted'; readonly reason: string }
  /** No answer: the device may or may not have been woken. */
  | { readonly kind: 'unanswered'; readonly reason: string };

/** Reasons name the provider's own error word and never hold a token. */
export interface KickProvider<Target extends KickTarget = KickTarget> {
  readonly name: Target['type'];
  /**
   * Sends one wake-up; any number may run at once up to the provider's bound in flight. Settles within the provider's deadline, at once
   * when `signal` is aborted, and never rejects but by our own bug.
   */
  wake(wake: Wake<Target>, signal: AbortSignal): Promise<WakeOutcome>;
  /**
   * Asks the provider whether the credentials are good, without waking anybody. Resolves to what is wrong, each a sentence that
   * says which key of the config and where to get a right one; empty when all is well.
   */
  checkCredentials(): Promise<readonly string[]>;
  /** Lets go of connections; wakes in flight settle as `unanswered`. */
  close(): Promise<void>;
}
