import type { Clock } from '../../clock.ts';
import type { KickQueue, LeasedKick, Retry } from '../queue.ts';
import { RETRY_DELAY_MS_MAX } from '../queue.ts';
import { ATTEMPTS_MAX, entryId, entryName, heldName, parseEntryName } from './entry.ts';
import type { SpoolFile, SpoolFolder } from './folder.ts';
import { type Release, releaseDue } from './held.ts';
import { ReadyBatch } from './ready-batch.ts';
import type { Tally } from './tally.ts';
import type { WatchFolder } from './watch.ts';

export interface ConsumerDeps {
  readonly folder: SpoolFolder;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** How often everything is looked at, whatever the watcher says. */
  readonly rescanMs: number;
  readonly watch: WatchFolder;
  readonly onStranger: (count: number) => void;
}

/** How much of the time may go into looking for what is due, in a folder so large that a look takes long. */
const LOOKING_SHARE_MAX = 0.1;
/** No process may lease for longer, whatever its config says. */
export const LEASE_MS_MAX = 3_600_000;
/** A wait no longer than this at a time: a timer's own bound is 24 days. */
const WAIT_MS_MAX = 3_600_000;

/** Takes entries from ready/ and settles them. Nothing of it goes on while nobody leases. */
export class Consumer {
  readonly #deps: ConsumerDeps;
  readonly #batch: ReadyBatch;
  /** Where the file of an entry is that was leased here. */
  readonly #files = new WeakMap<LeasedKick, SpoolFile>();
  readonly #waiters = new Set<() => void>();
  readonly #stopTicks: () => void;
  #stopWatch: (() => void) | undefined;
  #isClosed = false;
  #looking: Promise<void> | undefined;
  /** By nowMs: when something leased or delayed is due, as far as is known. */
  #nextDueMs = 0;
  /** By monotonicMs: not before this, however much is due. */
  #nextLookMs = Number.NEGATIVE_INFINITY;

