import { QueueUnavailableError } from '../queue.ts';

export interface TallyLimits {
  /** Entries that are not dead. */
  readonly entriesMax: number;
  /** Names, and what dead entries hold. */
  readonly bytesMax: number;
}

/** What was counted in the folders, or changed in them. */
export interface Amount {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * How full the spool is, without looking: what was counted last, and what this process has done since. What other processes have done
 * since is not in it, so several producers may together pass the bounds by what they take between two counts.
 */
export class Tally {
  readonly #limits: TallyLimits;
  #entries = 0;
  #bytes = 0;
  #addedEntries = 0;
  #addedBytes = 0;
  #wasAsked = false;

  constructor(limits: TallyLimits) {
    this.#limits = limits;
  }

  /** Whether room was asked for since the last count: if not, another one is not worth its time. */
  get wasAsked(): boolean {
    return this.#wasAsked;
  }

  /** Makes room for one entry before it is made. @throws QueueUnavailableError */
  reserve(bytes: number): void {
    const refusal = this.refusal(bytes);
    if (refusal !== undefined) throw new QueueUnavailableError(refusal);
    this.add({ entries: 1, bytes });
  }

  /** Why there is no room for one entry more; undefined when there is. */
  refusal(bytes: number): string | undefined {
    this.#wasAsked = true;
    const { entriesMax, bytesMax } = this.#limits;
    if (this.#entries >= entriesMax) return `the kick queue is full: ${entriesMax} entries wait`;
    if (this.#bytes + bytes <= bytesMax) return undefined;
    return `the kick queue is full: ${bytesMax} bytes are used`;
  }

  /** What changed without asking for room; negative when something went. */
  add({ entries, bytes }: Amount): void {
    this.#entries += entries;
    this.#bytes += bytes;
    this.#addedEntries += Math.max(0, entries);
    this.#addedBytes += Math.max(0, bytes);
  }

  /** Has the folders counted. What is added meanwhile may or may not be in the count, and is taken as not. */
  async recount(count: () => Promise<Amount>): Promise<void> {
    this.#addedEntries = 0;
    this.#addedBytes = 0;
    this.#wasAsked = false;
    const { entries, bytes } = await count();
    this.#entries = entries + this.#addedEntries;
    this.#bytes = bytes + this.#addedBytes;
  }
}
