/** Where time comes from. Injected, so that tests move it by hand. */
export interface Clock {
  /** Milliseconds since the epoch. May step when the operator sets the machine's clock: for records and versions. */
  nowMs(): number;
  /** Milliseconds that only grow: for deadlines and intervals. */
  monotonicMs(): number;
  /**
   * Calls `run` every `intervalMs` until the returned function is called. Does not keep the process alive; a `run` that
   * throws is a bug and ends the process.
   */
  every(intervalMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  every(intervalMs, run) {
    const timer = setInterval(run, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};
