/** What a worker is made of, and what it shows. */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { KickQueue } from '../../queue/queue.ts';
import type { KickMetrics } from '../kick-metrics.ts';
import type { KickProvider } from '../provider.ts';
import type { BackoffBounds } from './backoff.ts';
import type { Sleep } from './bell.ts';
import type { BreakerState } from './breaker.ts';
import type { AppOf } from './gate.ts';
import type { TurnDeps } from './turn.ts';

/** What the operator has set, for one provider. */
export interface KickSettings {
  readonly wakeIntervalMs: number;
  readonly attemptsMax: number;
  readonly backoff: BackoffBounds;
  /** Failures in a row after which the provider is left alone. */
  readonly breakerFailuresMax: number;
  readonly breakerPause: BackoffBounds;
  readonly haltPause: BackoffBounds;
  /** Entries in hand, each of which may be a wake-up under way. */
  readonly inFlightMax: number;
  readonly ratePerSecondMax: number;
}

export interface KickWorkerDeps {
  readonly provider: Pick<KickProvider, 'name' | 'wake'>;
  readonly queue: Pick<KickQueue, 'lease' | 'done' | 'retryLater' | 'bury'>;
  readonly queueOf: TurnDeps['queueOf'];
  /** For a provider with several sets of credentials: which one a target needs. */
  readonly appOf?: AppOf | undefined;
  readonly store: TurnDeps['store'];
  readonly settings: KickSettings;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly sleep: Sleep;
  /** From 0 to less than 1. */
  readonly random: () => number;
  readonly metrics: KickMetrics;
  readonly log: Log;
}

/** How a worker is, for operators. */
export interface WorkerView {
  readonly inHand: number;
  readonly breaker: BreakerState;
  /** What the provider says of the credentials that it refuses; empty when it refuses none. */
  readonly halts: readonly string[];
  /** Why the queue or the store cannot be worked with; undefined when they can. */
  readonly queueProblem: string | undefined;
  readonly storeProblem: string | undefined;
  /** What the provider last said instead of taking a wake-up. */
  readonly lastError: { readonly reason: string; readonly atMs: number } | undefined;
}
