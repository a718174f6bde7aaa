/** Chances that come the same way again for the same seed, as far as the order of the questions does. */
export class Random {
  #state: number;

  /** `seed`: any 32-bit integer. */
  constructor(seed: number) {
    this.#state = seed;
  }

  /** At least 0, less than 1: mulberry32. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from 1 to `max`. */
  upTo(max: number): number {
    return 1 + Math.floor(this.fraction() * max);
  }

  /** True this often, of 1. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** Undefined when there is nothing to pick from. */
  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.fraction() * items.length)];
  }
}
