/**
 * What was used lately, by key: at least the last half of `entriesMax` different keys, at most `entriesMax`. Two maps that take
 * turns, and not one in order of use: forgetting costs nothing, and an entry in use is not moved each time.
 */
export class RecentMap<V> {
  readonly #halfMax: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  constructor(entriesMax: number) {
    this.#halfMax = Math.ceil(entriesMax / 2);
  }

  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: V): void {
    if (this.#young.size >= this.#halfMax && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}
