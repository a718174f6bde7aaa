/** An ActiveSync watch with everything around it in the test's hand: time, chance, the server's answers, the endpoints, the accounts store. */
import { quietLog } from '../../../src/log.ts';
import type {
  Account,
  AccountId,
  Credentials,
  ExchangeRequest,
  StopReason,
  WatchProgress,
} from '../../../src/mailwatch/account.ts';
import type { ExchangeOutcome } from '../../../src/mailwatch/activesync/answers.ts';
import { EasWatch } from '../../../src/mailwatch/activesync/eas-watch.ts';
import type { ExchangeLocation } from '../../../src/mailwatch/activesync/location.ts';
import type { EasRules } from '../../../src/mailwatch/activesync/patience.ts';
import { NOTHING_TOLD } from '../../../src/mailwatch/activesync/told.ts';
import type { AskExchange } from '../../../src/mailwatch/activesync.ts';
import type { EgressAnswer } from '../../../src/mailwatch/egress.ts';
import { createMailMetrics } from '../../../src/mailwatch/mail-metrics.ts';
import type { MailResult } from '../../../src/mailwatch/mailbox.ts';
import type { NotifyOutcome } from '../../../src/mailwatch/notifier.ts';
import { Alarms } from '../../../src/mailwatch/watcher/alarms.ts';
import type { RequestId } from '../../../src/protocol/ids.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { PASSWORD, PING } from './exchanges.ts';

export const ENDPOINT = 'http://push.test/update/news';
export const STATE_ENDPOINT = 'http://push.test/update/state';
export const HOUR_MS = 3_600_000;
export const QUIET: ExchangeOutcome = { kind: 'quiet' };
export const NEWS: ExchangeOutcome = { kind: 'news' };

export const RULES: EasRules = {
  stableMs: 60_000,
  backoffMinMs: 5_000,
  backoffMaxMs: 900_000,
  limitedMinMs: 60_000,
  authRetryMs: 3_600_000,
  authGiveUpMs: 259_200_000,
};

/** A question that the server holds back the answer to. */
export interface HeldAsk {
  readonly location: ExchangeLocation;
  readonly address: string;
  readonly credentials: Credentials;
}

export class EasRig {
  readonly clock = new HandClock();
  readonly alarms = new Alarms(this.clock);
  /** Every question, in order. */
  readonly asks: HeldAsk[] = [];
  /** Versions that each endpoint took. */
  readonly versions: number[] = [];
  readonly stateVersions: number[] = [];
  refusedPuts = 0;
  /** Of each PUT of news, also of those that were refused. */
  readonly requestIds: RequestId[] = [];
  readonly metrics = createMailMetrics();
  readonly ended: StopReason[] = [];
  readonly refusedCredentials: Credentials[] = [];
  readonly guarded: string[] = [];
  outcome: NotifyOutcome = { kind: 'accepted' };
  stateOutcome: NotifyOutcome = { kind: 'accepted' };
  credentials: () => Promise<MailResult<Credentials>> = async () => ({ ok: true, value: PASSWORD });
  egress: (host: string) => EgressAnswer = () => ({ ok: true, address: '192.0.2.1' });
  chance = 0.5;
  isStoreAway = false;
  slots = 0;
  slotsMax = 0;
  /** What a restart finds. */
  account: Account;
  watch: EasWatch;
  #answer: ((outcome: ExchangeOutcome) => void) | undefined;

  constructor(changes: Partial<Account> = {}, exchange: ExchangeRequest = PING) {
    const nowMs = this.clock.nowMs();
    this.account = {
      id: '0123456789abcdef0123456789abcdef' as AccountId,
      endpoint: ENDPOINT,
      stateEndpoint: STATE_ENDPOINT,
      protocol: 'activesync',
      server: { host: 'eas.example', port: 443, security: 'tls' },
      maxPollMs: 90 * 86_400_000,
      seenAtMs: nowMs,
      notBeforeMs: nowMs,
      progress: { folders: NOTHING_TOLD, told: 'none' },
      exchange,
      ...changes,
    };
    this.watch = this.#createWatch();
  }

