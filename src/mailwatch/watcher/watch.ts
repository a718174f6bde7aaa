/**
 * One account's watch: connects, watches over the connection, and waits after each failure as long as the policy says; for ever, until
 * it is stopped. Everything it does is a comparison of what the folders are now with what was last delivered, so no event, crash or
 * restart in between can lose mail: at worst a version is sent twice.
 */
import type { Account, MailFailure, WatchReport, WatchState } from '../account.ts';
import type { MailConnection } from '../mailbox.ts';
import type { Pool } from '../pool.ts';
import {
  afterFailure,
  type FailureHistory,
  type FailureRules,
  NO_FAILURES,
} from './failure-policy.ts';
import { Ledger, type LedgerDeps } from './ledger.ts';
import { type LogInDeps, logIn } from './log-in.ts';
import { waitOf } from './states.ts';
import { type Ending, failed, keepVigil, LEFT, type VigilDeps, type VigilRules } from './vigil.ts';
import { STARTING, WatchLife, type WatchLifeDeps } from './watch-life.ts';

/** Times in milliseconds, from the config. */
export interface WatchRules extends FailureRules, VigilRules {}

export interface WatchDeps extends LedgerDeps, LogInDeps, WatchLifeDeps {
  readonly metrics: LedgerDeps['metrics'] & VigilDeps['metrics'];
  readonly rules: WatchRules;
  readonly pool: Pick<Pool, 'acquire'>;
}

/** The device is told of the end of its watch; this often at most, when the endpoint does not take it. */
export const END_TRIES_MAX = 3;

export class Watch {
  readonly #deps: WatchDeps;
  readonly #ledger: Ledger;
  readonly #life: WatchLife;
  /** What the last failure led to, also while the watch is deferred; nothing since a login. */
  #verdict: WatchState = STARTING;
  #history: FailureHistory;
  /** Of the connection that is held, or was held last; undefined when that one never came so far. */
  #loggedInAtMs: number | undefined;

  constructor(account: Account, deps: WatchDeps) {
    this.#deps = deps;
    this.#ledger = new Ledger(account, deps);
    const turn = (signal: AbortSignal) => this.#turn(signal);
    const onBroken = (failure: MailFailure) => {
      this.#verdict = this.#judge(failure);
    };
    const { authFailingSinceMs } = account.progress;
    this.#history =
      authFailingSinceMs === undefined ? NO_FAILURES : { ...NO_FAILURES, authFailingSinceMs };
    this.#life = new WatchLife(
      { account, ledger: this.#ledger, turn, onBroken, endTriesMax: END_TRIES_MAX },
      deps,
    );
  }

  get account(): Account {
    return this.#life.account;
  }

  get state(): WatchState {
    return this.#life.state;
  }

  /** What `status` tells. */
  report(): WatchReport {
    return this.#life.report(this.#ledger.progress.folders);
  }

  /** Begins. Call it once. */
  start(): void {
    this.#life.start();
  }

  /** The device has been heard of; it is awake and looks itself until `untilMs`. */
  defer(untilMs: number, seenAtMs: number): void {
    this.#life.defer(untilMs, seenAtMs);
  }

  /** Leaves the connection, and goes on where it was: with another one, when the pool gives one. */
  letGo(): void {
    this.#life.letGo();
  }

  /** As `letGo`, and what the last failures led to is forgotten. */
  rearm(): void {
    this.#verdict = STARTING;
    this.#history = { ...this.#history, failuresInRow: 0 };
    this.#life.letGo();
  }

  /** Lets go of the connection and ends. Resolves when nothing of the watch runs any more. Harmless twice. */
  async stop(): Promise<void> {
    await this.#life.stop();
  }

  /** One step: wait for what has to be waited for, or hold one connection as long as it lives. */
  async #turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    if (waitOf(this.#verdict) > nowMs) return await this.#life.waitOut(this.#verdict, signal);
    const ending = await this.#hold(signal);
    switch (ending.kind) {
      case 'left':
        return undefined;
      case 'gone':
        return await this.#life.end('endpoint-gone');
      case 'failed':
        return await this.#onFailure(ending.failure);
    }
  }

  /** Opens one connection and watches over it. */
  async #hold(signal: AbortSignal): Promise<Ending> {
    const { pool } = this.#deps;
    const { server } = this.#life.account;
    this.#life.enter(STARTING);
    this.#loggedInAtMs = undefined;
    const slot = await pool.acquire(server.host, signal);
    if (slot === undefined) return LEFT;
    try {
      const opened = await logIn(this.#life.account, signal, this.#deps);
      if (opened.ok) return await this.#watchOver(opened.value, signal);
      // What a connection fails with that we cut says nothing of the server.
      return signal.aborted && opened.failure.kind === 'network' ? LEFT : failed(opened.failure);
    } finally {
      slot.release();
    }
  }

  async #watchOver(connection: MailConnection, signal: AbortSignal): Promise<Ending> {
    const { host } = this.#life.account.server;
    try {
      this.#loggedInAtMs = this.#deps.clock.monotonicMs();
      this.#verdict = STARTING;
      this.#history = { failuresInRow: this.#history.failuresInRow };
      await this.#ledger.noteRefusal(undefined);
      const enter = (state: WatchState) => this.#life.enter(state);
      return await keepVigil(connection, signal, {
        ...{ ...this.#deps, host, enter, ledger: this.#ledger },
      });
    } finally {
      await connection.close();
    }
  }

  async #onFailure(failure: MailFailure): Promise<void> {
    const { id: account } = this.#life.account;
    this.#deps.log.debug({ account, failure: failure.kind }, 'mail.watch.failed');
    const state = this.#judge(failure);
    await this.#ledger.noteRefusal(this.#history.authFailingSinceMs);
    if (state.kind === 'stopped') return await this.#life.end(state.reason);
    this.#verdict = state;
    this.#life.enter(state);
  }

  #judge(failure: MailFailure): WatchState {
    const { rules, clock, random } = this.#deps;
    const loggedInAtMs = this.#loggedInAtMs ?? clock.monotonicMs();
    const isStable = clock.monotonicMs() - loggedInAtMs >= rules.stableMs;
    const before = isStable ? { ...this.#history, failuresInRow: 0 } : this.#history;
    const { state, history } = afterFailure(failure, before, { rules, clock, random });
    this.#history = history;
    return state;
  }
}
