/**
 * One ActiveSync account's watch: asks the device's own question again and again, until the answer has news; tells the device, and rests until
 * it is heard of, since the same question would have the same answer. What was told is kept by the ledger (told.ts), so a restart
 * neither repeats nor loses it.
 */
import { assert, unreachable } from '../../assert.ts';
import type {
  Account,
  Credentials,
  ExchangeRequest,
  MailFailure,
  StopReason,
  WatchReport,
  WatchState,
} from '../account.ts';
import type { AskExchange } from '../activesync.ts';
import type { Egress } from '../egress.ts';
import type { MailResult } from '../mailbox.ts';
import type { Pool } from '../pool.ts';
import type { Alarms } from '../watcher/alarms.ts';
import {
  afterFailure,
  type FailureHistory,
  type FailureRules,
  NO_FAILURES,
} from '../watcher/failure-policy.ts';
import { Ledger, type LedgerDeps } from '../watcher/ledger.ts';
import { attentionOf, waitOf } from '../watcher/states.ts';
import { END_TRIES_MAX } from '../watcher/watch.ts';
import type { ExchangeOutcome } from './answers.ts';
import type { ExchangeLocation } from './location.ts';
import { isTooSoon, tooSoonWaitMs } from './pace.ts';
import { isTold, toldFor } from './told.ts';

/** Times in milliseconds, from the config. */
export interface EasRules extends FailureRules {
  /** A question that hung this long ends a row of failures. */
  readonly stableMs: number;
}

export interface EasWatchDeps extends LedgerDeps {
  readonly rules: EasRules;
  readonly ask: AskExchange;
  readonly egress: Egress;
  readonly pool: Pick<Pool, 'acquire'>;
  readonly alarms: Pick<Alarms, 'wait'>;
  /** As WatchDeps has it. */
  readonly credentialsOf: (
    account: Account,
    refused?: Credentials,
  ) => Promise<MailResult<Credentials>>;
  /** The watch has ended by itself; the credentials are to be erased. */
  readonly onEnded: (reason: StopReason) => void;
}

/** How often in a row a server may send us elsewhere. */
export const MOVES_MAX = 3;
/** A server that asks for more is asked again after this. */
export const RETRY_AFTER_MS_MAX = 3_600_000;

const STARTING: WatchState = { kind: 'starting' };
const BROKEN: MailFailure = { kind: 'protocol', detail: 'the watch has failed' };
const TOO_SOON: MailFailure = { kind: 'protocol', detail: 'the server answers too soon' };
const MOVED_ON: MailFailure = { kind: 'protocol', detail: 'HTTP 451 too often' };

/** Failures after which a server may not be the right one any more. */
const LOST: ReadonlySet<MailFailure['kind']> = new Set(['network', 'tls', 'blocked', 'protocol']);

export class EasWatch {
  readonly #deps: EasWatchDeps;
  readonly #ledger: Ledger;
  readonly #request: ExchangeRequest;
  #account: Account;
  #state: WatchState = STARTING;
  #sinceMs: number;
  /** What the last answer led to, also while the watch is deferred. */
  #verdict: WatchState = STARTING;
  #history: FailureHistory;
  /** Answers in a row that came too soon. */
  #tooSoonInRow = 0;
  /** Where a 451 has led, until a restart; asked in place of the registered server. */
  #moved: ExchangeLocation | undefined;
  #movesInRow = 0;
  /** The device's word that has news which it was not told of yet. */
  #newsForMs: number | undefined;
  /** When the server was asked, of the last question; undefined when that one never came so far. */
  #askedAtMs: number | undefined;
  /** Ends whatever the watch is waiting for, so that it sees what has changed. */
  #nudge = new AbortController();
  #notBeforeMs: number;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(account: Account, deps: EasWatchDeps) {
    assert(account.exchange !== undefined, 'an ActiveSync account has a request');
    this.#request = account.exchange;
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