  /** Whether the server is holding an answer back. */
  get isAsking(): boolean {
    return this.#answer !== undefined;
  }

  async start(): Promise<this> {
    this.watch.start();
    await this.flush();
    return this;
  }

  /** The server answers the question that it holds, `afterMs` from now. */
  async answer(outcome: ExchangeOutcome, { afterMs = 600_000 } = {}): Promise<void> {
    await this.leap(afterMs);
    const answer = this.#answer;
    if (answer === undefined) throw new Error(`nothing was asked in ${this.watch.state.kind}`);
    answer(outcome);
    await this.flush();
  }

  async fail(status: 'auth' | 'oauth' | 'network' | 'limited', retryAfterMs?: number) {
    const failure = { kind: status, detail: 'as scripted' };
    const waiting = retryAfterMs === undefined ? {} : { retryAfterMs };
    await this.answer({ kind: 'failed', failure, ...waiting }, { afterMs: 100 });
  }

  /** As the backend does at a deferral: kept first, then told to the watch. */
  async defer(waitMs: number): Promise<void> {
    const seenAtMs = this.clock.nowMs();
    const untilMs = seenAtMs + waitMs;
    this.account = { ...this.account, seenAtMs, notBeforeMs: untilMs };
    this.watch.defer(untilMs, seenAtMs);
    await this.flush();
  }

  /** The process is killed: nothing more is heard of the old watch, and a new one begins with what was kept. */
  async restart(): Promise<void> {
    const kept = this.account;
    await this.stop();
    this.account = kept;
    this.clock.moveMs(1_000);
    this.watch = this.#createWatch();
    await this.start();
  }

  /** Lets time pass, and whatever became due happen. */
  async leap(ms: number): Promise<void> {
    this.clock.moveMs(ms);
    await this.flush();
  }

  /** Rings what is due, and waits until everything that follows at once has happened. */
  async flush(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      this.clock.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async stop(): Promise<void> {
    const stopped = this.watch.stop();
    await this.flush();
    await stopped;
  }

  #createWatch(): EasWatch {
    const watch: EasWatch = new EasWatch(this.account, {
      rules: RULES,
      ask: this.#ask,
      egress: async (host, port) => {
        this.guarded.push(`${host}:${port}`);
        return this.egress(host);
      },
      pool: {
        acquire: async () => {
          this.slots++;
          this.slotsMax = Math.max(this.slotsMax, this.slots);
          return { release: () => this.slots-- };
        },
      },
      notifier: { notify: (...put) => this.#notify(...put) },
      alarms: this.alarms,
      credentialsOf: (_, refused) => {
        if (refused !== undefined) this.refusedCredentials.push(refused);
        return this.credentials();
      },
      save: async (progress: WatchProgress) => {
        if (this.isStoreAway) throw new Error('the disk is full');
        if (watch === this.watch) this.account = { ...this.account, progress };
      },
      metrics: this.metrics,
      onEnded: (reason) => this.ended.push(reason),
      clock: this.clock,
      random: () => this.chance,
      log: quietLog,
    });
    return watch;
  }

  readonly #ask: AskExchange = ({ location, address, credentials, onAsked }, signal) => {
    this.asks.push({ location, address, credentials });
    onAsked();
    return new Promise((resolve) => {
      const answer = (outcome: ExchangeOutcome) => {
        if (this.#answer === answer) this.#answer = undefined;
        resolve(outcome);
      };
      if (this.#answer !== undefined) throw new Error('two questions at once');
      this.#answer = answer;
      const failure = { kind: 'network', detail: 'let go' } as const;
      signal.addEventListener('abort', () => answer({ kind: 'failed', failure }));
    });
  };

  async #notify(endpoint: string, version: number, requestId: RequestId): Promise<NotifyOutcome> {
    const isNews = endpoint === ENDPOINT;
    if (isNews) this.requestIds.push(requestId);
    const outcome = isNews ? this.outcome : this.stateOutcome;
    if (outcome.kind !== 'accepted') this.refusedPuts++;
    else if (isNews) this.versions.push(version);
    else this.stateVersions.push(version);
    return outcome;
  }
}
