import type { Clock } from '../../clock.ts';

/** How often alarms are looked at. An alarm rings up to this much late. */
export const ALARM_INTERVAL_MS = 250;

interface Alarm {
  readonly dueAtMs: number;
  readonly ring: () => void;
}

/**
 * The waiting of all watches behind one timer. Most watches wait most of the time, for a deferral, a back-off or the next poll, and
 * thousands of them would be thousands of timers. Bounded by the number of watches: each waits for one thing.
 */
export class Alarms {
  readonly #clock: Clock;
  readonly #alarms = new Set<Alarm>();
  readonly #stop: () => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#stop = clock.every(ALARM_INTERVAL_MS, () => this.#sweep());
  }

  get size(): number {
    return this.#alarms.size;
  }

  /** Resolves after `waitMs`, or as soon as `signal` is aborted. Never rejects. */
  wait(waitMs: number, signal: AbortSignal): Promise<void> {
    if (waitMs <= 0 || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const alarm: Alarm = {
        dueAtMs: this.#clock.monotonicMs() + waitMs,
        ring: () => {
          this.#alarms.delete(alarm);
          signal.removeEventListener('abort', alarm.ring);
          resolve();
        },
      };
      this.#alarms.add(alarm);
      signal.addEventListener('abort', alarm.ring);
    });
  }

  /** Ends the timer. What still waits is let go. */
  stop(): void {
    this.#stop();
    for (const alarm of this.#alarms) alarm.ring();
  }

  #sweep(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const alarm of this.#alarms) if (alarm.dueAtMs <= nowMs) alarm.ring();
  }
}
