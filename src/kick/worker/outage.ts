import type { Clock } from '../../clock.ts';
import { type BackoffBounds, backoffMs } from './backoff.ts';

/** Short at first, since most outages are a restart; at the cap, what comes back is found within seconds. */
const PAUSE: BackoffBounds = { minMs: 200, maxMs: 10_000 };

export interface OutageDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly random: () => number;
  /** Called once when it begins. */
  readonly onBegin: (error: Error) => void;
  /** Called once when it is over. */
  readonly onEnd: () => void;
}

/** Something that we need and that is away: how long to leave it alone, and when to say so. */
export class Outage {
  readonly #deps: OutageDeps;
  #failures = 0;
  #untilMs = 0;
  #reason: string | undefined;

  constructor(deps: OutageDeps) {
    this.#deps = deps;
  }

  /** What the last failure said; undefined when all is well. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** How long to leave it alone. */
  get pauseMs(): number {
    return Math.max(0, this.#untilMs - this.#deps.clock.monotonicMs());
  }

  /** It failed. Calls that fail during a pause were begun before it. */
  failed(error: Error): void {
    if (this.#reason === undefined) this.#deps.onBegin(error);
    this.#reason = error.message;
    if (this.pauseMs > 0) return;
    this.#untilMs =
      this.#deps.clock.monotonicMs() + backoffMs(PAUSE, this.#failures, this.#deps.random);
    this.#failures++;
  }

  /** It worked. */
  worked(): void {
    if (this.#reason === undefined) return;
    this.#reason = undefined;
    this.#failures = 0;
    this.#untilMs = 0;
    this.#deps.onEnd();
  }
}
