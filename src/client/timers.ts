/** Time as the device's library needs it: one-shot timers that browsers have too. Injected, so that tests move it by hand. */
export interface Timers {
  /** Milliseconds that only grow. */
  monotonicMs(): number;
  /**
   * Calls `run` once after `delayMs`, unless the returned function was called before. Keeps a Node process alive: a device that
   * waits to reconnect is at work.
   */
  after(delayMs: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  monotonicMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Stands where no timer runs. */
export function cancelNothing(): void {
  // Nothing to cancel.
}
