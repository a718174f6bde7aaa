import type { Clock } from '../../clock.ts';

/** What may go at once after a silence, as a part of a second's worth: more would be a burst that the provider sees as one. */
const BURST_SECONDS = 0.1;

/** Lets so many things through in a second. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #tokensMax: number;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #tokens: number;
  #filledAtMs: number;

  constructor(clock: Pick<Clock, 'monotonicMs'>, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tokensMax = Math.max(1, perSecond * BURST_SECONDS);
    this.#tokens = this.#tokensMax;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** How many may go now. */
  available(): number {
    const nowMs = this.#clock.monotonicMs();
    const gained = ((nowMs - this.#filledAtMs) * this.#perSecond) / 1000;
    this.#tokens = Math.min(this.#tokensMax, this.#tokens + gained);
    this.#filledAtMs = nowMs;
    return Math.floor(this.#tokens);
  }

  /** How long until one may go; 0 when one may. */
  waitMs(): number {
    if (this.available() >= 1) return 0;
    return Math.ceil(((1 - this.#tokens) * 1000) / this.#perSecond);
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
