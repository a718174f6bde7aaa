import type { Clock } from '../../clock.ts';
import { QueueUnavailableError } from '../queue.ts';

export interface InHandDeps {
  readonly clock: Clock;
  /** Works that may be unfinished at once; one more is refused. */
  readonly worksMax: number;
  readonly timeoutMs: number;
}

interface Work {
  readonly sinceMs: number;
  reject(error: QueueUnavailableError): void;
}

/** How late a deadline may be seen. */
const WATCH_INTERVAL_MS = 500;

/**
 * What callers wait for and a disk can hold up for ever. A work that takes too long has failed for its caller; what it did to the disk it did.
 * It stays in hand until the disk answers, and until then all others are refused untried.
 */
export class InHand {
  readonly #clock: Clock;
  readonly #worksMax: number;
  readonly #timeoutMs: number;
  readonly #stopWatch: () => void;
  /** The oldest first. */
  readonly #works = new Set<Work>();
  #onQuiet: (() => void) | undefined;

  constructor({ clock, worksMax, timeoutMs }: InHandDeps) {
    this.#clock = clock;
    this.#worksMax = worksMax;
    this.#timeoutMs = timeoutMs;
    this.#stopWatch = clock.every(WATCH_INTERVAL_MS, () => this.#watch());
  }

  /** Runs `begin` and passes its outcome on. @throws QueueUnavailableError */
  run<T>(begin: () => Promise<T>): Promise<T> {
    if (this.#isOverdue()) return Promise.reject(overdueError());
    if (this.#works.size >= this.#worksMax) {
      return Promise.reject(new QueueUnavailableError('too many kicks wait for the disk'));
    }
    return new Promise((resolve, reject) => {
      const work: Work = { sinceMs: this.#clock.monotonicMs(), reject };
      this.#works.add(work);
      begin()
        .then(resolve, reject)
        .finally(() => {
          this.#works.delete(work);
          if (this.#works.size === 0) this.#onQuiet?.();
        });
    });
  }

  /** Resolves when nothing is in hand, or nothing but what is overdue. Nothing may be begun any more. */
  async close(): Promise<void> {
    if (this.#works.size > 0 && !this.#isOverdue()) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
    this.#stopWatch();
  }

  #isOverdue(): boolean {
    const [oldest] = this.#works;
    return oldest !== undefined && this.#clock.monotonicMs() - oldest.sinceMs > this.#timeoutMs;
  }

  #watch(): void {
    if (!this.#isOverdue()) return;
    for (const work of this.#works) work.reject(overdueError());
    this.#onQuiet?.();
  }
}

function overdueError(): QueueUnavailableError {
  return new QueueUnavailableError('the disk of the kick queue does not answer');
}
