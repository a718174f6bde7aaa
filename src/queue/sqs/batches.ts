import { QueueUnavailableError } from '../queue.ts';
import { BATCH_MAX, type MemberFailure } from './service.ts';

interface Member<Item> {
  readonly item: Item;
  resolve(failure: MemberFailure): void;
  reject(error: unknown): void;
}

export interface BatchesDeps<Item> {
  /** Resolves to one outcome for each item. */
  readonly call: (items: readonly Item[]) => Promise<readonly MemberFailure[]>;
  /** Items that may be unanswered at once; one more is refused. */
  readonly itemsMax: number;
}

/** Calls out at a time: what comes while all are out gathers to fuller batches. */
const CALLS_MAX = 8;

/** Gathers what callers want done within one turn of the event loop, or while all calls are out, into batches of ten. */
export class Batches<Item> {
  readonly #call: BatchesDeps<Item>['call'];
  readonly #itemsMax: number;
  #waiting: Member<Item>[] = [];
  #unanswered = 0;
  #calls = 0;
  #isScheduled = false;

  constructor({ call, itemsMax }: BatchesDeps<Item>) {
    this.#call = call;
    this.#itemsMax = itemsMax;
  }

  /** Resolves to what came of this item. @throws QueueUnavailableError when its whole batch failed, or too much waits */
  add(item: Item): Promise<MemberFailure> {
    if (this.#unanswered >= this.#itemsMax) {
      return Promise.reject(new QueueUnavailableError('too many kicks wait for SQS'));
    }
    this.#unanswered += 1;
    return new Promise<MemberFailure>((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      this.#schedule();
    }).finally(() => {
      this.#unanswered -= 1;
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      while (this.#waiting.length > 0 && this.#calls < CALLS_MAX) {
        void this.#send(this.#waiting.splice(0, BATCH_MAX));
      }
    });
  }

  /** Never rejects. */
  async #send(members: readonly Member<Item>[]): Promise<void> {
    this.#calls += 1;
    try {
      const failures = await this.#call(members.map(({ item }) => item));
      for (const [index, { resolve }] of members.entries()) resolve(failures[index]);
    } catch (error) {
      for (const { reject } of members) reject(error);
    }
    this.#calls -= 1;
    if (this.#waiting.length > 0) this.#schedule();
  }
}
