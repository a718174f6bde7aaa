import type { Clock } from '../../src/clock.ts';

/** An arbitrary, realistic moment: 2027-01-15. */
const START_MS = 1_800_000_000_000;

/** A clock that moves when a test says so. */
export class HandClock implements Clock {
  readonly #repeated = new Set<() => void>();
  #nowMs = START_MS;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - START_MS;
  }

  every(_intervalMs: number, run: () => void): () => void {
    // Wrapped, so that the same function handed in twice is two entries.
    const entry = () => run();
    this.#repeated.add(entry);
    return () => {
      this.#repeated.delete(entry);
    };
  }

  /** Time goes on; nothing is called. */
  moveMs(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Calls once whatever wants to be called at intervals; time stands still. */
  tick(): void {
    for (const run of this.#repeated) run();
  }

  /** How many functions want to be called at intervals. */
  get repeatedCount(): number {
    return this.#repeated.size;
  }
}
