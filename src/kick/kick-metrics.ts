/** What the kick role counts, for each provider apart; read only when metrics are asked for (METRICS.md says what each means). */
import { type Counter, type Counters, countersOf, Histogram } from '../metrics.ts';
import type { WakeOutcome } from './provider.ts';

/** What providers answered. */
export const WAKE_OUTCOMES = [
  'woken',
  'gone',
  'later',
  'refused',
  'halted',
  'unanswered',
] as const satisfies readonly WakeOutcome['kind'][];

/** Why an entry was done without a wake-up of its own. */
export const SKIP_REASONS = [
  'no_target',
  'nothing_pending',
  'connected',
  'moved',
  'unconfigured',
  'coalesced',
] as const;

export type SkipReason = (typeof SKIP_REASONS)[number];

/** Why an entry went back into its queue. */
export const RETRY_CAUSES = [
  'interval',
  'backoff',
  'paused',
  'unavailable',
  'stopping',
  'failed',
] as const;

export type RetryCause = (typeof RETRY_CAUSES)[number];

/** What the queue was asked for when it failed. */
export const QUEUE_OPERATIONS = ['lease', 'settle', 'enqueue', 'depth'] as const;

/** From 10 ms, which is a provider next door, to an hour, which is an outage that was survived. */
const WAKE_LATENCY_BOUNDS_MS = [
  10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000,
];

/** The numbers of one provider. */
export interface KickMetrics {
  readonly wakes: Counters<(typeof WAKE_OUTCOMES)[number]>;
  readonly skips: Counters<SkipReason>;
  readonly retries: Counters<RetryCause>;
  readonly buried: Counter;
  readonly queueErrors: Counters<(typeof QUEUE_OPERATIONS)[number]>;
  /** Shared by all providers: the store is one. */
  readonly storeErrors: Counter;
  /** From the storing of an update to the provider's word that it has taken the wake-up. */
  readonly wakeLatency: Histogram;
}

/** All at zero. One for each provider. `storeErrors` is counted on. */
export function createKickMetrics(storeErrors: Counter): KickMetrics {
  return {
    wakes: countersOf(WAKE_OUTCOMES),
    skips: countersOf(SKIP_REASONS),
    retries: countersOf(RETRY_CAUSES),
    buried: { count: 0 },
    queueErrors: countersOf(QUEUE_OPERATIONS),
    storeErrors,
    wakeLatency: new Histogram(WAKE_LATENCY_BOUNDS_MS),
  };
}
