import type { Clock } from './clock.ts';

export interface TokenBucketOptions {
  /** How fast it fills. */
  readonly perSecond: number;
  /** What it holds at most: what may go at once after a silence. At least 1. */
  readonly tokensMax: number;
  /** What it holds at first; by default all that it may. */
  readonly tokens?: number;
}

const MS_PER_SECOND = 1000;

/** Lets so many things through in a second. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #tokensMax: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #tokens: number;
  #filledAtMs: number;

  constructor(
    clock: Pick<Clock, 'monotonicMs'>,
    { perSecond, tokensMax, tokens = tokensMax }: TokenBucketOptions,
  ) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tokensMax = tokensMax;
    this.#tokens = tokens;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** How many may go now. */
  available(): number {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledAtMs) * this.#perSecond) / MS_PER_SECOND;
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + gained);
    this.#filledAtMs = nowMs;
    return Math.floor(this.#tokens);
  }

  /** How long until one may go; 0 when one may. */
  waitMs(): number {
    if (this.available() >= 1) return 0;
    return Math.ceil(((1 - this.#tokens) * MS_PER_SECOND) / this.#perSecond);
  }

  /** Takes what was available. */
  take(count: number): void {
    this.#tokens -= count;
  }

  /** What was taken and not used. */
  giveBack(count: number): void {
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + count);
  }
}
