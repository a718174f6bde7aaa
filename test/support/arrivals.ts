/** Longest wait of a test for something that should arrive at once. */
export const ARRIVAL_WAIT_MS_MAX = 5_000;

interface Waiter<T> {
  readonly accepts: (item: T) => boolean;
  readonly resolve: (item: T) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Things that arrive at a test, in order. What nobody has asked for yet is kept, so none is missed; what does not come
 * fails the test in words.
 */
export class Arrivals<T> {
  readonly #waitMsMax: number;
  readonly #unread: T[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  #end: string | undefined;

  constructor(waitMsMax = ARRIVAL_WAIT_MS_MAX) {
    this.#waitMsMax = waitMsMax;
  }

  push(item: T): void {
    for (const waiter of this.#waiters) {
      if (!waiter.accepts(item)) continue;
      waiter.resolve(item);
      return;
    }
    this.#unread.push(item);
  }

  /** Nothing more will arrive, for the reason given; what has arrived can still be read. */
  end(reason: string): void {
    this.#end ??= reason;
    for (const waiter of this.#waiters) waiter.reject(new Error(reason));
  }

  /** Takes the oldest unread item that `accepts` likes, or waits for one; the others stay. `wanted` names it in the failure. */
  next<S extends T>(wanted: string, accepts: (item: T) => item is S): Promise<S>;
  next(wanted: string, accepts?: (item: T) => boolean): Promise<T>;
  next(wanted: string, accepts: (item: T) => boolean = () => true): Promise<T> {
    for (const [index, item] of this.#unread.entries()) {
      if (!accepts(item)) continue;
      this.#unread.splice(index, 1);
      return Promise.resolve(item);
    }
    if (this.#end !== undefined) return Promise.reject(this.#failure(wanted, this.#end));
    return this.#wait(wanted, accepts);
  }

  /** Takes everything that has arrived and was not read. */
  takeUnread(): readonly T[] {
    return this.#unread.splice(0);
  }

  #wait(wanted: string, accepts: (item: T) => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter<T> = {
        accepts,
        resolve: (item) => {
          settle();
          resolve(item);
        },
        reject: (error) => {
          settle();
          reject(this.#failure(wanted, error.message));
        },
      };
      const timer = setTimeout(
        () => waiter.reject(new Error(`nothing came in ${this.#waitMsMax} ms`)),
        this.#waitMsMax,
      );
      this.#waiters.add(waiter);
    });
  }

  #failure(wanted: string, reason: string): Error {
    const unread = this.#unread.map((item) => JSON.stringify(item)).join(', ') || 'nothing';
    return new Error(`waited for ${wanted}: ${reason} (unread: ${unread})`);
  }
}
