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
 * Asks for the lease at once and then again and again: takes it when it is free, prolongs it while it is ours, and stops watching as
 * soon as it is not, or as it could not be prolonged until its end. Resolves after the first try; rejects when that took the lease and
 * `onTaken` rejected.
 */
export async function seekLeadership(deps: LeadershipDeps): Promise<Leadership> {
  const seeker = new Seeker(deps);
  await seeker.seek();
  seeker.begin();
  return seeker;
}

class Seeker implements Leadership {
  readonly #deps: LeadershipDeps;
  isLeading = false;
  problem: string | undefined;
  /** When our lease ends, on the monotonic clock: a wall clock that is set must not prolong it. */
  #untilMs = 0;
  #turn: Promise<void> | undefined;
  #stopTimer = () => {};

  constructor(deps: LeadershipDeps) {
    this.#deps = deps;
  }

  begin(): void {
    const { clock, leaseMs } = this.#deps;
    this.#stopTimer = clock.every(leaseMs * CLAIM_SHARE, () => {
      // A claim that hangs is not joined by another one.
      this.#turn ??= this.#seekAgain().finally(() => {
        this.#turn = undefined;
      });
    });
  }

  /** One try. Rejects with what `onTaken` rejects with; the lease is given back then. */
  async seek(): Promise<void> {
    const { accounts, clock, leaseMs, log } = this.#deps;
    const nowMs = clock.nowMs();
    const untilMs = clock.monotonicMs() + leaseMs;
    let isHeld = false;
    try {
      isHeld = await accounts.claim({ nowMs, untilMs: nowMs + leaseMs });
      this.problem = undefined;
      if (isHeld) this.#untilMs = untilMs;
    } catch (err) {
      if (this.problem === undefined) log.error({ err }, 'mail.lease.unavailable');
      this.problem = err instanceof Error ? err.message : 'the accounts cannot be written';
      // Ours until its end all the same: nobody else can have it before.
      isHeld = this.isLeading && clock.monotonicMs() < this.#untilMs;
    }
    if (isHeld === this.isLeading) return;
    this.isLeading = isHeld;
    log.info({}, isHeld ? 'mail.lease.taken' : 'mail.lease.lost');
    if (!isHeld) return await this.#deps.onLost();
    try {
      await this.#deps.onTaken();
    } catch (error) {
      this.isLeading = false;
      await this.#deps.onLost();
      await accounts.release();
      throw error;
    }
  }

  /** One try. Never rejects: who cannot watch stands by, says so, and tries again. */
  async #seekAgain(): Promise<void> {
    try {
      await this.seek();
    } catch (err) {
      this.#deps.log.error({ err }, 'mail.lease.not_served');
      this.problem = err instanceof Error ? err.message : 'the mail watch cannot begin';
    }
  }

  async stop(): Promise<void> {
    this.#stopTimer();
    await this.#turn;
    if (this.isLeading) await this.#deps.onLost();
    this.isLeading = false;
    await this.#deps.accounts.release();
  }
}
