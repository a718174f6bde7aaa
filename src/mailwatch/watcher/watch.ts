/**
 * One account's watch: connects, watches over the connection, and waits after each failure as long as the policy says; for ever, until
 * it is stopped. Everything it does is a comparison of what the folders are now with what was last delivered, so no event, crash or
 * restart in between can lose mail: at worst a version is sent twice.
 */
import { assert } from '../../assert.ts';
import type { Account, MailFailure, StopReason, WatchReport, WatchState } from '../account.ts';
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
import { attentionOf, waitOf } from './states.ts';
import { type Ending, failed, keepVigil, LEFT, type VigilDeps, type VigilRules } from './vigil.ts';

/** Times in milliseconds, from the config. */
export interface WatchRules extends FailureRules, VigilRules {}

export interface WatchDeps extends LedgerDeps, LogInDeps, Pick<VigilDeps, 'alarms'> {
  readonly rules: WatchRules;
  readonly pool: Pick<Pool, 'acquire'>;
  /** The watch has ended by itself; the credentials are to be erased. */
  readonly onEnded: (reason: StopReason) => void;
}

/** The device is told of the end of its watch; this often at most, when the endpoint does not take it. */
export const END_TRIES_MAX = 3;

const STARTING: WatchState = { kind: 'starting' };
const BROKEN: MailFailure = { kind: 'protocol', detail: 'the watch has failed' };

