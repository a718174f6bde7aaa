/**
 * The mail watch behind its RPC: registers, defers and stops accounts, and runs a watch for each while this backend holds the lease.
 * Every answer comes after what it says is durable. Calls for one account run one after the other; a hundred registrations of one endpoint
 * at once leave one watch and one record.
 */
import type { Clock } from '../clock.ts';
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
import { type AccountSecret, type StoredAccount, toAccount } from './accounts/records.ts';
import { type Accounts, AccountsUnavailableError } from './accounts.ts';
import type { MailResult } from './mailbox.ts';
import type { Notifier } from './notifier.ts';
import type { FreshCredentials } from './oauth.ts';
import { openRegistration, progressOf, type SealingKeys } from './registration.ts';
import type { Answer, MailService, Refusal, RegisterRequest, Requests } from './rpc/methods.ts';
import { accountIdOf, accountOfToken, isTokenOf, newWatchToken } from './tokens.ts';
import { type Vault, VaultUnavailableError } from './vault.ts';

/** What a running watch can be asked. */
export interface RunningWatch {
  readonly state: WatchState;
  report(): WatchReport;
  start(): void;
  defer(untilMs: number, seenAtMs: number): void;
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

export interface BackendLimits {
  readonly accountsMax: number;
  /** Restarted watches begin spread over this time. */
  readonly rampMs: number;
  /** What a caller is told to wait while we cannot promise anything. */
  readonly retryAfterMs: number;
}

export interface BackendDeps {
  readonly accounts: Accounts;
  readonly vault: Vault;
  readonly notifier: Pick<Notifier, 'check'>;
  readonly sealingKeys: SealingKeys;
  readonly freshOauth: FreshCredentials;
  readonly createWatch: (account: Account, hooks: WatchHooks) => RunningWatch;
  readonly wait: (waitMs: number, signal: AbortSignal) => Promise<void>;
  readonly onRegistered: () => void;
  readonly limits: BackendLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** The backend while it is open. */
export interface Backend {
  readonly service: MailService;
  /** Begins a watch for every account, spread over the ramp. Call it when the lease was taken. */
  startAll(): Promise<void>;
  /** Stops every watch; the accounts stay. Call it when the lease is lost or given back. */
  stopAll(): Promise<void>;
  /** Keeps credentials that the provider has renewed. @throws VaultUnavailableError */
  keepCredentials(id: AccountId, credentials: Credentials): Promise<void>;
  /** How many watches are in each state. */
  counts(): ReadonlyMap<WatchState['kind'], number>;
}

export function createBackend(deps: BackendDeps): Backend {
  return new MailBackendCore(deps);
}

class MailBackendCore implements Backend {
  readonly #deps: BackendDeps;
  readonly #watches = new Map<AccountId, RunningWatch>();
  /** The last call of each account that has one under way. */
  readonly #turns = new Map<AccountId, Promise<unknown>>();
  #ramp = new AbortController();
  readonly service: MailService;

