/** What becomes of a watch whose connection failed or ended: when it tries again, and what it is called meanwhile. */
import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { MailFailure, WatchState } from '../account.ts';

/** Times in milliseconds, from the config. */
export interface FailureRules {
  /** Ceiling of the first wait; it doubles with each failure in a row. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Ceiling of the first wait when the server says that there are too many connections. */
  readonly limitedMinMs: number;
  /** Between two tries of a password that was refused. Servers lock accounts that are tried often. */
  readonly authRetryMs: number;
  /** A password refused for this long ends the watch. */
  readonly authGiveUpMs: number;
}

/** What is remembered of failures in a row. */
export interface FailureHistory {
  readonly failuresInRow: number;
  /** When the password was first refused, without a login since. */
  readonly authFailingSinceMs?: number;
  /** Monotonic: since when each refusal, by the machine's clock, has come later than a password may be refused. */
  readonly overdueSinceMs?: number;
}

export const NO_FAILURES: FailureHistory = { failuresInRow: 0 };

/**
 * So long in a row, by the clock that only grows, the machine's clock must say that a password has been refused long enough: erased
 * credentials do not come back when a clock that was set forward is corrected.
 */
export const GIVE_UP_GRACE_MS = 3_600_000;

/** Doubling beyond this many failures changes nothing: every cap is reached long before. */
const DOUBLINGS_MAX = 30;

export interface JudgeDeps {
  readonly rules: FailureRules;
  readonly clock: Pick<Clock, 'nowMs' | 'monotonicMs'>;
  readonly random: () => number;
}

/** The state after `failure`. `random` gives 0 to 1, 1 excluded. */
export function afterFailure(
  failure: MailFailure,
  history: FailureHistory,
  { rules, clock, random }: JudgeDeps,
): { readonly state: WatchState; readonly history: FailureHistory } {
  const nowMs = clock.nowMs();
  const failuresInRow = history.failuresInRow + 1;
  const next = { ...history, failuresInRow };
  const jitterMs = (firstMs: number) =>
    Math.floor(random() * ceilingMs(firstMs, failuresInRow, rules));
  switch (failure.kind) {
    case 'auth':
      return afterRefusal(failure, next, { rules, clock });
    case 'oauth':
      return { state: { kind: 'needs-oauth', failure }, history: next };
    case 'blocked':
      return { state: { kind: 'blocked-host', failure }, history: next };
    case 'limited': {
      // Beyond the first wait: one that is cut by chance to nothing would be one more connection too many.
      const nextTryMs = nowMs + rules.limitedMinMs + jitterMs(rules.limitedMinMs);
      return { state: { kind: 'limited', failure, nextTryMs }, history: next };
    }
    case 'tls':
    case 'folder':
    case 'network':
    case 'protocol': {
      // Full jitter: watches that lost one server together do not come back together.
      const nextTryMs = nowMs + jitterMs(rules.backoffMinMs);
      return { state: { kind: 'backoff', failure, nextTryMs }, history: next };
    }
    default:
      return unreachable(failure);
  }
}

/** How long to wait before a PUT that failed `failuresInRow` times is tried again: at least half of the ceiling, so never nothing. */
export function putRetryMs(
  failuresInRow: number,
  { rules, random }: { rules: FailureRules; random: () => number },
): number {
  return (ceilingMs(rules.backoffMinMs, failuresInRow, rules) * (1 + random())) / 2;
}

function ceilingMs(firstMs: number, failuresInRow: number, rules: FailureRules): number {
  return Math.min(firstMs * 2 ** Math.min(failuresInRow - 1, DOUBLINGS_MAX), rules.backoffMaxMs);
}

function afterRefusal(
  failure: MailFailure,
  { overdueSinceMs, ...history }: FailureHistory,
  { rules, clock }: Pick<JudgeDeps, 'rules' | 'clock'>,
): { readonly state: WatchState; readonly history: FailureHistory } {
  const nowMs = clock.nowMs();
  const authFailingSinceMs = history.authFailingSinceMs ?? nowMs;
  const next = { ...history, authFailingSinceMs };
  const waiting = {
    kind: 'auth-failed',
    failure,
    nextTryMs: nowMs + rules.authRetryMs,
  } as const;
  if (nowMs - authFailingSinceMs < rules.authGiveUpMs) return { state: waiting, history: next };
  const sinceMs = overdueSinceMs ?? clock.monotonicMs();
  const graceMs = Math.min(GIVE_UP_GRACE_MS, rules.authGiveUpMs);
  return clock.monotonicMs() - sinceMs < graceMs
    ? { state: waiting, history: { ...next, overdueSinceMs: sinceMs } }
    : { state: { kind: 'stopped', reason: 'auth-failed' }, history: next };
}
