import type { Clock } from '../../clock.ts';
import type { MailFailure, WatchState } from '../account.ts';
import {
  afterFailure,
  type FailureHistory,
  type FailureRules,
  NO_FAILURES,
} from '../watcher/failure-policy.ts';
import { isTooSoon, tooSoonWaitMs } from './pace.ts';

/** Times in milliseconds, from the config. */
export interface EasRules extends FailureRules {
  /** A question that hung this long ends a row of failures. */
  readonly stableMs: number;
}

export interface PatienceDeps {
  readonly rules: EasRules;
  readonly clock: Clock;
  /** 0 to 1, 1 excluded. */
  readonly random: () => number;
}

/** A server that asks for more is asked again after this. */
export const RETRY_AFTER_MS_MAX = 3_600_000;

const STARTING: WatchState = { kind: 'starting' };
const TOO_SOON: MailFailure = { kind: 'protocol', detail: 'the server answers too soon' };

/** When one account's server may be asked again, by what its last answers were. */
export class Patience {
  readonly #deps: PatienceDeps;
  #verdict: WatchState = STARTING;
  #history: FailureHistory;
  /** Answers in a row that came too soon. */
  #tooSoonInRow = 0;
  /** When the server was asked, of the last question; undefined when that one never came so far. */
  #askedAtMs: number | undefined;

  /** `authFailingSinceMs` is what is kept of an earlier process. */
  constructor(authFailingSinceMs: number | undefined, deps: PatienceDeps) {
    this.#deps = deps;
    this.#history =
      authFailingSinceMs === undefined ? NO_FAILURES : { ...NO_FAILURES, authFailingSinceMs };
  }

  /** What the last answer led to. */
  get verdict(): WatchState {
    return this.#verdict;
  }

  /** Since when the password is refused; undefined when it is not. */
  get authFailingSinceMs(): number | undefined {
    return this.#history.authFailingSinceMs;
  }

  /** A question begins, and has come nowhere yet. */
  onBegun(): void {
    this.#askedAtMs = undefined;
  }

  onAsked(): void {
    this.#askedAtMs = this.#deps.clock.monotonicMs();
  }

  onNews(): void {
    this.#tooSoonInRow = 0;
    this.#onLetIn();
  }

  /** "Nothing new": the next question is due at once, unless the server did not wait with its answer. */
  onQuiet({ responseTimeoutMs }: { readonly responseTimeoutMs: number }): void {
    this.#onLetIn();
    if (!isTooSoon(this.#hungMs, responseTimeoutMs)) {
      this.#tooSoonInRow = 0;
      return;
    }
    this.#tooSoonInRow++;
    const { clock, random } = this.#deps;
    const nextTryMs = clock.nowMs() + tooSoonWaitMs(this.#tooSoonInRow, random);
    this.#verdict = { kind: 'backoff', failure: TOO_SOON, nextTryMs };
  }

  /** `retryAfterMs` is what a server that is overloaded asks for. */
  onFailure(failure: MailFailure, retryAfterMs = 0): void {
    const { rules, clock, random } = this.#deps;
    const nowMs = clock.nowMs();
    const isStable = this.#hungMs >= rules.stableMs;
    const before = isStable ? { ...this.#history, failuresInRow: 0 } : this.#history;
    const { state, history } = afterFailure(failure, before, { rules, clock, random });
    this.#history = history;
    const askedForMs = nowMs + Math.min(retryAfterMs, RETRY_AFTER_MS_MAX);
    this.#verdict =
      state.kind === 'limited'
        ? { ...state, nextTryMs: Math.max(state.nextTryMs, askedForMs) }
        : state;
  }

  /** The operator has mended something: the next question is due at once. */
  forget(): void {
    this.#verdict = STARTING;
    this.#tooSoonInRow = 0;
    this.#history = { ...this.#history, failuresInRow: 0 };
  }

  get #hungMs(): number {
    return this.#askedAtMs === undefined ? 0 : this.#deps.clock.monotonicMs() - this.#askedAtMs;
  }

  #onLetIn(): void {
    this.#verdict = STARTING;
    this.#history = NO_FAILURES;
  }
}
