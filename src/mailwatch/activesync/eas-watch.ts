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
import { Ledger, type LedgerDeps } from '../watcher/ledger.ts';
import { attentionOf, waitOf } from '../watcher/states.ts';
import { END_TRIES_MAX } from '../watcher/watch.ts';
import type { ExchangeOutcome } from './answers.ts';
import type { ExchangeLocation } from './location.ts';
import { type EasRules, Patience } from './patience.ts';
import { isTold, toldFor } from './told.ts';
import { Whereabouts } from './whereabouts.ts';

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

const STARTING: WatchState = { kind: 'starting' };
const BROKEN: MailFailure = { kind: 'protocol', detail: 'the watch has failed' };
const MOVED_ON: MailFailure = { kind: 'protocol', detail: 'HTTP 451 too often' };

export class EasWatch {
  readonly #deps: EasWatchDeps;
  readonly #ledger: Ledger;
  readonly #request: ExchangeRequest;
  readonly #patience: Patience;
  readonly #whereabouts: Whereabouts;
  #account: Account;
  #state: WatchState = STARTING;
  #sinceMs: number;
  /** The device's word that has news which it was not told of yet. */
  #newsForMs: number | undefined;
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
    this.#patience = new Patience(account.progress.authFailingSinceMs, deps);
    const { host, port } = account.server;
    this.#whereabouts = new Whereabouts({ host, port, path: account.exchange.path });
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
        this.#patience.onFailure(BROKEN);
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
    if (waitOf(this.#patience.verdict) > nowMs) return await this.#waitOut(signal);
    // Of an older word: the device has looked itself since.
    if (this.#newsForMs === this.#account.seenAtMs) return await this.#tell(signal);
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
    const { verdict } = this.#patience;
    this.#enter(verdict);
    const retryMs = await this.#ledger.tellAttention(attentionOf(verdict));
    const waitMs = waitOf(verdict) - this.#deps.clock.nowMs();
    await this.#deps.alarms.wait(retryMs > 0 ? Math.min(retryMs, waitMs) : waitMs, signal);
  }

  /** Asks once, and takes in what the answer means. */
  async #ask(signal: AbortSignal): Promise<void> {
    const location = this.#whereabouts.current;
    this.#patience.onBegun();
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
      this.#patience.onAsked();
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
    switch (outcome.kind) {
      case 'quiet':
        this.#patience.onQuiet(this.#request);
        await this.#onLetIn();
        await this.#ledger.tellAttention('none');
        return;
      case 'news':
        this.#patience.onNews();
        this.#newsForMs = this.#account.seenAtMs;
        return await this.#onLetIn();
      case 'moved':
        // Where the mailbox is now is asked at once.
        if (this.#whereabouts.move(outcome.to)) return;
        return await this.#onFailure(MOVED_ON);
      case 'failed':
        return await this.#onFailure(outcome.failure, outcome.retryAfterMs);
      default:
        return unreachable(outcome);
    }
  }

  async #onLetIn(): Promise<void> {
    this.#whereabouts.onArrived();
    await this.#ledger.noteRefusal(undefined);
  }

  async #onFailure(failure: MailFailure, retryAfterMs?: number): Promise<void> {
    this.#deps.log.debug({ account: this.#account.id, failure: failure.kind }, 'mail.watch.failed');
    this.#whereabouts.onFailure(failure);
    this.#patience.onFailure(failure, retryAfterMs);
    const { verdict, authFailingSinceMs } = this.#patience;
    await this.#ledger.noteRefusal(authFailingSinceMs);
    if (verdict.kind === 'stopped') return await this.#end(verdict.reason);
    this.#enter(verdict);
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
