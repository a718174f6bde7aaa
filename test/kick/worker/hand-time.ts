import type { Sleep } from '../../../src/kick/worker/bell.ts';
import { HandClock } from '../../storage/hand-clock.ts';

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

/** A clock whose sleepers wake when a test moves it. */
export class HandTime extends HandClock {
  readonly #sleepers = new Set<Sleeper>();

  readonly sleep: Sleep = (ms, signal) =>
    new Promise((resolve) => {
      const end = () => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const sleeper: Sleeper = { atMs: this.monotonicMs() + ms, wake: end };
      if (signal.aborted) return end();
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', end);
    });

  /** Lets time pass: the sleepers of each moment wake together, and what they do is done before time goes on. */
  async pass(ms: number): Promise<void> {
    const endMs = this.monotonicMs() + ms;
    await quiet();
    for (let next = this.#nextMs(); next <= endMs; next = this.#nextMs()) {
      this.moveMs(Math.max(0, next - this.monotonicMs()));
      for (const sleeper of [...this.#sleepers].filter(({ atMs }) => atMs <= next)) sleeper.wake();
      await quiet();
    }
    this.moveMs(endMs - this.monotonicMs());
    await quiet();
  }

  #nextMs(): number {
    return Math.min(...[...this.#sleepers].map(({ atMs }) => atMs));
  }
}

/** Until nothing goes on that needs neither time nor I/O: promises settle before the event loop turns. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
