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
  WatchReport,
  WatchState,
} from '../account.ts';
import type { AskExchange } from '../activesync.ts';
import type { Egress } from '../egress.ts';
import type { MailResult } from '../mailbox.ts';
import type { Pool } from '../pool.ts';
import { Ledger, type LedgerDeps } from '../watcher/ledger.ts';
import type { Sign } from '../watcher/news-trace.ts';
import { waitOf } from '../watcher/states.ts';
import { END_TRIES_MAX } from '../watcher/watch.ts';
import { STARTING, WatchLife, type WatchLifeDeps } from '../watcher/watch-life.ts';
import type { ExchangeOutcome } from './answers.ts';
import type { ExchangeLocation } from './location.ts';
import { type EasRules, Patience } from './patience.ts';
import { isTold, toldFor } from './told.ts';
import { Whereabouts } from './whereabouts.ts';

export interface EasWatchDeps extends LedgerDeps, WatchLifeDeps {
  readonly rules: EasRules;
  readonly ask: AskExchange;
  readonly egress: Egress;
  readonly pool: Pick<Pool, 'acquire'>;
  /** As WatchDeps has it. */
  readonly credentialsOf: (
    account: Account,
    refused?: Credentials,
  ) => Promise<MailResult<Credentials>>;
}

/** An answer that has news which the device was not told of yet. */
interface HeardNews extends Sign {
  /** The device's word that it answers. */
  readonly seenAtMs: number;
}

const MOVED_ON: MailFailure = { kind: 'protocol', detail: 'HTTP 451 too often' };

export class EasWatch {
  readonly #deps: EasWatchDeps;
  readonly #ledger: Ledger;
  readonly #request: ExchangeRequest;
  readonly #patience: Patience;
  readonly #whereabouts: Whereabouts;
  readonly #life: WatchLife;
  #news: HeardNews | undefined;

  constructor(account: Account, deps: EasWatchDeps) {
    assert(account.exchange !== undefined, 'an ActiveSync account has a request');
    this.#request = account.exchange;
    this.#deps = deps;
    this.#ledger = new Ledger(account, deps);
    this.#patience = new Patience(account.progress.authFailingSinceMs, deps);
    const { host, port } = account.server;
    this.#whereabouts = new Whereabouts({ host, port, path: account.exchange.path });
    const turn = (signal: AbortSignal) => this.#turn(signal);
    const onBroken = (failure: MailFailure) => this.#patience.onFailure(failure);
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

  /** What `status` tells. Which folders are watched only the device's request says. */
  report(): WatchReport {
    return this.#life.report([]);
  }

  /** Begins. Call it once. */
  start(): void {
    this.#life.start();
  }

  /** The device has been heard of; it is awake and looks itself until `untilMs`. */
  defer(untilMs: number, seenAtMs: number): void {
    this.#life.defer(untilMs, seenAtMs);
  }

  /** Lets go of the request, and goes on where it was: with another one, when the pool lets it. */
  letGo(): void {
    this.#life.letGo();
  }

  /** As `letGo`, and what the last failures led to is forgotten. */
  rearm(): void {
    this.#patience.forget();
    this.#life.letGo();
  }

  /** Lets go of the request and ends. Resolves when nothing of the watch runs any more. Harmless twice. */
  async stop(): Promise<void> {
    await this.#life.stop();
  }

  /** One step: wait for what has to be waited for, tell what there is to tell, or ask once. */
  async #turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    const { account } = this.#life;
    if (isTold(account, this.#ledger.progress)) return await this.#life.rest(signal);
    const { verdict } = this.#patience;
    if (waitOf(verdict) > nowMs) return await this.#life.waitOut(verdict, signal);
    // Of an older word: the device has looked itself since.
    if (this.#news?.seenAtMs === account.seenAtMs) return await this.#tell(this.#news, signal);
    await this.#ask(signal);
  }

  async #tell(news: HeardNews, signal: AbortSignal): Promise<void> {
    const telling = await this.#ledger.tellNews(toldFor(this.#life.account), news);
    switch (telling.kind) {
      case 'told':
      case 'nothing':
        this.#news = undefined;
        // Not before the news: an endpoint for states that does not answer holds up nothing else.
        await this.#ledger.tellAttention('none');
        return;
      case 'later':
        return await this.#deps.alarms.wait(telling.waitMs, signal);
      case 'gone':
        return await this.#life.end('endpoint-gone');
      default:
        return unreachable(telling);
    }
  }

  /** Asks once, and takes in what the answer means. */
  async #ask(signal: AbortSignal): Promise<void> {
    const location = this.#whereabouts.current;
    this.#patience.onBegun();
    if (this.#life.state.kind !== 'watching') this.#life.enter(STARTING);
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
    const credentials = await credentialsOf(this.#life.account, refused);
    if (!credentials.ok) return { kind: 'failed', failure: credentials.failure };
    const { address } = way;
    const onAsked = () => {
      this.#patience.onAsked();
      this.#life.enter({ kind: 'watching' });
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
        this.#news = this.#heard();
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

  #heard(): HeardNews {
    const { seenAtMs } = this.#life.account;
    return { seenAtMs, sign: 'answer', signAtMs: this.#deps.clock.monotonicMs() };
  }

  async #onLetIn(): Promise<void> {
    this.#whereabouts.onArrived();
    await this.#ledger.noteRefusal(undefined);
  }

  async #onFailure(failure: MailFailure, retryAfterMs?: number): Promise<void> {
    const { id: account } = this.#life.account;
    this.#deps.log.debug({ account, failure: failure.kind }, 'mail.watch.failed');
    this.#whereabouts.onFailure(failure);
    this.#patience.onFailure(failure, retryAfterMs);
    const { verdict, authFailingSinceMs } = this.#patience;
    await this.#ledger.noteRefusal(authFailingSinceMs);
    if (verdict.kind === 'stopped') return await this.#life.end(verdict.reason);
    this.#life.enter(verdict);
  }
}
