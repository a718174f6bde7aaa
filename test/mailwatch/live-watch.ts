/** A watch of a mail server that is really there, with endpoints in the test's hand and a clock that runs ahead. */
import { performance } from 'node:perf_hooks';
import type { Clock } from '../../src/clock.ts';
import { quietLog } from '../../src/log.ts';
import type {
  Account,
  AccountId,
  Credentials,
  MailFailure,
  MailServer,
  StopReason,
  WatchedFolder,
} from '../../src/mailwatch/account.ts';
import { createOpenMail, type ImapOptions } from '../../src/mailwatch/imap.ts';
import { createMailMetrics } from '../../src/mailwatch/mail-metrics.ts';
import type { MailResult, OpenMail } from '../../src/mailwatch/mailbox.ts';
import type { NotifyOutcome } from '../../src/mailwatch/notifier.ts';
import { createPool } from '../../src/mailwatch/pool.ts';
import { Alarms } from '../../src/mailwatch/watcher/alarms.ts';
import { Watch, type WatchRules } from '../../src/mailwatch/watcher/watch.ts';

/** A clock that runs `factor` times as fast as the machine's. */
export class FastClock implements Clock {
  readonly #factor: number;
  readonly #beginMs = performance.now();
  #leaptMs = 0;

  constructor(factor: number) {
    this.#factor = factor;
  }

  nowMs(): number {
    return 1_800_000_000_000 + Math.floor(this.monotonicMs());
  }

  monotonicMs(): number {
    return this.#leaptMs + (performance.now() - this.#beginMs) * this.#factor;
  }

  /** So much time has passed at once. */
  leap(ms: number): void {
    this.#leaptMs += ms;
  }

  every(intervalMs: number, run: () => void): () => void {
    const timer = setInterval(run, intervalMs / this.#factor);
    return () => clearInterval(timer);
  }
}

/** How much faster than life: an hour passes in 90 seconds, the second between two looks in 25 ms. */
export const HASTE = 40;
/** Of the fast clock: beyond every wait of a test, however busy the machine is. */
export const LONG_MS = 10_000_000;
export const UNTIL_MS_MAX = 10_000;

/** Waits until `isSo`, for ten seconds of the machine's time. */
export async function until(wanted: string, isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + UNTIL_MS_MAX;
  while (!isSo()) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${UNTIL_MS_MAX} ms for ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Between a failure and the state that follows from it: far above what there are. */
const MICROTASKS_MAX = 200;

export const LIVE_ENDPOINT = 'http://push.test/update/news';
export const LIVE_STATE_ENDPOINT = 'http://push.test/update/state';

const RULES: WatchRules = {
  debounceMs: 500,
  idleMs: LONG_MS,
  idleGraceMs: LONG_MS,
  pollMs: 2_000,
  stableMs: 60_000,
  renewAheadMs: 300_000,
  backoffMinMs: 500,
  backoffMaxMs: 5_000,
  limitedMinMs: 1_000,
  authRetryMs: 5_000,
  authGiveUpMs: LONG_MS,
};

export interface LiveOptions {
  readonly server: MailServer;
  readonly address: string;
  readonly ca: string | undefined;
  readonly username?: string;
  readonly folders?: readonly WatchedFolder[];
  readonly rules?: Partial<WatchRules>;
  readonly imap?: Partial<ImapOptions>;
}

export class LiveWatch {
  readonly clock: FastClock;
  readonly alarms: Alarms;
  readonly versions: number[] = [];
  readonly stateVersions: number[] = [];
  readonly ended: StopReason[] = [];
  readonly #options: LiveOptions;
  #backoffs = 0;
  #lastFailure: MailFailure | undefined;
  readonly #pool;
  readonly #open: OpenMail;
  account: Account;
  watch: Watch;
  outcome: NotifyOutcome = { kind: 'accepted' };
  password = 'correct horse';
  credentials: (refused?: Credentials) => Promise<MailResult<Credentials>>;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.clock = new FastClock(HASTE);
    this.alarms = new Alarms(this.clock);
    const limits = { connectionsMax: 10, connectionsPerHostMax: 10 };
    this.#pool = createPool(
      { ...limits, loginsPerSecond: 1_000, loginsPerHostPerSecond: 1_000 },
      this.clock,
    );
    const wait = (waitMs: number, signal: AbortSignal) => this.alarms.wait(waitMs, signal);
    const bounds = { commandMsMax: LONG_MS, responseBytesMax: 65_536 };
    const { clock } = this;
    this.#open = createOpenMail({ ...bounds, ca: options.ca, wait, clock, ...options.imap });
    const { username = 'ada', folders = [{ name: 'INBOX' }] } = options;
    this.credentials = async () => ({
      ok: true,
      value: { kind: 'password', username, password: this.password },
    });
    const nowMs = this.clock.nowMs();
    this.account = {
      id: '0123456789abcdef0123456789abcdef' as AccountId,
      endpoint: LIVE_ENDPOINT,
      stateEndpoint: LIVE_STATE_ENDPOINT,
      protocol: 'imap',
      server: options.server,
      maxPollMs: 10 * LONG_MS,
      seenAtMs: nowMs,
      notBeforeMs: nowMs,
      progress: { folders, told: 'none' },
    };
    this.watch = this.#newWatch();
  }

