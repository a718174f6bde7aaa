import { parseEntryName } from './entry.ts';
import type { SpoolFolder } from './folder.ts';

/** Names kept from one look at ready/: the oldest ones, some 2 MB. A larger folder is read once for so many. */
export const BATCH_NAMES_MAX = 10_000;

/** The oldest entries of ready/ as they were at the last look; who claims one finds out whether it is still there. */
export class ReadyBatch {
  readonly #folder: SpoolFolder;
  readonly #onStranger: (count: number) => void;
  /** The oldest last, so that it is taken off the end. */
  #names: string[] = [];
  #mayHaveMore = true;
  #refilling: Promise<boolean> | undefined;

  constructor(folder: SpoolFolder, onStranger: (count: number) => void) {
    this.#folder = folder;
    this.#onStranger = onStranger;
  }

  /** Whether a look could find something. */
  get mayHaveMore(): boolean {
    return this.#mayHaveMore || this.#names.length > 0;
  }

  /** Something may have come since the last look. */
  expectMore(): void {
    this.#mayHaveMore = true;
  }

  /** The oldest names, in order. */
  take(max: number): readonly string[] {
    return this.#names.splice(Math.max(0, this.#names.length - max)).reverse();
  }

  /** Looks at the folder when there may be something. Resolves to whether there is. @throws QueueUnavailableError */
  refill(): Promise<boolean> {
    if (this.#refilling !== undefined) return this.#refilling;
    if (!this.#mayHaveMore) return Promise.resolve(false);
    this.#refilling = this.#look().finally(() => {
      this.#refilling = undefined;
    });
    return this.#refilling;
  }

  async #look(): Promise<boolean> {
    // First: what comes while we look may be seen or not, and is worth another look.
    this.#mayHaveMore = false;
    let names: string[] = [];
    let strangers = 0;
    const cut = () => {
      names.sort();
      if (names.length <= BATCH_NAMES_MAX) return;
      names = names.slice(0, BATCH_NAMES_MAX);
      this.#mayHaveMore = true;
    };
    try {
      await this.#folder.list(
        'ready',
        (name) => {
          if (parseEntryName(name) === undefined) strangers += 1;
          else names.push(name);
          if (names.length >= 2 * BATCH_NAMES_MAX) cut();
        },
        () => {
          strangers += 1;
        },
      );
    } catch (error) {
      this.#mayHaveMore = true;
      throw error;
    }
    if (strangers > 0) this.#onStranger(strangers);
    cut();
    this.#names = names.reverse();
    return this.#names.length > 0;
  }
}