  constructor(deps: BackendDeps) {
    this.#deps = deps;
    this.service = {
      register: (request) => this.#guarded(() => this.#register(request)),
      defer: (request) => this.#guarded(() => this.#defer(request)),
      stop: (request) => this.#guarded(() => this.#stop(request)),
      status: (request) => this.#guarded(() => this.#status(request)),
      key: async () => {
        const [{ id: keyId, key }] = deps.sealingKeys;
        return { ok: true, reply: { keyId, publicKey: key.publicKey } };
      },
      alive: async () => ({ ok: true, reply: { watches: this.#watches.size } }),
    };
  }

  async startAll(): Promise<void> {
    const { accounts, vault, wait, limits, log } = this.#deps;
    this.#ramp = new AbortController();
    const { signal } = this.#ramp;
    const stored = [...accounts.list()];
    const known = new Set(stored.map(({ id }) => id));
    // A registration that died between its two writes has left a secret that nobody has been promised.
    for (const id of await vault.list()) if (!known.has(id)) await vault.erase(id);
    for (const [index, account] of stored.entries()) {
      const secret = await this.#secretOf(account.id);
      if (secret === undefined) {
        // A stop that died between its two writes: the device has asked for it.
        await accounts.update(account.id, () => undefined);
        continue;
      }
      const watch = this.#createWatch(toAccount(account, secret));
      // Evenly, not by chance: the ramp is a promise to the providers.
      const waitMs = Math.floor((limits.rampMs * index) / stored.length);
      void wait(waitMs, signal).then(() => {
        if (!signal.aborted && this.#watches.get(account.id) === watch) watch.start();
      });
    }
    log.info({ accounts: this.#watches.size, rampMs: limits.rampMs }, 'mail.watches.started');
  }

  async stopAll(): Promise<void> {
    this.#ramp.abort();
    // What a watch has just told is saved before it ends, so the watches are known until then.
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
    this.#watches.clear();
  }

  async keepCredentials(id: AccountId, credentials: Credentials): Promise<void> {
    const secret = await this.#secretOf(id);
    // Stopped meanwhile: what was erased must not come back.
    if (secret === undefined || !this.#watches.has(id)) return;
    await this.#deps.vault.put(id, JSON.stringify({ ...secret, credentials }));
  }

  counts(): ReadonlyMap<WatchState['kind'], number> {
    const counts = new Map<WatchState['kind'], number>();
    for (const { state } of this.#watches.values()) {
      counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1);
    }
    return counts;
  }

  #register(request: RegisterRequest): Promise<Answer<'register'>> {
    return this.#inTurn(accountIdOf(request.endpoint), async (id) => {
      const { limits, accounts, vault, clock } = this.#deps;
      const opened = await openRegistration(request, this.#deps);
      if (opened.kind === 'unavailable') return this.#unavailable();
      if (opened.kind === 'invalid') return refused(opened);
      const older = accounts.get(id);
      if (older === undefined && this.#watches.size >= limits.accountsMax) {
        return refused({ kind: 'throttled', retryAfterMs: limits.retryAfterMs });
      }
      const olderSecret = older && (await this.#secretOf(id));
      const nowMs = clock.nowMs();
      const { token, hash } = newWatchToken(id);
      const stored: StoredAccount = {
        id,
        tokenHash: hash,
        protocol: request.protocol,
        server: request.server,
        maxPollMs: request.maxPollMs,
        seenAtMs: nowMs,
        notBeforeMs: nowMs + request.waitMs,
        progress: progressOf(request, opened.secret, { older, olderSecret }),
      };
      await this.#endWatch(id);
      try {
        // The secret first: a record without its secret would be a watch that was stopped, a secret without its record is erased.
        await vault.put(id, JSON.stringify(opened.secret));
        await accounts.update(id, () => stored);
      } catch (error) {
        // Nothing was promised, and what was promised before goes on. It looks up its credentials whenever it connects.
        if (older && olderSecret) this.#createWatch(toAccount(older, olderSecret)).start();
        throw error;
      }
      this.#createWatch(toAccount(stored, opened.secret)).start();
      this.#deps.onRegistered();
      return { ok: true, reply: { token } };
    });
  }

  #defer({ token, waitMs }: Requests['defer']): Promise<Answer<'defer'>> {
    return this.#withToken(token, async (stored, watch) => {
      if (watch === undefined) return this.#unavailable();
      const nowMs = this.#deps.clock.nowMs();
      const untilMs = nowMs + waitMs;
      await this.#deps.accounts.update(
        stored.id,
        (current) => current && { ...current, seenAtMs: nowMs, notBeforeMs: untilMs },
      );
      watch.defer(untilMs, nowMs);
      return { ok: true, reply: { untilMs } };
    });
  }

  #stop({ token }: Requests['stop']): Promise<Answer<'stop'>> {
    // Also of an account whose watch has ended and could not be erased: the device asks until it is told that it is.
    return this.#withToken(token, async ({ id }) => {
      await this.#endWatch(id);
      await this.#forget(id);
      return { ok: true, reply: {} };
    });
  }

