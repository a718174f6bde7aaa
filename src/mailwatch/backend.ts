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
import { type StoredAccount, toAccount } from './accounts/records.ts';
import { AccountsUnavailableError } from './accounts.ts';
import type { Kept, KeptAccounts } from './kept-accounts.ts';
import type { MailResult } from './mailbox.ts';
import type { Notifier } from './notifier.ts';
import type { FreshCredentials } from './oauth.ts';
import { openRegistration, type SealingKeys, secretOf } from './registration.ts';
import type { Answer, MailService, Refusal, RegisterRequest, Requests } from './rpc/methods.ts';
import { accountIdOf, accountOfToken, isTokenOf, newWatchToken } from './tokens.ts';
import { VaultKeyError, VaultUnavailableError } from './vault.ts';

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
  readonly kept: KeptAccounts;
  readonly notifier: Pick<Notifier, 'check'>;
  readonly sealingKeys: SealingKeys;
  readonly freshOauth: FreshCredentials;
  readonly createWatch: (account: Account, hooks: WatchHooks) => RunningWatch;
  readonly wait: (waitMs: number, signal: AbortSignal) => Promise<void>;
  readonly onRegistered: () => void;
  /** A device has stopped its watch. */
  readonly onStopped: () => void;
  readonly limits: BackendLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** Shortest wait between two starts of a ramp: below it several watches begin together. */
