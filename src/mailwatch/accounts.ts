/**
 * The accounts that are watched, in a file of the embedded engine: durable, small, and open to several backends of which one at a time
 * holds the lease. Every write is made only under the lease it was decided under, in one step with the look at the lease: a backend
 * that was frozen while another one took over can no longer overwrite what that one has found.
 */
import { randomBytes } from 'node:crypto';
import { failureOf, newStamp, openRecordFile, type RecordFile } from '../storage/embedded/file.ts';
import type { AccountId } from './account.ts';
import {
  ACCOUNTS_END,
  ACCOUNTS_START,
  accountKey,
  decodeAccount,
  decodeLease,
  encode,
  FORMAT,
  FORMAT_KEY,
  LEASE_KEY,
  type Lease,
  PAUSED_KEY,
  type StoredAccount,
} from './accounts/records.ts';

/** The engine did not do what was asked, or we may no longer ask: nothing was promised. */
export class AccountsUnavailableError extends Error {
  override readonly name = 'AccountsUnavailableError';
}

/** The file cannot be used. The message is for the operator. */
export class AccountsFormatError extends Error {
  override readonly name = 'AccountsFormatError';
}

/** What an account becomes, from what it is when the change is made; undefined is no account. */
export type AccountChange = (current: StoredAccount | undefined) => StoredAccount | undefined;

interface Waiting {
  readonly id: AccountId;
  readonly change: AccountChange;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Writes that wait for the next commit; the watches' own back-off keeps the number far below. */
export const WAITING_WRITES_MAX = 100_000;

const OWNER_BYTES = 8;
const EMPTY = Buffer.alloc(0);
/** A lease that another backend took just now, by a clock a little ahead, ends within twice our own. */
const LEASES_AHEAD_MAX = 2;

/** The file while it is open. Every method may be called any number of times at once. */
export class Accounts {
  readonly #file: RecordFile;
  readonly #owner = randomBytes(OWNER_BYTES).toString('hex');
  /** The lease as we wrote it, and the stamp it carries; undefined while another backend has it. */
  #held: { readonly lease: Lease; readonly stamp: number } | undefined;
  #waiting: Waiting[] = [];
  #committing: Promise<void> | undefined;
  /** The last thing that was begun with the lease. Never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `openAccounts`. */
  constructor(file: RecordFile) {
    this.#file = file;
  }

  /** Whether this backend is the one that watches, as of the last claim. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /**
   * Takes the lease until `untilMs`, or prolongs ours; false while another backend holds it. A lease that has ended may be taken by
   * anyone, and so may one that ends later than any that is given out now: then the clock was set back, and who wrote it may be long dead.
   * Call it again well before the end. @throws AccountsUnavailableError
   */
  claim(wanted: { nowMs: number; untilMs: number }): Promise<boolean> {
    return this.#inTurn(() => this.#claim(wanted));
  }

  async #claim({ nowMs, untilMs }: { nowMs: number; untilMs: number }): Promise<boolean> {
    this.#file.refresh();
    const value = this.#file.get(LEASE_KEY);
    const found = value === undefined ? undefined : decodeLease(value);
    const read = value === undefined ? undefined : this.#file.lastStamp();
    const isOurs = found?.owner === this.#owner;
    const isTaken =
      found !== undefined &&
      found.untilMs > nowMs &&
      found.untilMs <= LEASES_AHEAD_MAX * (untilMs - nowMs) + nowMs;
    if (isTaken && !isOurs) {
      this.#held = undefined;
      return false;
    }
    const fence = (found?.fence ?? 0) + (isOurs ? 0 : 1);
    const lease: Lease = { owner: this.#owner, fence, untilMs };
    const stamp = newStamp();
    const isMade = await this.#run(() =>
      this.#file.put(LEASE_KEY, encode(lease), { read, next: stamp }),
    );
    this.#held = isMade ? { lease, stamp } : undefined;
    return isMade;
  }

