/**
 * The mail watch behind its RPC: registers, defers and stops accounts, whose watches run while this backend holds the lease. Every answer
 * comes after what it says is durable. Calls for one account run one after the other; a hundred registrations of one endpoint at once
 * leave one watch and one record.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { AccountId } from './account.ts';
import type { AccountSecret, StoredAccount } from './accounts/records.ts';
import { AccountsUnavailableError } from './accounts.ts';
import type { Kept, KeptAccounts } from './kept-accounts.ts';
import type { Notifier } from './notifier.ts';
import { isOutage } from './outage.ts';
import {
  isOutdated,
  type OpenedRegistration,
  openRegistration,
  type SealingKeys,
  secretOf,
} from './registration.ts';
import type { Answer, MailService, Refusal, RegisterRequest, Requests } from './rpc/methods.ts';
import { accountIdOf, accountOfToken, isTokenOf, newWatchToken } from './tokens.ts';
import type { RunningWatch, Watches } from './watches.ts';

export interface BackendLimits {
  readonly accountsMax: number;
  /** How old an envelope may be. */
  readonly sealedAgeMsMax: number;
  /** What a caller is told to wait while we cannot promise anything. */
  readonly retryAfterMs: number;
}

export interface BackendDeps {
  readonly kept: KeptAccounts;
  readonly watches: Watches;
  readonly notifier: Pick<Notifier, 'check'>;
  readonly sealingKeys: SealingKeys;
  readonly onRegistered: () => void;
  /** A device has stopped its watch. */
  readonly onStopped: () => void;
  readonly limits: BackendLimits;
  readonly clock: Clock;
  readonly log: Log;
}

/** What gates ask of this backend. */
export function createBackend(deps: BackendDeps): MailService {
  return new MailBackendCore(deps).service;
}

class MailBackendCore {
  readonly #deps: BackendDeps;
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
      alive: async () => ({ ok: true, reply: { watches: deps.watches.size } }),
    };
  }

  #register(request: RegisterRequest): Promise<Answer<'register'>> {
    const { lead, turns } = this.#deps.watches;
    return turns.take(accountIdOf(request.endpoint), async (id) => {
      const { kept, limits } = this.#deps;
      const { sealedAgeMsMax } = limits;
      const opened = await openRegistration(request, { ...this.#deps, sealedAgeMsMax });
      if (opened.kind === 'unavailable' || lead.aborted) return this.#unavailable();
      if (opened.kind === 'invalid') return refused(opened);
      const older = kept.get(id);
      const refusal = this.#refusalOf(opened, older);
      if (refusal !== undefined) return refused(refusal);
      const found = older === undefined ? undefined : await kept.secretOf(id);
      const olderSecret = found?.kind === 'opened' ? found.secret : undefined;
      const secret = secretOf(request, opened.credentials, { older, olderSecret });
      const { token, hash } = newWatchToken(id);
      const nowMs = this.#deps.clock.nowMs();
      const stored = storedOf(request, { id, tokenHash: hash, secret, older, opened, nowMs });
      await this.#replace(
        { stored, secret },
        older && olderSecret && { stored: older, secret: olderSecret },
        lead,
      );
      this.#deps.onRegistered();
      return { ok: true, reply: { token } };
    });
  }

  /** Why what was opened is not registered, whatever it says. */
  #refusalOf(
    { sealedAtMs }: Pick<Opened, 'sealedAtMs'>,
    older: StoredAccount | undefined,
  ): Refusal | undefined {
    const { limits, watches } = this.#deps;
    if (older !== undefined) return isOutdated(sealedAtMs, older) ? OUTDATED : undefined;
    if (watches.size < limits.accountsMax) return undefined;
    return { kind: 'throttled', retryAfterMs: limits.retryAfterMs };
  }

  /** Ends the watch of `older` and begins that of `next`, once it is kept. When it cannot be kept, what was promised before goes on. */
  async #replace(next: Kept, older: Kept | undefined, lead: AbortSignal): Promise<void> {
    const { watches, kept } = this.#deps;
    await watches.end(next.stored.id);
    try {
      await kept.keep(next);
    } catch (error) {
      if (older !== undefined && !lead.aborted) {
        await this.#putBack(older);
        watches.begin(older);
      }
      throw error;
    }
    if (lead.aborted) throw new AccountsUnavailableError('another backend watches');
    watches.begin(next);
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
      await this.#deps.watches.end(id);
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
    const { watches, kept } = this.#deps;
    return watches.turns.take(named, async (id) => {
      const stored = kept.get(id);
      if (stored === undefined) return refused({ kind: 'unknown' });
      if (!isTokenOf(token, stored.tokenHash)) return refused({ kind: 'unauthorized' });
      return await work(stored, watches.get(id));
    });
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

type Opened = Extract<OpenedRegistration, { kind: 'opened' }>;

/** The record of a new registration. */
function storedOf(
  { maxPollMs, waitMs }: RegisterRequest,
  given: {
    readonly id: AccountId;
    readonly tokenHash: string;
    readonly secret: AccountSecret;
    readonly older: StoredAccount | undefined;
    readonly opened: Opened;
    readonly nowMs: number;
  },
): StoredAccount {
  const { id, tokenHash, secret, older, opened, nowMs } = given;
  const { generation, folders } = secret;
  const { sealedAtMs } = opened;
  const lastVersion = older?.progress.lastVersion;
  return {
    ...{ id, tokenHash, generation, maxPollMs },
    seenAtMs: nowMs,
    // A clock that is ahead today and right tomorrow must lock no device out; and who is a minute late takes nobody further back.
    ...(sealedAtMs === undefined
      ? {}
      : { sealedAtMs: Math.max(older?.sealedAtMs ?? 0, Math.min(sealedAtMs, nowMs)) }),
    notBeforeMs: nowMs + waitMs,
    // Versions go on growing whatever mailbox it was before.
    progress: { folders, told: 'none', ...(lastVersion === undefined ? {} : { lastVersion }) },
  };
}

const OUTDATED = {
  kind: 'invalid',
  fields: [{ field: 'sealed', expected: 'credentials sealed after those that are registered' }],
} as const satisfies Refusal;

function refused(refusal: Refusal): { readonly ok: false; readonly refusal: Refusal } {
  return { ok: false, refusal };
}
