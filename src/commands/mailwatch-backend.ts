/** The accounts, the watches and those who ask of them, put together. */
import { unreachable } from '../assert.ts';
import type { Config } from '../config/config.ts';
import type { Account, StopReason } from '../mailwatch/account.ts';
import type { Accounts } from '../mailwatch/accounts.ts';
import { EasWatch } from '../mailwatch/activesync/eas-watch.ts';
import { createBackend } from '../mailwatch/backend.ts';
import { KeptAccounts } from '../mailwatch/kept-accounts.ts';
import { createOauth } from '../mailwatch/oauth.ts';
import { Operators } from '../mailwatch/operators.ts';
import type { SealingKeys } from '../mailwatch/registration.ts';
import type { MailService } from '../mailwatch/rpc/methods.ts';
import { type Vault, VaultKeyError } from '../mailwatch/vault.ts';
import { Watch, type WatchRules } from '../mailwatch/watcher/watch.ts';
import { type RunningWatch, Watches, type WatchHooks } from '../mailwatch/watches.ts';
import { loadMasterKeys } from './mail-keys.ts';
import type { Parts } from './mailwatch-parts.ts';
import { RefusedConfigError, type RoleDeps } from './role.ts';

/** What the backend is put together of. */
export interface BackendParts extends Parts {
  readonly vault: Vault;
  readonly accounts: Accounts;
  readonly sealingKeys: SealingKeys;
  readonly ca: string | undefined;
}

/** The backend, as gates, the lease and operators see it. */
export interface MailBackend {
  readonly service: MailService;
  readonly watches: Watches;
  readonly operators: Operators;
}

/** Begins no watch. */
export function createMailBackend(deps: RoleDeps, parts: BackendParts): MailBackend {
  const { config, clock, log } = deps;
  const { mailwatch } = config;
  const { alarms, egress, notifier, vault, accounts, sealingKeys, ca, metrics, pool } = parts;
  const kept = new KeptAccounts(accounts, vault, mailwatch.credentials);
  const ramp = {
    rampMs: mailwatch.rampMs,
    wait: (waitMs: number, signal: AbortSignal) => alarms.wait(waitMs, signal),
  };
  const freshOauth = createOauth({
    options: {
      requestMsMax: mailwatch.commandTimeoutMs,
      refreshAheadMs: mailwatch.oauthRefreshAheadMs,
      ca,
    },
    egress,
    clock,
    keep: async (id, credentials) => {
      // Stopped meanwhile: what was erased must not come back.
      if (watches.get(id) !== undefined) await kept.keepCredentials(id, credentials);
    },
  });
  const watches = new Watches({
    ...{ kept, freshOauth, ramp, log },
    createWatch: (account, hooks) => createWatch(account, hooks, { config, clock, log, parts }),
  });
  const loadKeys = async () => {
    try {
      return await loadMasterKeys(mailwatch);
    } catch (error) {
      if (!(error instanceof RefusedConfigError)) throw error;
      throw new VaultKeyError(error.message, { cause: error });
    }
  };
  const operators = new Operators({
    ...{ watches, kept, pool, notifier, ramp, loadKeys, clock, log },
  });
  const service = createBackend({
    ...{ kept, watches, notifier, sealingKeys, clock, log },
    limits: {
      accountsMax: mailwatch.accountsMax,
      sealedAgeMsMax: mailwatch.sealedAgeMsMax,
      retryAfterMs: mailwatch.retryAfterMs,
    },
    onStopped: () => {
      metrics.ended.device.count++;
    },
    onRegistered: () => {
      metrics.registered.count++;
    },
  });
  return { service, watches, operators };
}

/** The watcher of the account's protocol. */
function createWatch(
  account: Account,
  hooks: WatchHooks,
  { config, clock, log, parts }: RoleDeps & { readonly parts: Parts },
): RunningWatch {
  const { open, ask, egress, pool, notifier, alarms, metrics } = parts;
  const deps = {
    ...{ egress, pool, notifier, alarms, clock, log, random: Math.random },
    ...hooks,
    rules: rulesOf(config.mailwatch),
    metrics,
    onEnded: (reason: StopReason) => {
      metrics.ended[reason].count++;
      hooks.onEnded(reason);
    },
  };
  switch (account.protocol) {
    case 'imap':
      return new Watch(account, { ...deps, open });
    case 'activesync':
      return new EasWatch(account, { ...deps, ask });
    default:
      return unreachable(account.protocol);
  }
}

function rulesOf(mailwatch: Config['mailwatch']): WatchRules {
  const { oauthRefreshAheadMs: renewAheadMs } = mailwatch;
  return { ...mailwatch, renewAheadMs };
}