  /** Gives the lease back, so that another backend need not wait for its end. */
  async release(): Promise<void> {
    await this.#settled();
    await this.#inTurn(async () => {
      const held = this.#held;
      this.#held = undefined;
      if (held !== undefined) await this.#run(() => this.#file.remove(LEASE_KEY, held.stamp));
    });
  }

  /** All accounts, from one snapshot. */
  *list(): Iterable<StoredAccount> {
    this.#file.refresh();
    for (const { value } of this.#file.range({ start: ACCOUNTS_START, end: ACCOUNTS_END })) {
      yield decodeAccount(value);
    }
  }

  /** The account as it is now; undefined when there is none. */
  get(id: AccountId): StoredAccount | undefined {
    this.#file.refresh();
    const value = this.#file.get(accountKey(id));
    return value === undefined ? undefined : decodeAccount(value);
  }

  /**
   * Changes the account; changes of one account are made one after the other, each from what the last has left. Durable when it
   * resolves. `change` must not throw. @throws AccountsUnavailableError
   */
  update(id: AccountId, change: AccountChange): Promise<void> {
    if (this.#waiting.length >= WAITING_WRITES_MAX) {
      return Promise.reject(new AccountsUnavailableError('too many writes wait for the disk'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id, change, resolve, reject });
      this.#committing ??= this.#commit();
    });
  }

  /** Whether the operator has paused the watches; holds for every backend of this file, also after restarts. */
  get isPaused(): boolean {
    this.#file.refresh();
    return this.#file.get(PAUSED_KEY) !== undefined;
  }

  /** Durable when it resolves. @throws AccountsUnavailableError */
  setPaused(isPaused: boolean): Promise<void> {
    return this.#inTurn(async () => {
      const failure = await this.#underLease(() => {
        if (isPaused) this.#file.putGuarded(PAUSED_KEY, EMPTY);
        else this.#file.removeGuarded(PAUSED_KEY);
      });
      if (failure !== undefined) throw failure;
    });
  }

  /** Finishes what is under way. Call it once, after `release`. */
  async close(): Promise<void> {
    await this.#settled();
    await this.#file.close();
  }

  async #settled(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
  }

  /** One transaction for all that waits, as long as something does: the disk is asked once for many. Never rejects. */
  async #commit(): Promise<void> {
    // At the end of the turn, so that all writes of the turn share the first transaction.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#inTurn(() => this.#commitWaiting());
    this.#committing = undefined;
  }

  async #commitWaiting(): Promise<void> {
    const writes = this.#waiting;
    this.#waiting = [];
    const failure = await this.#commitAll(writes);
    for (const { resolve, reject } of writes) {
      if (failure === undefined) resolve();
      else reject(failure);
    }
  }

  /**
   * Commits and claims follow one another: a commit that is decided under a lease while this is being prolonged would look like one of a
   * backend that has lost it. A claim waits for one commit at most.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  /** Resolves to why nothing was written. */
  async #commitAll(writes: readonly Waiting[]): Promise<Error | undefined> {
    const changed = new Map<AccountId, StoredAccount | undefined>();
    for (const { id, change } of writes) {
      changed.set(id, change(changed.has(id) ? changed.get(id) : this.get(id)));
    }
    return await this.#underLease(() => {
      for (const [id, account] of changed) {
        if (account === undefined) this.#file.removeGuarded(accountKey(id));
        else this.#file.putGuarded(accountKey(id), encode(account));
      }
    });
  }

  /** Makes the guarded writes of `write`, all or none. Resolves to why none was made. Never rejects. */
  async #underLease(write: () => void): Promise<Error | undefined> {
    const held = this.#held;
    if (held === undefined) return new AccountsUnavailableError('another backend watches');
    try {
      const isMade = await this.#run(() => this.#file.guard(LEASE_KEY, held.stamp, write));
      if (isMade) return undefined;
      this.#held = undefined;
      return new AccountsUnavailableError('another backend has taken over');
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  async #run(work: () => Promise<boolean>): Promise<boolean> {
    try {
      return await work();
    } catch (rejection) {
      const cause = await failureOf(rejection);
      throw new AccountsUnavailableError(`the accounts cannot be written: ${cause.message}`, {
        cause,
      });
    }
  }
}

/** Opens the file in the folder `path`, made when missing. @throws AccountsFormatError, StoreFileError */
export async function openAccounts(path: string, mapBytesMax: number): Promise<Accounts> {
  const file = openRecordFile({ path, mapBytesMax });
  const written = file.get(FORMAT_KEY)?.toString('utf8');
  if (written === undefined) {
    await file.put(FORMAT_KEY, Buffer.from(String(FORMAT)), { read: undefined, next: newStamp() });
  } else if (written !== String(FORMAT)) {
    await file.close();
    throw new AccountsFormatError(
      `${path} holds accounts of format ${written}; this program knows ${FORMAT}: use the version that wrote them, or another mailwatch.path`,
    );
  }
  return new Accounts(file);
}