  constructor(deps: ConsumerDeps) {
    this.#deps = deps;
    this.#batch = new ReadyBatch(deps.folder, deps.onStranger);
    this.#stopTicks = deps.clock.every(deps.rescanMs, () => {
      this.#nextDueMs = 0;
      this.#onNews();
    });
  }

  /** @throws QueueUnavailableError */
  async lease({
    max,
    waitMs,
    signal,
  }: Parameters<KickQueue['lease']>[0]): Promise<readonly LeasedKick[]> {
    const { clock, folder, watch } = this.#deps;
    // Before the first look: what comes between the two is told by the watcher.
    this.#stopWatch ??= watch(folder.pathOf('ready'), () => this.#onNews());
    const untilMs = clock.monotonicMs() + waitMs;
    while (!signal.aborted && !this.#isClosed) {
      await this.#lookForDue();
      const leased = await this.#claim(max);
      const leftMs = untilMs - clock.monotonicMs();
      if (leased.length > 0 || leftMs <= 0) return leased;
      await this.#news(leftMs, signal);
    }
    return [];
  }

  /** @throws QueueUnavailableError */
  async done(kick: LeasedKick): Promise<void> {
    const file = this.fileOf(kick);
    if (file === undefined || !(await this.#deps.folder.remove('remove', file))) return;
    this.#deps.tally.add({ entries: -1, bytes: -file.name.length });
  }

  /** @throws QueueUnavailableError */
  async retryLater(kick: LeasedKick, { delayMs, isAttempt }: Retry): Promise<void> {
    const file = this.fileOf(kick);
    const entry = parseEntryName(file === undefined ? '' : nameInReady(file.name));
    if (file === undefined || entry === undefined) return;
    const attempts = Math.min(entry.attempts + (isAttempt ? 1 : 0), ATTEMPTS_MAX);
    const name = entryName({ ...entry, attempts });
    const dueMs = this.#deps.clock.nowMs() + Math.min(delayMs, RETRY_DELAY_MS_MAX);
    const to: SpoolFile =
      delayMs <= 0 ? { place: 'ready', name } : { place: 'delayed', name: heldName(dueMs, name) };
    if (!(await this.#deps.folder.move('delay', file, to))) return;
    if (to.place === 'ready') this.#onNews();
    else this.#onDue(dueMs);
  }

  /** The file of an entry that was leased here; undefined for any other. */
  fileOf(kick: LeasedKick): SpoolFile | undefined {
    return this.#files.get(kick);
  }

  /** Something may have come into ready/. */
  #onNews(): void {
    this.#batch.expectMore();
    for (const wake of this.#waiters) wake();
  }

  /** Waiters know of no earlier moment than the one they found. */
  #onDue(atMs: number): void {
    if (atMs >= this.#nextDueMs) return;
    this.#nextDueMs = atMs;
    for (const wake of this.#waiters) wake();
  }

  /** Those who lease stop waiting. What they hold stays leased. */
  close(): void {
    this.#isClosed = true;
    this.#stopTicks();
    this.#stopWatch?.();
    for (const wake of this.#waiters) wake();
  }

  /** Up to `max` entries, after one look at the folder at most. */
  async #claim(max: number): Promise<readonly LeasedKick[]> {
    const leased = await this.#claimFromBatch(max);
    if (leased.length > 0 || !(await this.#batch.refill())) return leased;
    return this.#claimFromBatch(max);
  }

  async #claimFromBatch(max: number): Promise<readonly LeasedKick[]> {
    const leased: LeasedKick[] = [];
    let failure: PromiseRejectedResult | undefined;
    while (leased.length < max && failure === undefined) {
      const names = this.#batch.take(max - leased.length);
      if (names.length === 0) break;
      const claims = await Promise.allSettled(names.map((name) => this.#claimOne(name)));
      for (const claim of claims) {
        if (claim.status === 'rejected') failure = claim;
        else if (claim.value !== undefined) leased.push(claim.value);
      }
    }
    // What was claimed is ours, and would be nobody's until the leases end.
    if (failure !== undefined && leased.length === 0) throw failure.reason;
    return leased;
  }

  /** Undefined when somebody else was quicker, or the entry was renamed. */
  async #claimOne(name: string): Promise<LeasedKick | undefined> {
    const entry = parseEntryName(name);
    if (entry === undefined) return undefined;
    const { clock, folder, leaseMs } = this.#deps;
    const endsMs = clock.nowMs() + Math.min(leaseMs, LEASE_MS_MAX);
    const file: SpoolFile = { place: 'leased', name: heldName(endsMs, name) };
    if (!(await folder.move('claim', { place: 'ready', name }, file))) {
      this.#batch.expectMore();
      return undefined;
    }
    this.#nextDueMs = Math.min(this.#nextDueMs, endsMs);
    const { deviceId, channelId, version, storedAtMs, attempts } = entry;
    const kick = { id: entryId(entry), deviceId, channelId, version, storedAtMs, attempts };
    this.#files.set(kick, file);
    return kick;
  }

  /** Makes ready what is due, if anything can be; all who want that wait for the same look. */
  #lookForDue(): Promise<void> {
    const { clock } = this.#deps;
    if (this.#looking !== undefined) return this.#looking;
    if (clock.nowMs() < this.#nextDueMs || clock.monotonicMs() < this.#nextLookMs) {
      return Promise.resolve();
    }
    this.#looking = this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { clock } = this.#deps;
    const sinceMs = clock.monotonicMs();
    this.#nextDueMs = Number.POSITIVE_INFINITY;
    try {
      const leased = await releaseDue('leased', this.#deps, LEASE_MS_MAX);
      const delayed = await releaseDue('delayed', this.#deps, RETRY_DELAY_MS_MAX);
      this.#onLooked(leased, delayed);
    } catch (error) {
      this.#nextDueMs = 0;
      throw error;
    }
    const nowMs = clock.monotonicMs();
    this.#nextLookMs = nowMs + (nowMs - sinceMs) * (1 / LOOKING_SHARE_MAX - 1);
  }

  #onLooked(leased: Release, delayed: Release): void {
    this.#nextDueMs = Math.min(this.#nextDueMs, leased.nextMs, delayed.nextMs);
    if (leased.released + delayed.released > 0) this.#onNews();
  }

  /** Resolves when something came, something is due, or the wait is over. */
  #news(waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#batch.mayHaveMore || signal.aborted || this.#isClosed) return Promise.resolve();
    const { clock } = this.#deps;
    const dueInMs = Math.max(
      this.#nextDueMs - clock.nowMs(),
      this.#nextLookMs - clock.monotonicMs(),
      1,
    );
    return new Promise((resolve) => {
      const settle = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', settle);
        this.#waiters.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, Math.min(waitMs, dueInMs, WAIT_MS_MAX));
      signal.addEventListener('abort', settle, { once: true });
      this.#waiters.add(settle);
    });
  }
}

function nameInReady(held: string): string {
  return held.slice(held.indexOf('-') + 1);
}