  /** What `status` tells. Which folders are watched only the device's request says. */
  report(): WatchReport {
    const { lastVersion, lastNewsAtMs } = this.#ledger.progress;
    return {
      ...{ state: this.#state, sinceMs: this.#sinceMs, folders: [] },
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

  /** Lets go of the request and ends. Resolves when nothing of the watch runs any more. Harmless twice. */
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

  /** One step: wait for what has to be waited for, tell what there is to tell, or ask once. */
  async #turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    const leftMs = this.#leftMs;
    if (leftMs <= 0) return await this.#end('expired');
    if (this.#notBeforeMs > nowMs) return await this.#rest(this.#notBeforeMs, signal);
    if (isTold(this.#account, this.#ledger.progress)) {
      return await this.#rest(nowMs + leftMs, signal);
    }
    // Of an older word: the device has looked itself since.
    if (this.#newsForMs === this.#account.seenAtMs) return await this.#tell(signal);
    if (waitOf(this.#verdict) > nowMs) return await this.#waitOut(signal);
    await this.#ask(signal);
  }

  async #rest(untilMs: number, signal: AbortSignal): Promise<void> {
    this.#enter({ kind: 'deferred', untilMs });
    await this.#deps.alarms.wait(untilMs - this.#deps.clock.nowMs(), signal);
  }

  async #tell(signal: AbortSignal): Promise<void> {
    const telling = await this.#ledger.tellNews(toldFor(this.#account));
    switch (telling.kind) {
      case 'told':
      case 'nothing':
        this.#newsForMs = undefined;
        // Not before the news: an endpoint for states that does not answer holds up nothing else.
        await this.#ledger.tellAttention('none');
        return;
      case 'later':
        return await this.#deps.alarms.wait(telling.waitMs, signal);
      case 'gone':
        return await this.#end('endpoint-gone');
      default:
        return unreachable(telling);
    }
  }

  /** Waits as the last failure asks for; a device that could not be told of it is told in between. */
  async #waitOut(signal: AbortSignal): Promise<void> {
    this.#enter(this.#verdict);
    const retryMs = await this.#ledger.tellAttention(attentionOf(this.#verdict));
    const waitMs = waitOf(this.#verdict) - this.#deps.clock.nowMs();
    await this.#deps.alarms.wait(retryMs > 0 ? Math.min(retryMs, waitMs) : waitMs, signal);
  }

  /** Asks once, and takes in what the answer means. */
  async #ask(signal: AbortSignal): Promise<void> {
    const { server } = this.#account;
    const { path } = this.#request;
    const location = this.#moved ?? { host: server.host, port: server.port, path };
    this.#askedAtMs = undefined;
    if (this.#state.kind !== 'watching') this.#enter(STARTING);
    const slot = await this.#deps.pool.acquire(location.host, signal);
    if (slot === undefined) return;
    const outcome = await this.#askAt(location, signal).finally(() => slot.release());
    // The device has spoken, or the watch is over: what the answer to its older word was matters to nobody.
    if (!signal.aborted) await this.#onOutcome(outcome);
  }

  async #askAt(
    location: ExchangeLocation,
    signal: AbortSignal,
    refused?: Credentials,
  ): Promise<ExchangeOutcome> {
    const { ask, egress, credentialsOf } = this.#deps;
    const way = await egress(location.host, location.port);
    if (!way.ok) return { kind: 'failed', failure: way.failure };
    const credentials = await credentialsOf(this.#account, refused);
    if (!credentials.ok) return { kind: 'failed', failure: credentials.failure };
    const { address } = way;
    const onAsked = () => {
      this.#askedAtMs = this.#deps.clock.monotonicMs();
      this.#enter({ kind: 'watching' });
    };
    const outcome = await ask(
      { location, address, credentials: credentials.value, request: this.#request, onAsked },
      signal,
    );
    // A token may have been revoked before its time. Only when a new one is refused too, the user must act.
    const isRefusal = outcome.kind === 'failed' && outcome.failure.kind === 'oauth';
    if (!isRefusal || refused !== undefined) return outcome;
    return await this.#askAt(location, signal, credentials.value);
  }

  async #onOutcome(outcome: ExchangeOutcome): Promise<void> {
    if (outcome.kind !== 'moved') this.#movesInRow = 0;
    switch (outcome.kind) {
      case 'quiet':
        await this.#onLetIn();
        this.#setPace();
        await this.#ledger.tellAttention('none');
        return;
      case 'news':
        this.#newsForMs = this.#account.seenAtMs;
        this.#tooSoonInRow = 0;
        return await this.#onLetIn();
      case 'moved':
        return await this.#onMoved(outcome.to);
      case 'failed':
        return await this.#onFailure(outcome.failure, outcome.retryAfterMs);
      default:
        return unreachable(outcome);
    }
  }

  /** Where the mailbox is now is asked at once. */
  async #onMoved(to: ExchangeLocation): Promise<void> {
    this.#moved = to;
    this.#movesInRow++;
    if (this.#movesInRow <= MOVES_MAX) return;
    this.#movesInRow = 0;
    await this.#onFailure(MOVED_ON);
  }

  async #onLetIn(): Promise<void> {
    this.#verdict = STARTING;
    this.#history = NO_FAILURES;
    await this.#ledger.noteRefusal(undefined);
  }

  /** After "nothing new": at once again, unless the server did not wait with it. */
  #setPace(): void {
    const { clock, random } = this.#deps;
    const tookMs = clock.monotonicMs() - (this.#askedAtMs ?? clock.monotonicMs());
    if (!isTooSoon(tookMs, this.#request.responseTimeoutMs)) {
      this.#tooSoonInRow = 0;
      return;
    }
    this.#tooSoonInRow++;
    const nextTryMs = clock.nowMs() + tooSoonWaitMs(this.#tooSoonInRow, random);
    this.#verdict = { kind: 'backoff', failure: TOO_SOON, nextTryMs };
  }

  async #onFailure(failure: MailFailure, retryAfterMs = 0): Promise<void> {
    this.#deps.log.debug({ account: this.#account.id, failure: failure.kind }, 'mail.watch.failed');
    // Where the server once sent us may be gone: the one that the device has named knows better.
    if (LOST.has(failure.kind)) this.#moved = undefined;
    const state = this.#judge(failure, Math.min(retryAfterMs, RETRY_AFTER_MS_MAX));
    await this.#ledger.noteRefusal(this.#history.authFailingSinceMs);
    if (state.kind === 'stopped') return await this.#end(state.reason);
    this.#verdict = state;
    this.#enter(state);
  }

  #judge(failure: MailFailure, waitMsMin = 0): WatchState {
    const { rules, clock, random } = this.#deps;
    const nowMs = clock.nowMs();
    const askedAtMs = this.#askedAtMs ?? clock.monotonicMs();
    const isStable = clock.monotonicMs() - askedAtMs >= rules.stableMs;
    const before = isStable ? { ...this.#history, failuresInRow: 0 } : this.#history;
    const { state, history } = afterFailure(failure, before, { rules, nowMs, random });
    this.#history = history;
    if (state.kind !== 'limited') return state;
    return { ...state, nextTryMs: Math.max(state.nextTryMs, nowMs + waitMsMin) };
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
