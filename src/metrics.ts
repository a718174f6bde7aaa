/**
 * What the process counts. On the path of a PUT a metric costs one addition: plain numbers here, read by the admin listener only when
 * it is asked (METRICS.md says what each means; a test compares the two).
 */
import { CLOSE_CODES } from './protocol/close-codes.ts';
import type { KickTarget } from './protocol/connect.ts';
import { ENDPOINT_ANSWERS } from './protocol/statuses.ts';

/** A number that only grows. */
export interface Counter {
  count: number;
}

/** Counters of one name, apart by one label whose values are known beforehand: never an id, never a text from outside. */
export type Counters<Label extends string> = Readonly<Record<Label, Counter>>;

/** Counts durations into buckets of fixed upper bounds. */
export class Histogram {
  /** Upper bounds, in milliseconds, ascending; a last bucket without bound follows. */
  readonly boundsMs: readonly number[];
  readonly counts: number[];
  sumMs = 0;

  constructor(boundsMs: readonly number[]) {
    this.boundsMs = boundsMs;
    this.counts = new Array<number>(boundsMs.length + 1).fill(0);
  }

  observe(durationMs: number): void {
    let bucket = 0;
    // Most durations fall into the first buckets; a search would cost more than these few comparisons.
    while (bucket < this.boundsMs.length && durationMs > (this.boundsMs[bucket] ?? 0)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumMs += durationMs;
  }
}

export const REFUSED_SOCKETS = [
  'full',
  'address',
  'rate',
  'before_hello',
  'origin',
  'draining',
] as const;
/** What the store was asked for when it failed. */
export const STORE_OPERATIONS = ['put', 'message', 'resend', 'kick', 'check'] as const;
export const FRAME_TYPES = [
  'hello',
  'register',
  'unregister',
  'ack',
  'ping',
  'purge',
  'refused',
  'malformed',
] as const;
export const HELLO_OUTCOMES = [
  'known',
  'new',
  'kept',
  'reset',
  'again',
  'redirected',
  'full',
  'failed',
] as const;
export const CLOSE_CAUSES = [...Object.keys(CLOSE_CODES), 'slow_reader', 'peer'] as readonly (
  | keyof typeof CLOSE_CODES
  | 'slow_reader'
  | 'peer'
)[];
/** What can wake a device. */
export const KICK_PROVIDERS = [
  'apns',
  'fcm',
  'udp',
] as const satisfies readonly KickTarget['type'][];
export const ENDPOINT_OUTCOMES = Object.keys(
  ENDPOINT_ANSWERS,
) as readonly (keyof typeof ENDPOINT_ANSWERS)[];

/** Upper bounds from a tenth of a millisecond, the quickest PUT, to ten seconds, beyond every deadline. */
const LATENCY_BOUNDS_MS = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000,
];

/** Every number of the process. Whoever does the thing adds one; nobody but the admin listener reads. */
export interface Metrics {
  readonly socketsOpened: Counter;
  readonly socketsRefused: Counters<(typeof REFUSED_SOCKETS)[number]>;
  readonly closes: Counters<(typeof CLOSE_CAUSES)[number]>;
  readonly frames: Counters<(typeof FRAME_TYPES)[number]>;
  readonly hellos: Counters<(typeof HELLO_OUTCOMES)[number]>;
  readonly puts: Counters<(typeof ENDPOINT_OUTCOMES)[number]>;
  readonly putDuration: Histogram;
  /** Kicks that the queue of each provider took, took together with an older one of the device, and did not take. */
  readonly kicksQueued: Counters<KickTarget['type']>;
  readonly kicksCollapsed: Counters<KickTarget['type']>;
  readonly kicksRefused: Counters<KickTarget['type']>;
  readonly updatesSent: Counter;
  readonly updatesFlushed: Counter;
  readonly updatesResent: Counter;
  readonly updatesAcked: Counter;
  readonly storeErrors: Counters<(typeof STORE_OPERATIONS)[number]>;
  readonly tokenCacheHits: Counter;
  readonly tokenCacheMisses: Counter;
}

/** All metrics at zero. One per process. */
export function createMetrics(): Metrics {
  return {
    socketsOpened: { count: 0 },
    socketsRefused: countersOf(REFUSED_SOCKETS),
    closes: countersOf(CLOSE_CAUSES),
    frames: countersOf(FRAME_TYPES),
    hellos: countersOf(HELLO_OUTCOMES),
    puts: countersOf(ENDPOINT_OUTCOMES),
    putDuration: new Histogram(LATENCY_BOUNDS_MS),
    kicksQueued: countersOf(KICK_PROVIDERS),
    kicksCollapsed: countersOf(KICK_PROVIDERS),
    kicksRefused: countersOf(KICK_PROVIDERS),
    updatesSent: { count: 0 },
    updatesFlushed: { count: 0 },
    updatesResent: { count: 0 },
    updatesAcked: { count: 0 },
    storeErrors: countersOf(STORE_OPERATIONS),
    tokenCacheHits: { count: 0 },
    tokenCacheMisses: { count: 0 },
  };
}

/** A counter at zero for each label. */
export function countersOf<Label extends string>(labels: readonly Label[]): Counters<Label> {
  return Object.fromEntries(labels.map((label) => [label, { count: 0 }])) as Record<Label, Counter>;
}
