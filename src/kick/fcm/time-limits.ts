import type { Clock } from '../../clock.ts';

/** A limit is met up to this much late. */
const SWEEP_INTERVAL_MS = 250;

/**
 * Aborts work of several steps when its time is over, with one sweep for all. Work of one step has its own deadline in the client and
 * is not seen here.
 */
export class TimeLimits {
  readonly #clock: Clock;
  readonly #endsAtMs = new Map<AbortController, number>();
  #stopSweep: (() => void) | undefined;

  /** Nothing is looked at before there is work. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Runs `work` with a signal that is aborted with `signal`, or at `endsAtMs` on the monotonic clock. */
  async run<T>(
    { signal, endsAtMs }: { readonly signal: AbortSignal; readonly endsAtMs: number },
    work: (limited: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController();
    const onAbort = () => controller.abort();
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
    this.#endsAtMs.set(controller, endsAtMs);
    this.#stopSweep ??= this.#clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
    try {
      return await work(controller.signal);
    } finally {
      this.#endsAtMs.delete(controller);
      signal.removeEventListener('abort', onAbort);
      if (this.#endsAtMs.size === 0) this.#endSweep();
    }
  }

  /** Ends what is under way. */
  abortAll(): void {
    for (const controller of this.#endsAtMs.keys()) controller.abort();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [controller, endsAtMs] of this.#endsAtMs) if (endsAtMs <= nowMs) controller.abort();
  }

  #endSweep(): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }
}
