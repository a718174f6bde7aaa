import type { Timers } from '../../src/client/timers.ts';

/** Timers that run when a test says so. */
export class ManualTimers implements Timers {
  readonly #waiting = new Set<{ readonly dueMs: number; readonly run: () => void }>();
  #nowMs = 0;

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { dueMs: this.#nowMs + delayMs, run };
    this.#waiting.add(timer);
    return () => this.#waiting.delete(timer);
  }

  /** Lets time pass, and runs what falls due on the way, in order. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#earliest(); next && next.dueMs <= endMs; next = this.#earliest()) {
      this.#waiting.delete(next);
      this.#nowMs = next.dueMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  /** How many timers wait. */
  get count(): number {
    return this.#waiting.size;
  }

  #earliest() {
    return Array.from(this.#waiting).sort((a, b) => a.dueMs - b.dueMs)[0];
  }
}
