/** Resolves after `ms`, or at once when `signal` is aborted; never rejects. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** By a timer that does not keep the process alive. */
export const systemSleep: Sleep = (ms, signal) =>
  new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    timer.unref();
    signal.addEventListener('abort', end);
  });

/** Where one loop waits for a time or for something to happen, whichever comes first. One timer at most. */
export class Bell {
  readonly #sleep: Sleep;
  #waiting: AbortController | undefined;

  constructor(sleep: Sleep) {
    this.#sleep = sleep;
  }

  /** Ends the wait. Whoever is not waiting looks at what happened before it waits. */
  ring(): void {
    this.#waiting?.abort();
  }

  /** Until `ms` are over or the bell rings. One caller at a time. */
  async wait(ms: number): Promise<void> {
    this.#waiting = new AbortController();
    await this.#sleep(ms, this.#waiting.signal);
    this.#waiting = undefined;
  }
}
