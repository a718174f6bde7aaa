/** The watches that run while this backend holds the lease: one for each account, begun over a ramp, ended with the lease. */
import type { Log } from '../log.ts';
import type {
  Account,
  AccountId,
  Credentials,
  StopReason,
  WatchProgress,
  WatchReport,
  WatchState,
} from './account.ts';
import { toAccount } from './accounts/records.ts';
import type { Kept, KeptAccounts } from './kept-accounts.ts';
import type { MailResult } from './mailbox.ts';
import type { FreshCredentials } from './oauth.ts';
import { isOutage } from './outage.ts';
import { inRamp, type Ramp } from './ramp.ts';
import { Turns } from './turns.ts';

/** What a running watch can be asked. */
export interface RunningWatch {
  /** With the device's last word. */
  readonly account: Account;
  readonly state: WatchState;
  report(): WatchReport;
  start(): void;
  defer(untilMs: number, seenAtMs: number): void;
  /** Leaves the connection, and goes on where it was: with another one, when it may have one. */
  letGo(): void;
  /** As `letGo`, and what the last failures led to is forgotten. A device's deferral still counts. */
  rearm(): void;
  stop(): Promise<void>;
}

/** What a watch needs of us. */
export interface WatchHooks {
  /** `refused` are those that the server has just refused. */
  readonly credentialsOf: (
    account: Account,
    refused?: Credentials,
  ) => Promise<MailResult<Credentials>>;
  readonly save: (progress: WatchProgress) => Promise<void>;
  readonly onEnded: (reason: StopReason) => void;
}

export interface WatchesDeps {
  readonly kept: KeptAccounts;
  readonly freshOauth: FreshCredentials;
  readonly createWatch: (account: Account, hooks: WatchHooks) => RunningWatch;
  /** What restarted watches begin spread over. */
  readonly ramp: Omit<Ramp, 'signal'>;
  readonly log: Log;
}

/** One per backend. */
export class Watches {
  readonly #deps: WatchesDeps;
  readonly #running = new Map<AccountId, RunningWatch>();
  /** Aborted when the lease is lost or given back: nothing that was begun before may begin a watch or write a secret after. */
  #lead = new AbortController();
  /** Of calls and endings: what is done to one account is done one after the other. */
  readonly turns = new Turns();

  constructor(deps: WatchesDeps) {
    this.#deps = deps;
  }

  /** Aborted when the lease, under which it was asked for, is lost or given back. */
  get lead(): AbortSignal {
    return this.#lead.signal;
  }

  get size(): number {
    return this.#running.size;
  }

  get(id: AccountId): RunningWatch | undefined {
    return this.#running.get(id);
  }

  /** All of them, in the order in which they came. */
  all(): Iterable<RunningWatch> {
    return this.#running.values();
  }

  /** How many are in each state. */
  counts(): ReadonlyMap<WatchState['kind'], number> {
    const counts = new Map<WatchState['kind'], number>();
    for (const { state } of this.#running.values()) {
      counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1);
    }
    return counts;
  }

  /** Begins one for every account that is kept, spread over the ramp. Call it when the lease was taken. */
  async startAll(): Promise<void> {
    const { kept, ramp, log } = this.#deps;
    this.#lead = new AbortController();
    const { signal } = this.#lead;
    const { whole, broken } = await kept.recover();
    for (const account of broken) log.error({ account }, 'mail.vault.secret_broken');
    const created = whole.map((one) => this.#create(one));
    const start = (watch: RunningWatch) => {
      if (this.#running.get(watch.account.id) === watch) watch.start();
    };
    void inRamp(created, start, { ...ramp, signal });
    log.info({ accounts: whole.length, rampMs: ramp.rampMs }, 'mail.watches.started');
  }

  /** Ends every one; the accounts stay. Call it when the lease is lost or given back. */
  async stopAll(): Promise<void> {
    this.#lead.abort();
    // What a watch has just told is saved before it ends, so the watches are known until then.
    await Promise.all([...this.#running.values()].map((watch) => watch.stop()));
    this.#running.clear();
    await this.turns.settled();
  }

  /** Begins one for an account that is kept, at once. */
  begin(kept: Kept): void {
    this.#create(kept).start();
  }

  /** Ends the account's, if it has one. */
  async end(id: AccountId): Promise<void> {
    const watch = this.#running.get(id);
    this.#running.delete(id);
    await watch?.stop();
  }

  #create({ stored, secret }: Kept): RunningWatch {
    const { id } = stored;
    const { createWatch, kept } = this.#deps;
    const lead = this.#lead.signal;
    const watch = createWatch(toAccount(stored, secret), {
      credentialsOf: (_, refused) => this.#credentialsOf(id, secret.generation, refused),
      save: (progress) =>
        kept.change(id, (current) => {
          // Stopped or registered anew meanwhile: what this watch has found belongs to nobody any more.
          if (current === undefined || this.#running.get(id) !== watch) return current;
          return { ...current, generation: secret.generation, progress };
        }),
      onEnded: (reason) => this.#onEnded(watch, reason, lead),
    });
    this.#running.set(id, watch);
    return watch;
  }

  /** Erases the account of a watch that has ended by itself. */
  #onEnded(watch: RunningWatch, reason: StopReason, lead: AbortSignal): void {
    const { kept, log } = this.#deps;
    const { id } = watch.account;
    void this.turns
      .take(id, async () => {
        if (lead.aborted || this.#running.get(id) !== watch) return;
        this.#running.delete(id);
        await kept.forget(id);
      })
      .catch((err: unknown) => log.error({ account: id, err }, 'mail.account.not_erased'));
    log.info({ account: id, reason }, 'mail.watch.ended');
  }

  /** Those of this very registration: of another one they may be for another server. */
  async #credentialsOf(
    id: AccountId,
    generation: string,
    refused?: Credentials,
  ): Promise<MailResult<Credentials>> {
    const { kept, freshOauth, log } = this.#deps;
    try {
      const found = await kept.secretOf(id);
      if (found.kind !== 'opened' || found.secret.generation !== generation) return GONE;
      const { credentials } = found.secret;
      if (credentials.kind === 'forgotten') return GONE;
      if (credentials.kind === 'password') return { ok: true, value: credentials };
      return await freshOauth(id, credentials, refused);
    } catch (error) {
      if (!isOutage(error)) throw error;
      log.warn({ account: id, err: error }, 'mail.vault.unavailable');
      return { ok: false, failure: { kind: 'network', detail: 'the vault does not work' } };
    }
  }
}

const GONE = {
  ok: false,
  failure: { kind: 'auth', detail: 'the credentials are gone: register again' },
} as const;
