/**
 * The circuit breaker of one provider: whether it may be asked now. *closed*: yes. *open*: no, until a time. *half-open*: one wake-up may
 * try whether it is back.
 */
import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import { type BackoffBounds, backoffCeilingMs } from './backoff.ts';

/**
 * Why a provider is left alone. `failing`: too many failures in a row. `asked`: it said so itself. `halted`: it refuses our credentials or
 * set-up, so an operator must act.
 */
export type BreakerCause = 'failing' | 'asked' | 'halted';

/** Why, and for how many pauses in a row. */
interface Trouble {
  readonly cause: BreakerCause;
  /** What the last answer said; without tokens. */
  readonly reason: string;
  readonly pauses: number;
}

export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly trouble: Trouble; readonly untilMs: number }
  | { readonly kind: 'half-open'; readonly trouble: Trouble; readonly isProbing: boolean };

/** Names of the states, for metrics. */
export const BREAKER_STATES = ['closed', 'open', 'half-open'] as const;

/** What became of a try. */
export type Verdict =
  /** The provider was not asked after all. */
  | { readonly kind: 'untried' }
  /** It answered, whatever it said of this one wake-up. */
  | { readonly kind: 'answered' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'asked'; readonly reason: string; readonly retryAfterMs?: number }
  | { readonly kind: 'halted'; readonly reason: string };

/** Leave to ask the provider once. */
export interface Pass {
  readonly isProbe: boolean;
}

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failuresMax: number;
  readonly pause: BackoffBounds;
  readonly haltPause: BackoffBounds;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Called when the provider is left alone for another reason than before, and when it is not any more. */
  readonly onChange: (now: BreakerState, before: BreakerState) => void;
}

/** A provider that asks for more is asked again after this: a wrong header must not stop wake-ups for good. */
export const RETRY_AFTER_MAX_MS = 3_600_000;

const CLOSED: BreakerState = { kind: 'closed', failures: 0 };

/** One for each provider. Keeps no timer: whoever asks finds that a pause is over. */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: BreakerState = CLOSED;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  /** As it is at this moment: an open one becomes half-open by time alone. */
  get state(): BreakerState {
    const state = this.#state;
    if (state.kind === 'open' && state.untilMs <= this.#nowMs()) {
      this.#state = { kind: 'half-open', trouble: state.trouble, isProbing: false };
    }
    return this.#state;
  }

  /** How many wake-ups may be begun now. */
  get room(): number {
    const { state } = this;
    switch (state.kind) {
      case 'closed':
        return Number.POSITIVE_INFINITY;
      case 'open':
        return 0;
      case 'half-open':
        return state.isProbing ? 0 : 1;
      default:
        return unreachable(state);
    }
  }

  /** How long it stays open; 0 when it is not. While a probe is under way nobody knows: its end is the time to ask again. */
  get openMs(): number {
    const { state } = this;
    return state.kind === 'open' ? state.untilMs - this.#nowMs() : 0;
  }

  /** Leave to ask the provider, to be given back by `leave`; undefined when it is to be left alone. */
  enter(): Pass | undefined {
    const { state } = this;
    if (this.room === 0) return undefined;
    if (state.kind !== 'half-open') return { isProbe: false };
    this.#state = { ...state, isProbing: true };
    return { isProbe: true };
  }

  /** Call it once for each pass. Answers to what was asked before the last change say nothing of the provider as it is now. */
  leave({ isProbe }: Pass, verdict: Verdict): void {
    const { state } = this;
    if (isProbe && state.kind === 'half-open') this.#state = { ...state, isProbing: false };
    switch (verdict.kind) {
      case 'untried':
        return;
      case 'answered':
        this.#onAnswer(isProbe);
        return;
      case 'failed':
        this.#onFailure(isProbe, verdict.reason);
        return;
      case 'asked':
        this.#onAsked(verdict);
        return;
      case 'halted':
        this.#onHalted(verdict.reason);
        return;
      default:
        unreachable(verdict);
    }
  }

  #onAnswer(isProbe: boolean): void {
    if (isProbe || this.#state.kind === 'closed') this.#change(CLOSED);
  }

  #onFailure(isProbe: boolean, reason: string): void {
    const state = this.#state;
    if (state.kind === 'closed') {
      const failures = state.failures + 1;
      if (failures < this.#options.failuresMax) this.#state = { kind: 'closed', failures };
      else this.#open('failing', reason);
      return;
    }
    // A halted provider that does not answer has not taken the credentials yet.
    if (isProbe) this.#open(state.trouble.cause === 'halted' ? 'halted' : 'failing', reason);
  }

  /** One that is halted already is so for longer only after another try. */
  #onHalted(reason: string): void {
    const state = this.#state;
    if (state.kind === 'open' && state.trouble.cause === 'halted') return;
    this.#open('halted', reason);
  }

  #onAsked({ reason, retryAfterMs }: Verdict & { readonly kind: 'asked' }): void {
    const state = this.#state;
    if (state.kind === 'open' && state.trouble.cause === 'halted') return;
    const before = state.kind === 'open' ? state.untilMs : 0;
    // Many wake-ups that were under way are told the same: they are one pause.
    if (state.kind === 'open' && retryAfterMs === undefined) return;
    this.#open('asked', reason, retryAfterMs, before);
  }

  #open(cause: BreakerCause, reason: string, wantedMs?: number, notBeforeMs = 0): void {
    const state = this.#state;
    const isSame = state.kind !== 'closed' && state.trouble.cause === cause;
    const pauses = isSame ? state.trouble.pauses + 1 : 1;
    const bounds = cause === 'halted' ? this.#options.haltPause : this.#options.pause;
    const pauseMs = Math.min(wantedMs ?? backoffCeilingMs(bounds, pauses - 1), RETRY_AFTER_MAX_MS);
    const untilMs = Math.max(notBeforeMs, this.#nowMs() + pauseMs);
    this.#change({ kind: 'open', trouble: { cause, reason, pauses }, untilMs });
  }

  #change(next: BreakerState): void {
    const before = this.#state;
    this.#state = next;
    if (causeOf(before) !== causeOf(next)) this.#options.onChange(next, before);
  }

  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

/** Why the provider is in trouble; undefined when it is not. */
export function causeOf(state: BreakerState): BreakerCause | undefined {
  return state.kind === 'closed' ? undefined : state.trouble.cause;
}
