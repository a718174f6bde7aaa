import type { AccountId } from './account.ts';

/** Work on accounts: for one of them one piece after the other, in the order of asking; none waits for another account's. */
export class Turns {
  /** The last piece of each account that has one under way; bounded by the calls that are. */
  readonly #last = new Map<AccountId, Promise<unknown>>();

  /** Runs `work` when every earlier one of the account is over, and settles as it does. */
  async take<T>(id: AccountId, work: (id: AccountId) => Promise<T>): Promise<T> {
    const before = this.#last.get(id);
    const turn = (before ?? Promise.resolve()).then(
      () => work(id),
      () => work(id),
    );
    this.#last.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(id) === turn) this.#last.delete(id);
    }
  }

  /** Resolves when all that is under way is over. Never rejects. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#last.values());
  }
}