  #status({ token }: Requests['status']): Promise<Answer<'status'>> {
    return this.#withToken(token, async (_, watch) =>
      watch === undefined ? this.#unavailable() : { ok: true, reply: watch.report() },
    );
  }

  #withToken<Method extends 'defer' | 'stop' | 'status'>(
    token: string,
    work: (stored: StoredAccount, watch: RunningWatch | undefined) => Promise<Answer<Method>>,
  ): Promise<Answer<Method>> {
    const named = accountOfToken(token);
    if (named === undefined) return Promise.resolve(refused({ kind: 'unauthorized' }));
    return this.#inTurn(named, async (id) => {
      const stored = this.#deps.accounts.get(id);
      if (stored === undefined) return refused({ kind: 'unknown' });
      if (!isTokenOf(token, stored.tokenHash)) return refused({ kind: 'unauthorized' });
      return await work(stored, this.#watches.get(id));
    });
  }

  #createWatch(account: Account): RunningWatch {
    const { id } = account;
    const { createWatch, accounts, log } = this.#deps;
    const watch = createWatch(account, {
      credentialsOf: (_, refused) => this.#credentialsOf(id, refused),
      save: (progress) =>
        accounts.update(id, (current) => {
          // Stopped or registered anew meanwhile: what this watch has found belongs to nobody any more.
          if (current === undefined || this.#watches.get(id) !== watch) return current;
          return { ...current, progress };
        }),
      onEnded: (reason) => {
        void this.#inTurn(id, async () => {
          if (this.#watches.get(id) !== watch) return;
          this.#watches.delete(id);
          await this.#forget(id);
        }).catch((err: unknown) => log.error({ account: id, err }, 'mail.account.not_erased'));
        log.info({ account: id, reason }, 'mail.watch.ended');
      },
    });
    this.#watches.set(id, watch);
    return watch;
  }

  async #endWatch(id: AccountId): Promise<void> {
    const watch = this.#watches.get(id);
    this.#watches.delete(id);
    await watch?.stop();
  }

  /** The secret first: what the device asked for above all. A record that stays behind is removed at the next start. */
  async #forget(id: AccountId): Promise<void> {
    await this.#deps.vault.erase(id);
    await this.#deps.accounts.update(id, () => undefined);
  }

  async #credentialsOf(id: AccountId, refused?: Credentials): Promise<MailResult<Credentials>> {
    try {
      const secret = await this.#secretOf(id);
      if (secret === undefined) return { ok: false, failure: { kind: 'auth', detail: 'erased' } };
      const { credentials } = secret;
      if (credentials.kind === 'password') return { ok: true, value: credentials };
      return await this.#deps.freshOauth(id, credentials, refused);
    } catch (error) {
      if (!(error instanceof VaultUnavailableError)) throw error;
      this.#deps.log.warn({ account: id, err: error }, 'mail.vault.unavailable');
      return { ok: false, failure: { kind: 'network', detail: 'the vault does not work' } };
    }
  }

  async #secretOf(id: AccountId): Promise<AccountSecret | undefined> {
    const text = await this.#deps.vault.get(id);
    return text === undefined ? undefined : (JSON.parse(text) as AccountSecret);
  }

  /** Runs `work` when every earlier call of the account is over. */
  async #inTurn<T>(id: AccountId, work: (id: AccountId) => Promise<T>): Promise<T> {
    const before = this.#turns.get(id);
    const turn = (before ?? Promise.resolve()).then(
      () => work(id),
      () => work(id),
    );
    this.#turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    }
  }

  async #guarded<T extends { readonly ok: boolean }>(
    work: () => Promise<T>,
  ): Promise<T | { readonly ok: false; readonly refusal: Refusal }> {
    if (!this.#deps.accounts.isHeld) return this.#unavailable();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof VaultUnavailableError || error instanceof AccountsUnavailableError)) {
        throw error;
      }
      this.#deps.log.error({ err: error }, 'mail.backend.unavailable');
      return this.#unavailable();
    }
  }

  #unavailable() {
    return refused({ kind: 'unavailable', retryAfterMs: this.#deps.limits.retryAfterMs });
  }
}

function refused(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}
