interface Waiter {
  resolve(): void;
  reject(error: unknown): void;
}

/**
 * Group commit: one sync of a folder for all who wait for it. Who asks while a sync is out waits for the next, since this one
 * may have begun before his file was there. Waiters are as many as there are kicks in hand.
 */
export class GroupSync {
  readonly #sync: () => Promise<void>;
  #waiting: Waiter[] = [];
  #isRunning = false;

  /** `sync` may reject; then all who waited for it are told. */
  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  /** Resolves when a sync is done that began after this call. */
  wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      await this.#sync().then(
        () => {
          for (const { resolve } of group) resolve();
        },
        (error: unknown) => {
          for (const { reject } of group) reject(error);
        },
      );
    }
    this.#isRunning = false;
  }
}
