/** What the backend counts; read only when metrics are asked for (METRICS.md says what each means). */
import { type Counter, type Counters, countersOf, Histogram } from '../metrics.ts';
import type { MailFailure, StopReason, WatchState } from './account.ts';
import type { Sign } from './watcher/news-trace.ts';

/** Every state that a watch can be in. */
export const WATCH_STATES = [
  'starting',
  'watching',
  'polling',
  'deferred',
  'backoff',
  'limited',
  'auth-failed',
  'needs-oauth',
  'blocked-host',
  'stopped',
] as const satisfies readonly WatchState['kind'][];

/** How opening a connection can end. */
export const OPENINGS = [
  'opened',
  'auth',
  'oauth',
  'limited',
  'blocked',
  'tls',
  'folder',
  'network',
  'protocol',
] as const satisfies readonly ('opened' | MailFailure['kind'])[];

/** Why watches end by themselves or are ended. */
export const STOP_REASONS = [
  'device',
  'endpoint-gone',
  'expired',
  'auth-failed',
] as const satisfies readonly StopReason[];

/** What makes a watch look, as watcher/news-trace.ts has it. */
export const SIGNS = [
  'login',
  'exists',
  'time',
  'answer',
] as const satisfies readonly Sign['sign'][];

/** From a millisecond, which is a server next door, to half a minute, the longest answer. */
const STAGE_BOUNDS_MS = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000];

/** The numbers of one backend. */
export interface MailMetrics {
  /** Connections by how their opening ended. */
  readonly openings: Counters<(typeof OPENINGS)[number]>;
  readonly ended: Counters<StopReason>;
  readonly registered: Counter;
  /** Looks that were answered, by what made the watch look. */
  readonly looks: Counters<Sign['sign']>;
  /** Those that had news. */
  readonly news: Counters<Sign['sign']>;
  /** From what made a watch look to the answer that had news. */
  readonly found: Histogram;
  /** From that answer until the endpoint had taken it. */
  readonly told: Histogram;
}

/** All at zero. */
export function createMailMetrics(): MailMetrics {
  return {
    openings: countersOf(OPENINGS),
    ended: countersOf(STOP_REASONS),
    registered: { count: 0 },
    looks: countersOf(SIGNS),
    news: countersOf(SIGNS),
    found: new Histogram(STAGE_BOUNDS_MS),
    told: new Histogram(STAGE_BOUNDS_MS),
  };
}
