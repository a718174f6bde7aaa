/** Which new sockets are let in (config: `[socket]`, "…_max"). */
import type { Clock } from '../clock.ts';
import type { Metrics, REFUSED_SOCKETS } from '../metrics.ts';
import type { Origin } from '../origin.ts';

export type Refusal = (typeof REFUSED_SOCKETS)[number];

/** Sockets, but for the last: sockets let in per second. Each bound is inclusive: that many are let in, one more is not. */
export interface AdmissionLimits {
  readonly socketsMax: number;
  readonly socketsBeforeHelloMax: number;
  readonly socketsPerAddressMax: number;
  readonly connectsPerSecondMax: number;
}

export interface AdmissionDeps {
  readonly limits: AdmissionLimits;
  /** Sockets that have not said hello yet. */
  readonly waitingForHello: () => number;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * Counts sockets by where they come from and in all. Whoever was let in must be let out exactly once. Its map has one entry per
 * address with an open socket, so it is bounded by `socketsMax`.
 */
export class Admission {
  readonly #deps: AdmissionDeps;
  readonly #openByOrigin = new Map<Origin, number>();
  #open = 0;
  #isClosed = false;
  /** The second that is being counted, and the sockets let in within it. */
  #second = 0;
  #inSecond = 0;

  constructor(deps: AdmissionDeps) {
    this.#deps = deps;
  }

  get open(): number {
    return this.#open;
  }

  /** From now on nobody is let in: the node drains. */
  shut(): void {
    this.#isClosed = true;
  }

  /** Undefined: let in, and counted. Else why not, and nothing was counted but the refusal. */
  enter(origin: Origin): Refusal | undefined {
    const refusal = this.#refusalOf(origin);
    if (refusal !== undefined) {
      this.#deps.metrics.socketsRefused[refusal].count++;
      return refusal;
    }
    this.#open++;
    this.#inSecond++;
    this.#openByOrigin.set(origin, (this.#openByOrigin.get(origin) ?? 0) + 1);
    return undefined;
  }

  /** Counts a socket whose Origin is not allowed. */
  refuseOrigin(): Refusal {
    this.#deps.metrics.socketsRefused.origin.count++;
    return 'origin';
  }

  /** A socket that was let in has closed. */
  leave(origin: Origin): void {
    this.#open--;
    const left = (this.#openByOrigin.get(origin) ?? 1) - 1;
    if (left === 0) this.#openByOrigin.delete(origin);
    else this.#openByOrigin.set(origin, left);
  }

  #refusalOf(origin: Origin): Refusal | undefined {
    const { limits, waitingForHello, clock } = this.#deps;
    if (this.#isClosed) return 'draining';
    if (this.#open >= limits.socketsMax) return 'full';
    if ((this.#openByOrigin.get(origin) ?? 0) >= limits.socketsPerAddressMax) return 'address';
    if (waitingForHello() >= limits.socketsBeforeHelloMax) return 'before_hello';
    const second = Math.floor(clock.monotonicMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inSecond = 0;
    }
    return this.#inSecond >= limits.connectsPerSecondMax ? 'rate' : undefined;
  }
}
