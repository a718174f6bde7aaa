/** A watch with everything around it in the test's hand: time, chance, the mailbox, the endpoints, the accounts store. */
import { quietLog } from '../../../src/log.ts';
import type {
  Account,
  AccountId,
  Credentials,
  StopReason,
  WatchedFolder,
  WatchProgress,
  WatchState,
} from '../../../src/mailwatch/account.ts';
import type { EgressAnswer } from '../../../src/mailwatch/egress.ts';
import { createMailMetrics } from '../../../src/mailwatch/mail-metrics.ts';
import type { MailResult } from '../../../src/mailwatch/mailbox.ts';
import type { Notifier, NotifyOutcome } from '../../../src/mailwatch/notifier.ts';
import { Alarms } from '../../../src/mailwatch/watcher/alarms.ts';
import { Watch, type WatchDeps, type WatchRules } from '../../../src/mailwatch/watcher/watch.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { ScriptedMailbox } from './scripted-mailbox.ts';

export const ENDPOINT = 'http://push.test/update/news';
export const STATE_ENDPOINT = 'http://push.test/update/state';
export const PASSWORD: Credentials = { kind: 'password', username: 'ada', password: 'secret' };

export const RULES: WatchRules = {
  debounceMs: 2_000,
  idleMs: 1_500_000,
  idleGraceMs: 20_000,
  pollMs: 60_000,
  stableMs: 60_000,
  renewAheadMs: 300_000,
  backoffMinMs: 5_000,
  backoffMaxMs: 900_000,
  limitedMinMs: 60_000,
  authRetryMs: 3_600_000,
  authGiveUpMs: 259_200_000,
};

export interface RigOptions {
  readonly folders?: readonly WatchedFolder[];
  readonly stateEndpoint?: string | undefined;
  readonly maxPollMs?: number;
  readonly waitMs?: number;
  readonly host?: string;
}

interface Put {
  readonly endpoint: string;
  readonly version: number;
  readonly requestId: string;
}

/** Longer than any wait of the rules but a password's. */
export const HOUR_MS = 3_600_000;

export class WatchRig {
  readonly clock = new HandClock();
  readonly alarms = new Alarms(this.clock);
  readonly mailbox: ScriptedMailbox;
  /** PUTs that were accepted. */
  readonly puts: Put[] = [];
  readonly refusedPuts: Put[] = [];
  readonly ended: StopReason[] = [];
  readonly refusedCredentials: (Credentials | undefined)[] = [];
  /** Every kind of state that was seen, without repeats. */
  readonly states: WatchState['kind'][] = [];
  outcome: NotifyOutcome = { kind: 'accepted' };
  stateOutcome: NotifyOutcome = { kind: 'accepted' };
  /** What the push side does with a PUT. */
  notify: Notifier['notify'] = async (endpoint, version, requestId) => {
    await Promise.resolve();
    this.clock.moveMs(this.putMs);
    const outcome = endpoint === ENDPOINT ? this.outcome : this.stateOutcome;
    const list = outcome.kind === 'accepted' ? this.puts : this.refusedPuts;
    list.push({ endpoint, version, requestId });
    return outcome;
  };
  credentials: () => Promise<MailResult<Credentials>> = async () => ({ ok: true, value: PASSWORD });
  egress: EgressAnswer = { ok: true, address: '192.0.2.1' };
  /** So long the push side takes for each answer. */
  putMs = 0;
  readonly metrics = createMailMetrics();
  /** What was logged at `debug`, with its event. */
  readonly lines: object[] = [];
  chance = 0.5;
  isStoreAway = false;
  isPoolFull = false;
  slots = 0;
  /** What a restart finds. */
  account: Account;
  watch: Watch;

  constructor({
    folders = [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 10 } }],
    stateEndpoint = STATE_ENDPOINT,
    maxPollMs = 172_800_000,
    waitMs = 0,
    host = 'imap.example',
  }: RigOptions = {}) {
    this.mailbox = new ScriptedMailbox(
      { alarms: this.alarms, clock: this.clock },
      folders.map(({ name }) => name),
    );
    const nowMs = this.clock.nowMs();
    this.account = {
      id: '0123456789abcdef0123456789abcdef' as AccountId,
      endpoint: ENDPOINT,
      stateEndpoint,
      protocol: 'imap',
      server: { host, port: 993, security: 'tls' },
      maxPollMs,
      seenAtMs: nowMs,
      notBeforeMs: nowMs + waitMs,
      progress: { folders, told: 'none' },
    };
    this.watch = new Watch(this.account, this.#deps());
  }

  get versions(): readonly number[] {
    return this.#versionsOf(ENDPOINT);
  }

  get stateVersions(): readonly number[] {
    return this.#versionsOf(STATE_ENDPOINT);
  }

  async start(): Promise<this> {
    this.watch.start();
    await this.flush();
    return this;
  }

  /** The process is killed: nothing more is heard of the old watch, and a new one begins with what was kept. */
  async restart({ afterMs = 1_000 } = {}): Promise<void> {
    const kept = this.account;
    await this.watch.stop();
    this.account = kept;
    this.clock.moveMs(afterMs);
    this.watch = new Watch(this.account, this.#deps());
    await this.start();
  }

  /** Lets time pass in one leap, and whatever became due happen. */
  async leap(ms: number): Promise<void> {
    this.clock.moveMs(ms);
    await this.flush();
  }

  /** Lets time pass in steps, so that one thing can follow from another. */
  async pass(ms: number, stepMs = 1_000): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs)
      await this.leap(Math.min(stepMs, ms - passed));
  }

  /** Rings what is due, and waits until everything that follows at once has happened. */
  async flush(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) {
      this.clock.tick();
      await new Promise((resolve) => setImmediate(resolve));
      const { kind } = this.watch.state;
      if (this.states.at(-1) !== kind) this.states.push(kind);
    }
  }

  async stop(): Promise<void> {
    const stopped = this.watch.stop();
    await this.flush();
    await stopped;
  }

  #versionsOf(wanted: string): readonly number[] {
    return this.puts.filter(({ endpoint }) => endpoint === wanted).map(({ version }) => version);
  }

  #deps(): WatchDeps {
    return {
      rules: RULES,
      open: this.mailbox.open,
      egress: async () => this.egress,
      pool: {
        acquire: async (_host, signal) => {
          if (this.isPoolFull) await this.alarms.wait(Number.POSITIVE_INFINITY, signal);
          if (signal.aborted) return undefined;
          this.slots++;
          return { release: () => void this.slots-- };
        },
      },
      notifier: { notify: (...put) => this.notify(...put) },
      alarms: this.alarms,
      credentialsOf: (_, refused) => {
        this.refusedCredentials.push(refused);
        return this.credentials();
      },
      save: async (progress: WatchProgress) => {
        await Promise.resolve();
        if (this.isStoreAway) throw new Error('the store is away');
        this.account = { ...this.account, progress };
      },
      onEnded: (reason) => this.ended.push(reason),
      metrics: this.metrics,
      clock: this.clock,
      random: () => this.chance,
      log: { ...quietLog, debug: (fields, event) => this.lines.push({ event, ...fields }) },
    };
  }
}
