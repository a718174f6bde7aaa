import type { Clock } from '../clock.ts';

/** How often deadlines are looked at. A deadline is met up to this much late. */
export const SWEEP_INTERVAL_MS = 1000;

/**
 * Deadlines of many sessions behind one timer. A timer of its own costs each session 257 bytes; one sweep over 200,000 deadlines
 * takes 3 to 10 ms a second, and only sessions that wait for something are in it.
 */
export class Deadlines<Item extends object> {
  readonly #dueAtMs = new Map<Item, number>();
  readonly #onDue: (item: Item) => void;
  readonly #clock: Clock;
  readonly #stop: () => void;
  #nowMs: number;

  /** `onDue` is called once for an item that was not deleted in time; it may add the item again. It must not throw. */
  constructor(clock: Clock, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
    this.#nowMs = clock.monotonicMs();
    this.#stop = clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
  }

  /** The time of the last sweep: monotonic, at most SWEEP_INTERVAL_MS old, and free to ask. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** How many items wait; bounded by the number of sockets. */
  get size(): number {
    return this.#dueAtMs.size;
  }

  /** Every item that waits. */
  items(): IterableIterator<Item> {
    return this.#dueAtMs.keys();
  }

  /** Whether the item waits. */
  has(item: Item): boolean {
    return this.#dueAtMs.has(item);
  }

  /** `dueAtMs` on the scale of `nowMs`; replaces an earlier deadline of the item. */
  add(item: Item, dueAtMs: number): void {
    this.#dueAtMs.set(item, dueAtMs);
  }

  delete(item: Item): void {
    this.#dueAtMs.delete(item);
  }

  /** Ends the timer; nothing is due any more. */
  stop(): void {
    this.#stop();
    this.#dueAtMs.clear();
  }

  #sweep(): void {
    this.#nowMs = this.#clock.monotonicMs();
    const due: Item[] = [];
    for (const [item, dueAtMs] of this.#dueAtMs) if (dueAtMs <= this.#nowMs) due.push(item);
    for (const item of due) {
      // An earlier item's onDue may have taken this one out.
      if (this.#dueAtMs.delete(item)) this.#onDue(item);
    }
  }
}