const RAMP_STEP_MS_MIN = 10;

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
  /** Aborted when the lease is lost or given back: nothing that was begun before may begin a watch or write a secret after. */
  #lead = new AbortController();
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
    const { kept, limits, log } = this.#deps;
    this.#lead = new AbortController();
    const { whole, broken } = await kept.recover();
    for (const account of broken) log.error({ account }, 'mail.vault.secret_broken');
    for (const one of whole) this.#createWatch(one);
    void this.#startInTurn([...this.#watches], this.#lead.signal);
    log.info({ accounts: whole.length, rampMs: limits.rampMs }, 'mail.watches.started');
  }

  /** Evenly over the ramp, not by chance: the ramp is a promise to the providers. Never rejects. */
  async #startInTurn(
    watches: readonly (readonly [AccountId, RunningWatch])[],
    signal: AbortSignal,
  ): Promise<void> {
    const { wait, limits } = this.#deps;
    let owedMs = 0;
    for (const [id, watch] of watches) {
      if (signal.aborted) return;
      if (this.#watches.get(id) === watch) watch.start();
      owedMs += limits.rampMs / watches.length;
      if (owedMs < RAMP_STEP_MS_MIN) continue;
      await wait(owedMs, signal);
      owedMs = 0;
    }
  }

  async stopAll(): Promise<void> {
    this.#lead.abort();
    // What a watch has just told is saved before it ends, so the watches are known until then.
    await Promise.all([...this.#watches.values()].map((watch) => watch.stop()));
    this.#watches.clear();
    await Promise.allSettled(this.#turns.values());
  }

  async keepCredentials(id: AccountId, credentials: Credentials): Promise<void> {
    // Stopped meanwhile: what was erased must not come back.
    if (this.#watches.has(id)) await this.#deps.kept.keepCredentials(id, credentials);
  }

  counts(): ReadonlyMap<WatchState['kind'], number> {
    const counts = new Map<WatchState['kind'], number>();
    for (const { state } of this.#watches.values()) {
      counts.set(state.kind, (counts.get(state.kind) ?? 0) + 1);
    }
    return counts;
  }

  #register(request: RegisterRequest): Promise<Answer<'register'>> {
    const lead = this.#lead.signal;
    return this.#inTurn(accountIdOf(request.endpoint), async (id) => {
      const { limits, kept, clock } = this.#deps;
      const opened = await openRegistration(request, this.#deps);
      if (opened.kind === 'unavailable' || lead.aborted) return this.#unavailable();
      if (opened.kind === 'invalid') return refused(opened);
      const older = kept.get(id);
      if (older === undefined && this.#watches.size >= limits.accountsMax) {
        return refused({ kind: 'throttled', retryAfterMs: limits.retryAfterMs });
      }
      const found = older === undefined ? undefined : await kept.secretOf(id);
      const olderSecret = found?.kind === 'opened' ? found.secret : undefined;
      const secret = secretOf(request, opened.credentials, { older, olderSecret });
      const nowMs = clock.nowMs();
      const { token, hash } = newWatchToken(id);
      const { maxPollMs, waitMs } = request;
      const { folders, generation } = secret;
      const lastVersion = older?.progress.lastVersion;
      const stored: StoredAccount = {
        ...{ id, tokenHash: hash, generation, maxPollMs },
        seenAtMs: nowMs,
        notBeforeMs: nowMs + waitMs,
        // Versions go on growing whatever mailbox it was before.
        progress: { folders, told: 'none', ...(lastVersion === undefined ? {} : { lastVersion }) },
      };
      await this.#replace(
        { stored, secret },
        older && olderSecret && { stored: older, secret: olderSecret },
        lead,
      );
      this.#deps.onRegistered();
      return { ok: true, reply: { token } };
    });
  }

  /** Ends the watch of `older` and begins that of `next`, once it is kept. When it cannot be kept, what was promised before goes on. */
  async #replace(next: Kept, older: Kept | undefined, lead: AbortSignal): Promise<void> {
    await this.#endWatch(next.stored.id);
    try {
      await this.#deps.kept.keep(next);
    } catch (error) {
      if (older !== undefined && !lead.aborted) {
        await this.#putBack(older);
        this.#createWatch(older).start();
      }
      throw error;
    }
    if (lead.aborted) throw new AccountsUnavailableError('another backend watches');
    this.#createWatch(next).start();
  }

  /** Never rejects: a watch whose credentials have been replaced says that they are gone, and uses no others. */
  async #putBack({ stored, secret }: Kept): Promise<void> {
    try {
      await this.#deps.kept.keepSecret(stored.id, secret);
    } catch (err) {
      this.#deps.log.warn({ account: stored.id, err }, 'mail.vault.unavailable');
    }
  }

  #defer({ token, waitMs }: Requests['defer']): Promise<Answer<'defer'>> {
    return this.#withToken(token, async (stored, watch) => {
      if (watch === undefined) return this.#unavailable();
      const nowMs = this.#deps.clock.nowMs();
      const untilMs = nowMs + waitMs;
      await this.#deps.kept.change(
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
      await this.#deps.kept.forget(id);
      this.#deps.onStopped();
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
      const stored = this.#deps.kept.get(id);
      if (stored === undefined) return refused({ kind: 'unknown' });
      if (!isTokenOf(token, stored.tokenHash)) return refused({ kind: 'unauthorized' });
      return await work(stored, this.#watches.get(id));
    });
  }

  #createWatch({ stored, secret }: Kept): RunningWatch {
    const { id } = stored;
    const { createWatch, kept, log } = this.#deps;
    const lead = this.#lead.signal;
    const watch = createWatch(toAccount(stored, secret), {
      credentialsOf: (_, refused) => this.#credentialsOf(id, secret.generation, refused),
      save: (progress) =>
        kept.change(id, (current) => {
          // Stopped or registered anew meanwhile: what this watch has found belongs to nobody any more.
          if (current === undefined || this.#watches.get(id) !== watch) return current;
          return { ...current, generation: secret.generation, progress };
        }),
      onEnded: (reason) => {
        void this.#inTurn(id, async () => {
          if (lead.aborted || this.#watches.get(id) !== watch) return;
          this.#watches.delete(id);
          await kept.forget(id);
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

  /** Those of this very registration: of another one they may be for another server. */
  async #credentialsOf(
    id: AccountId,
    generation: string,
    refused?: Credentials,
  ): Promise<MailResult<Credentials>> {
    try {
      const found = await this.#deps.kept.secretOf(id);
      if (found.kind !== 'opened' || found.secret.generation !== generation) {
        return { ok: false, failure: { kind: 'auth', detail: 'the credentials are gone' } };
      }
      const { credentials } = found.secret;
      if (credentials.kind === 'password') return { ok: true, value: credentials };
      return await this.#deps.freshOauth(id, credentials, refused);
    } catch (error) {
      if (!isOutage(error)) throw error;
      this.#deps.log.warn({ account: id, err: error }, 'mail.vault.unavailable');
      return { ok: false, failure: { kind: 'network', detail: 'the vault does not work' } };
    }
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
    if (!this.#deps.kept.isHeld) return this.#unavailable();
    try {
      return await work();
    } catch (error) {
      if (!isOutage(error)) throw error;
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

/** The disk, the lease or the keys are not as they must be; nothing was promised. */
function isOutage(error: unknown): boolean {
  return (
    error instanceof VaultUnavailableError ||
    error instanceof VaultKeyError ||
    error instanceof AccountsUnavailableError
  );
}
