interface Watched<T> {
  readonly items: Set<T>;
  readonly onAbort: () => void;
}

/**
 * Who waits on which AbortSignal, with one listener for a signal however many wait on it: all wakes of a role may share one, and
 * Node.js takes an eleventh listener for a leak.
 */
export class AbortWatch<T> {
  readonly #watched = new Map<AbortSignal, Watched<T>>();
  readonly #onAborted: (item: T) => void;

  /** `onAborted` is called for each item that was not removed before its signal was aborted. */
  constructor(onAborted: (item: T) => void) {
    this.#onAborted = onAborted;
  }

  /** The signal must not be aborted yet. */
  add(signal: AbortSignal, item: T): void {
    const watched = this.#watched.get(signal) ?? this.#watch(signal);
    watched.items.add(item);
  }

  remove(signal: AbortSignal, item: T): void {
    const watched = this.#watched.get(signal);
    if (watched === undefined) return;
    watched.items.delete(item);
    if (watched.items.size > 0) return;
    signal.removeEventListener('abort', watched.onAbort);
    this.#watched.delete(signal);
  }

  #watch(signal: AbortSignal): Watched<T> {
    const items = new Set<T>();
    const onAbort = () => {
      this.#watched.delete(signal);
      for (const item of items) this.#onAborted(item);
    };
    const watched = { items, onAbort };
    this.#watched.set(signal, watched);
    signal.addEventListener('abort', onAbort, { once: true });
    return watched;
  }
}
