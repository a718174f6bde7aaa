import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Accounts } from './accounts.ts';

/** Of the lease, how much may pass before it is prolonged: two tries may fail. */
const CLAIM_SHARE = 1 / 3;

export interface LeadershipDeps {
  readonly accounts: Pick<Accounts, 'claim' | 'isHeld' | 'release'>;
  readonly leaseMs: number;
  /** Begins to watch. Is not called again before `onLost`. */
  readonly onTaken: () => Promise<void>;
  /** Stops watching, at once. */
  readonly onLost: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who of several backends watches. */
export interface Leadership {
  readonly isLeading: boolean;
  /** Why the lease cannot be asked for, or nothing be made of it; undefined when it can, whoever has it. */
  readonly problem: string | undefined;
  /** Stops watching and gives the lease back. */
  stop(): Promise<void>;
}

/**
 * Asks for the lease at once and then again and again: takes it when it is free, prolongs it while it is ours, also while watching begins, and
 * stops watching as soon as it is not ours, or could not be prolonged until its end, though the disk hang. Resolves when the first try
 * is over; rejects when that took the lease and `onTaken` rejected.
 */
export async function seekLeadership(deps: LeadershipDeps): Promise<Leadership> {
  const seeker = new Seeker(deps);
  await seeker.begin();
  return seeker;
}

class Seeker implements Leadership {
  readonly #deps: LeadershipDeps;
  isLeading = false;
  problem: string | undefined;
  /** When our lease ends, on the monotonic clock: a wall clock that is set must not prolong it. */
  #untilMs = 0;
  #claiming: Promise<void> | undefined;
  /** The last beginning or end of watching; one follows the other. Never rejects. */
  #serving: Promise<void> = Promise.resolve();
  /** What the last beginning of watching failed with. */
  #failure: unknown;
  #stopTimer = () => {};

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
  }

  /** Rejects with what the first `onTaken` rejects with; the lease is given back then. */
  async begin(): Promise<void> {
    const { clock, leaseMs } = this.#deps;
    await this.#claim();
    this.#stopTimer = clock.every(leaseMs * CLAIM_SHARE, () => {
      if (clock.monotonicMs() >= this.#untilMs) this.#lead(false);
      // A claim that hangs is not joined by another one.
      this.#claiming ??= this.#claim().finally(() => {
        this.#claiming = undefined;
      });
    });
    await this.#serving;
    if (this.#failure === undefined) return;
    this.#stopTimer();
    throw this.#failure;
  }

  /** One try. Never rejects. */
  async #claim(): Promise<void> {
    const { accounts, clock, leaseMs, log } = this.#deps;
    const nowMs = clock.nowMs();
    const untilMs = clock.monotonicMs() + leaseMs;
    try {
      const isHeld = await accounts.claim({ nowMs, untilMs: nowMs + leaseMs });
      if (isHeld) this.#untilMs = untilMs;
      if (this.#failure === undefined) this.problem = undefined;
      this.#lead(isHeld);
    } catch (err) {
      if (this.problem === undefined) log.error({ err }, 'mail.lease.unavailable');
      this.problem = err instanceof Error ? err.message : 'the accounts cannot be written';
      // Ours until its end all the same: nobody else can have it before.
      if (clock.monotonicMs() >= this.#untilMs) this.#lead(false);
    }
  }

  #lead(isLeading: boolean): void {
    if (isLeading === this.isLeading) return;
    this.isLeading = isLeading;
    this.#deps.log.info({}, isLeading ? 'mail.lease.taken' : 'mail.lease.lost');
    this.#serving = this.#serving.then(() => (isLeading ? this.#take() : this.#deps.onLost()));
  }

  /** Who cannot watch gives the lease back, says so, and tries again. Never rejects. */
  async #take(): Promise<void> {
    const { accounts, onTaken, onLost, log } = this.#deps;
    try {
      await onTaken();
      this.#failure = undefined;
      this.problem = undefined;
    } catch (err) {
      log.error({ err }, 'mail.lease.not_served');
      this.#failure = err;
      this.problem = err instanceof Error ? err.message : 'the mail watch cannot begin';
      this.isLeading = false;
      await onLost();
      await accounts.release();
    }
  }

  async stop(): Promise<void> {
    this.#stopTimer();
    await this.#claiming;
    this.#lead(false);
    await this.#serving;
    await this.#deps.accounts.release();
  }
}