  get kind() {
    return this.watch.state.kind;
  }

  /** Why it does not watch, or why it last backed off. */
  get failure() {
    return this.#failureNow() ?? this.#lastFailure;
  }

  #failureNow(): MailFailure | undefined {
    const { state } = this.watch;
    return 'failure' in state ? state.failure : undefined;
  }

  start(): this {
    this.watch.start();
    return this;
  }

  /** As a process does that begins with what was kept. */
  async restart(): Promise<void> {
    await this.watch.stop();
    this.watch = this.#newWatch();
    this.watch.start();
  }

  get hasBackedOff(): boolean {
    return this.#backoffs > 0;
  }

  /** Until it has backed off once more since the last call. */
  async backedOff(): Promise<void> {
    await until('back-off', () => this.#backoffs > 0);
    this.#backoffs = 0;
  }

  /** Sees also one that is over before any timer rings: the machine may be slow, and chance may have made it nothing. */
  async #seeBackoff(): Promise<void> {
    for (let turn = 0; turn < MICROTASKS_MAX && this.kind !== 'backoff'; turn++) await undefined;
    if (this.kind !== 'backoff') return;
    this.#backoffs++;
    this.#lastFailure = this.#failureNow();
  }

  /** Until it has looked, and has nothing to tell. */
  async watching(): Promise<void> {
    await until('the watch', () => this.kind === 'watching' || this.kind === 'polling');
  }

  async versionCount(count: number): Promise<void> {
    await until(`${count} versions`, () => this.versions.length >= count);
  }

  /** Until everything that is due has been looked at once. */
  async tick(): Promise<void> {
    await this.alarms.wait(1, new AbortController().signal);
  }

  async dispose(): Promise<void> {
    await this.watch.stop();
    this.alarms.stop();
    this.#pool.stop();
  }

  #newWatch(): Watch {
    const { rules, address } = this.#options;
    return new Watch(this.account, {
      rules: { ...RULES, ...rules },
      open: this.#open,
      egress: async () => ({ ok: true, address }),
      pool: this.#pool,
      notifier: {
        notify: async (endpoint, version) => {
          const list = endpoint === LIVE_ENDPOINT ? this.versions : this.stateVersions;
          if (this.outcome.kind === 'accepted') list.push(version);
          return this.outcome;
        },
      },
      alarms: this.alarms,
      credentialsOf: (_, refused) => this.credentials(refused),
      save: async (progress) => {
        this.account = { ...this.account, progress };
      },
      onEnded: (reason) => this.ended.push(reason),
      metrics: createMailMetrics(),
      clock: this.clock,
      // Asked at each failure, just before the state that follows is entered.
      random: () => {
        void this.#seeBackoff();
        return Math.random();
      },
      log: quietLog,
    });
  }
}