export class Watch {
  readonly #deps: WatchDeps;
  readonly #ledger: Ledger;
  #account: Account;
  #state: WatchState = STARTING;
  #sinceMs: number;
  /** What the last failure led to, also while the watch is deferred; nothing since a login. */
  #verdict: WatchState = STARTING;
  #history: FailureHistory;
  /** Ends whatever the watch is waiting for, so that it sees what has changed. */
  #nudge = new AbortController();
  #notBeforeMs: number;
  /** Of the connection that is held, or was held last; undefined when that one never came so far. */
  #loggedInAtMs: number | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(account: Account, deps: WatchDeps) {
    this.#account = account;
    this.#deps = deps;
    this.#ledger = new Ledger(account, deps);
    this.#sinceMs = deps.clock.nowMs();
    this.#notBeforeMs = account.notBeforeMs;
    const { authFailingSinceMs } = account.progress;
    this.#history =
      authFailingSinceMs === undefined ? NO_FAILURES : { ...NO_FAILURES, authFailingSinceMs };
  }

  get state(): WatchState {
    return this.#state;
  }

  /** What `status` tells. */
  report(): WatchReport {
    const { folders, lastVersion, lastNewsAtMs } = this.#ledger.progress;
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      folders,
      ...(lastVersion === undefined ? {} : { lastVersion }),
      ...(lastNewsAtMs === undefined ? {} : { lastNewsAtMs }),
    };
  }

  /** Begins. Call it once. */
  start(): void {
    assert(this.#running === undefined, 'a watch begins once');
    this.#running = this.#run();
  }

  /** The device has been heard of; it is awake and looks itself until `untilMs`. */
  defer(untilMs: number, seenAtMs: number): void {
    this.#account = { ...this.#account, seenAtMs };
    this.#notBeforeMs = untilMs;
    this.#nudge.abort();
  }

  /** Lets go of the connection and ends. Resolves when nothing of the watch runs any more. Harmless twice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#nudge.abort();
    await this.#running;
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { alarms, log } = this.#deps;
    while (!this.#isStopped) {
      const nudge = new AbortController();
      this.#nudge = nudge;
      // Wherever the turn waits, it does not outlast the watch.
      const leftMs = this.#leftMs;
      if (leftMs > 0) void alarms.wait(leftMs, nudge.signal).then(() => nudge.abort());
      try {
        await this.#turn(nudge.signal);
      } catch (err) {
        // Our own bug, or a store's failure where it was not expected: this watch waits, and no other has noticed.
        log.error({ account: this.#account.id, err }, 'mail.watch.broken');
        this.#verdict = this.#judge(BROKEN);
      }
      nudge.abort();
    }
  }

  /** How long the watch may go on without a word from the device. */
  get #leftMs(): number {
    const { seenAtMs, maxPollMs } = this.#account;
    return seenAtMs + maxPollMs - this.#deps.clock.nowMs();
  }

  /** One step: wait for what has to be waited for, or hold one connection as long as it lives. */
  async #turn(signal: AbortSignal): Promise<void> {
    const { alarms, clock } = this.#deps;
    if (this.#leftMs <= 0) return await this.#end('expired');
    const nowMs = clock.nowMs();
    if (this.#notBeforeMs > nowMs) {
      this.#enter({ kind: 'deferred', untilMs: this.#notBeforeMs });
      return await alarms.wait(this.#notBeforeMs - nowMs, signal);
    }
    if (waitOf(this.#verdict) > nowMs) return await this.#waitOut(signal);
    const ending = await this.#hold(signal);
    switch (ending.kind) {
      case 'left':
        return undefined;
      case 'gone':
        return await this.#end('endpoint-gone');
      case 'failed':
        return await this.#onFailure(ending.failure);
    }
  }

  /** Waits as the last failure asks for; a device that could not be told of it is told in between. */
  async #waitOut(signal: AbortSignal): Promise<void> {
    this.#enter(this.#verdict);
    const retryMs = await this.#ledger.tellAttention(attentionOf(this.#verdict));
    const waitMs = waitOf(this.#verdict) - this.#deps.clock.nowMs();
    await this.#deps.alarms.wait(retryMs > 0 ? Math.min(retryMs, waitMs) : waitMs, signal);
  }

  /** Opens one connection and watches over it. */
  async #hold(signal: AbortSignal): Promise<Ending> {
    const { pool } = this.#deps;
    const { server } = this.#account;
    this.#enter(STARTING);
    this.#loggedInAtMs = undefined;
    const slot = await pool.acquire(server.host, signal);
    if (slot === undefined) return LEFT;
    try {
      const opened = await logIn(this.#account, signal, this.#deps);
      if (opened.ok) return await this.#watchOver(opened.value, signal);
      // What a connection fails with that we cut says nothing of the server.
      return signal.aborted && opened.failure.kind === 'network' ? LEFT : failed(opened.failure);
    } finally {
      slot.release();
    }
  }

  async #watchOver(connection: MailConnection, signal: AbortSignal): Promise<Ending> {
    const { host } = this.#account.server;
    try {
      this.#loggedInAtMs = this.#deps.clock.monotonicMs();
      this.#verdict = STARTING;
      this.#history = { failuresInRow: this.#history.failuresInRow };
      await this.#ledger.noteRefusal(undefined);
      const enter = (state: WatchState) => this.#enter(state);
      return await keepVigil(connection, signal, {
        ...{ ...this.#deps, host, enter, ledger: this.#ledger },
      });
    } finally {
      await connection.close();
    }
  }

  async #onFailure(failure: MailFailure): Promise<void> {
    this.#deps.log.debug({ account: this.#account.id, failure: failure.kind }, 'mail.watch.failed');
    const state = this.#judge(failure);
    await this.#ledger.noteRefusal(this.#history.authFailingSinceMs);
    if (state.kind === 'stopped') return await this.#end(state.reason);
    this.#verdict = state;
    this.#enter(state);
  }

  #judge(failure: MailFailure): WatchState {
    const { rules, clock, random } = this.#deps;
    const loggedInAtMs = this.#loggedInAtMs ?? clock.monotonicMs();
    const isStable = clock.monotonicMs() - loggedInAtMs >= rules.stableMs;
    const before = isStable ? { ...this.#history, failuresInRow: 0 } : this.#history;
    const { state, history } = afterFailure(failure, before, {
      rules,
      nowMs: clock.nowMs(),
      random,
    });
    this.#history = history;
    return state;
  }

  async #end(reason: StopReason): Promise<void> {
    this.#enter({ kind: 'stopped', reason });
    if (reason !== 'endpoint-gone') await this.#tellEnd(reason);
    // The device was heard of at the last moment; or whoever stopped the watch knows what becomes of the credentials.
    if (this.#isStopped || (reason === 'expired' && this.#leftMs > 0)) return;
    this.#isStopped = true;
    this.#deps.onEnded(reason);
  }

  async #tellEnd(reason: StopReason): Promise<void> {
    // That the password is refused the device has been told; that this has come to an end is news too.
    const attention = reason === 'expired' ? reason : 'none';
    for (let tries = 1; tries <= END_TRIES_MAX && !this.#isStopped; tries++) {
      const retryMs = await this.#ledger.tellAttention(attention);
      if (retryMs === 0) return;
      if (tries < END_TRIES_MAX) await this.#deps.alarms.wait(retryMs, this.#nudge.signal);
    }
  }

  #enter(state: WatchState): void {
    if (state.kind !== this.#state.kind) this.#sinceMs = this.#deps.clock.nowMs();
    this.#state = state;
  }
}
