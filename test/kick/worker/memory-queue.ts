import {
  type DeadKick,
  type Kick,
  type KickQueue,
  type LeasedKick,
  QueueUnavailableError,
  type Retry,
} from '../../../src/queue/queue.ts';
import type { HandTime } from './hand-time.ts';

interface Entry extends Kick {
  readonly id: string;
  attempts: number;
}

type Operation = 'enqueue' | 'lease' | 'done' | 'retryLater' | 'bury';

/** A queue in memory whose time is the test's. Leases do not end. */
export class MemoryQueue
  implements Pick<KickQueue, 'enqueue' | 'lease' | 'done' | 'retryLater' | 'bury'>
{
  readonly retries: (Retry & { readonly id: string })[] = [];
  readonly dead: Omit<DeadKick, 'diedAtMs'>[] = [];
  readonly doneIds: string[] = [];
  /** The most that was asked for, and that was out, at once. */
  leaseMax = 0;
  leasedMax = 0;
  leaseCount = 0;
  readonly #time: HandTime;
  readonly #collapses: boolean;
  readonly #ready: Entry[] = [];
  readonly #leased = new Map<string, Entry>();
  #delayed = 0;
  #failing: readonly Operation[] = [];
  #nextId = 0;
  #onReady = () => {};

  /** `collapses`: as a queue may, it takes a kick for done while an older one of the device waits to be leased. */
  constructor(time: HandTime, { collapses = false } = {}) {
    this.#time = time;
    this.#collapses = collapses;
  }

  get depth() {
    return { ready: this.#ready.length, leased: this.#leased.size, delayed: this.#delayed };
  }

  /** From now on these fail; none heals. */
  fail(...operations: readonly Operation[]): void {
    this.#failing = operations;
  }

  async enqueue(kick: Kick): Promise<'queued' | 'collapsed'> {
    this.#mayFail('enqueue');
    const older = this.#ready.findIndex(({ deviceId }) => deviceId === kick.deviceId);
    const entry = this.#ready[older];
    if (this.#collapses && entry !== undefined) {
      // The entry stands for the newer update from now on: a hello between the two has told the device of the older one alone.
      this.#ready[older] = { ...entry, ...kick };
      return 'collapsed';
    }
    this.#nextId += 1;
    this.#add({ ...kick, id: `entry-${this.#nextId}`, attempts: 0 });
    return 'queued';
  }

  async lease({ max, waitMs, signal }: Parameters<KickQueue['lease']>[0]) {
    this.#mayFail('lease');
    this.leaseCount += 1;
    this.leaseMax = Math.max(this.leaseMax, max);
    if (this.#ready.length === 0) await this.#waitForReady(waitMs, signal);
    if (signal.aborted) return [];
    const taken = this.#ready.splice(0, max);
    for (const entry of taken) this.#leased.set(entry.id, entry);
    this.leasedMax = Math.max(this.leasedMax, this.#leased.size);
    return taken.map((entry): LeasedKick => ({ ...entry }));
  }

  async done({ id }: LeasedKick): Promise<void> {
    this.#mayFail('done');
    this.#take(id);
    this.doneIds.push(id);
  }

  async retryLater({ id }: LeasedKick, retry: Retry): Promise<void> {
    this.#mayFail('retryLater');
    const entry = this.#take(id);
    if (retry.isAttempt) entry.attempts += 1;
    this.retries.push({ ...retry, id });
    this.#delayed += 1;
    void this.#time.sleep(retry.delayMs, new AbortController().signal).then(() => {
      this.#delayed -= 1;
      this.#add(entry);
    });
  }

  async bury({ id }: LeasedKick, reason: string): Promise<void> {
    this.#mayFail('bury');
    this.dead.push({ ...this.#take(id), reason });
  }

  #take(id: string): Entry {
    const entry = this.#leased.get(id);
    if (entry === undefined) throw new Error(`${id} is not leased: settled twice?`);
    this.#leased.delete(id);
    return entry;
  }

  #add(entry: Entry): void {
    this.#ready.push(entry);
    this.#onReady();
  }

  async #waitForReady(waitMs: number, signal: AbortSignal): Promise<void> {
    const came = new AbortController();
    this.#onReady = () => came.abort();
    await this.#time.sleep(waitMs, AbortSignal.any([came.signal, signal]));
  }

  #mayFail(operation: Operation): void {
    if (this.#failing.includes(operation))
      throw new QueueUnavailableError('the test stopped the queue');
  }
}
