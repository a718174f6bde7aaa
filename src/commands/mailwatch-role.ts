/** The mail watch put together: accounts, vault, watches, and the RPC by which the gate reaches them. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createMailPrometheus } from '../admin/mail-prometheus.ts';
import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { failureText } from '../config/problem.ts';
import type { Account, StopReason } from '../mailwatch/account.ts';
import { type Accounts, AccountsFormatError, openAccounts } from '../mailwatch/accounts.ts';
import { EasWatch } from '../mailwatch/activesync/eas-watch.ts';
import { type AskExchange, createAskExchange } from '../mailwatch/activesync.ts';
import {
  type Backend,
  createBackend,
  type RunningWatch,
  type WatchHooks,
} from '../mailwatch/backend.ts';
import { type Network, parseNetwork } from '../mailwatch/egress/addresses.ts';
import { resolveByDns } from '../mailwatch/egress/resolve.ts';
import { createEgress, type Egress } from '../mailwatch/egress.ts';
import { createOpenMail } from '../mailwatch/imap.ts';
import { KeptAccounts } from '../mailwatch/kept-accounts.ts';
import { type Leadership, seekLeadership } from '../mailwatch/leadership.ts';
import { createMailMetrics, type MailMetrics, WATCH_STATES } from '../mailwatch/mail-metrics.ts';
import type { OpenMail } from '../mailwatch/mailbox.ts';
import { createNotifier, type Notifier } from '../mailwatch/notifier.ts';
import { createOauth } from '../mailwatch/oauth.ts';
import { createPool, type Pool } from '../mailwatch/pool.ts';
import { listenForGates, type RpcServer } from '../mailwatch/rpc/server.ts';
import { openVault, type Vault, VaultKeyError } from '../mailwatch/vault.ts';
import { Alarms } from '../mailwatch/watcher/alarms.ts';
import { Watch, type WatchRules } from '../mailwatch/watcher/watch.ts';
import { collectEarly } from './heap-tuning.ts';
import { loadMasterKeys, loadSealingKeys } from './mail-keys.ts';
import { rpcAddressOf, rpcLimitsOf } from './mail-rpc.ts';
import { type OpenRole, RefusedConfigError, type RoleDeps } from './role.ts';

const VAULT_FOLDER = 'vault';

/** Watches mailboxes and PUTs versions to endpoints. Only gates connect to it. */
export const openMailwatchRole: OpenRole = async (deps) => {
  collectEarly();
  const { mailwatch } = deps.config;
  if (mailwatch.endpointBases.length === 0) throw new RefusedConfigError([NO_BASES]);
  const keys = await loadMasterKeys(mailwatch);
  const sealingKeys = await loadSealingKeys(mailwatch);
  const ca = await readCa(mailwatch.caPath);
  const vault = await openVaultOrRefuse(join(mailwatch.path, VAULT_FOLDER), keys);
  const accounts = await openAccountsOrRefuse(mailwatch);
  const parts = createParts(deps, { ca });
  const backend = createMailBackend(deps, { ...parts, vault, accounts, sealingKeys, ca });
  return await serve(deps, { ...parts, vault, accounts, backend });
};

const NO_BASES = {
  key: 'mailwatch.endpoint_bases',
  expected:
    'the beginnings of the endpoints of your push server, such as "https://push.example/update/"',
  found: '[]',
};

interface Parts {
  readonly metrics: MailMetrics;
  readonly alarms: Alarms;
  readonly pool: Pool;
  readonly egress: Egress;
  readonly notifier: Notifier;
  readonly open: OpenMail;
  readonly ask: AskExchange;
}

function createParts({ config, clock }: RoleDeps, { ca }: { ca: string | undefined }): Parts {
  const { mailwatch } = config;
  const metrics = createMailMetrics();
  const alarms = new Alarms(clock);
  const open = createOpenMail({
    commandMsMax: mailwatch.commandTimeoutMs,
    responseBytesMax: mailwatch.responseBytesMax,
    ca,
    wait: (waitMs, signal) => alarms.wait(waitMs, signal),
    clock,
  });
  const ask = createAskExchange({
    stepMsMax: mailwatch.commandTimeoutMs,
    ca,
    wait: (waitMs, signal) => alarms.wait(waitMs, signal),
    clock,
  });
  return {
    metrics,
    alarms,
    pool: createPool(
      {
        connectionsMax: mailwatch.connectionsMax,
        connectionsPerHostMax: mailwatch.connectionsPerHostMax,
        loginsPerHostPerSecond: mailwatch.loginsPerHostPerSecondMax,
        loginsPerSecond: mailwatch.loginsPerSecondMax,
      },
      clock,
    ),
    egress: createEgress({
      rules: {
        allowedNetworks: networksOf(mailwatch.allowedNetworks),
        ports: mailwatch.allowedPorts.map(Number),
        resolveMsMax: mailwatch.resolveTimeoutMs,
      },
      resolve: resolveByDns,
    }),
    notifier: createNotifier({
      endpointBases: mailwatch.endpointBases,
      putMsMax: mailwatch.putTimeoutMs,
    }),
    open: async (target, signal) => {
      const opened = await open(target, signal);
      metrics.openings[opened.ok ? 'opened' : opened.failure.kind].count++;
      return opened;
    },
    ask: async (exchange, signal) => {
      const outcome = await ask(exchange, signal);
      // What we let go of says nothing of the server.
      if (signal.aborted) return outcome;
      metrics.openings[outcome.kind === 'failed' ? outcome.failure.kind : 'opened'].count++;
      return outcome;
    },
  };
}

interface BackendParts extends Parts {
  readonly vault: Vault;
  readonly accounts: Accounts;
  readonly sealingKeys: Awaited<ReturnType<typeof loadSealingKeys>>;
  readonly ca: string | undefined;
}

function createMailBackend({ config, clock, log }: RoleDeps, parts: BackendParts): Backend {
  const { mailwatch } = config;
  const { alarms, egress, notifier, vault, accounts, sealingKeys, ca, metrics } = parts;
  const freshOauth = createOauth({
    options: {
      requestMsMax: mailwatch.commandTimeoutMs,
      refreshAheadMs: mailwatch.oauthRefreshAheadMs,
      ca,
    },
    egress,
    clock,
    keep: (id, credentials) => backend.keepCredentials(id, credentials),
  });
  const backend = createBackend({
    kept: new KeptAccounts(accounts, vault),
    notifier,
    sealingKeys,
    freshOauth,
    createWatch: (account, hooks) => createWatch(account, hooks, { config, clock, log, parts }),
    wait: (waitMs, signal) => alarms.wait(waitMs, signal),
    limits: {
      accountsMax: mailwatch.accountsMax,
      rampMs: mailwatch.rampMs,
      retryAfterMs: mailwatch.retryAfterMs,
    },
    onStopped: () => {
      metrics.ended.device.count++;
    },
    onRegistered: () => {
      metrics.registered.count++;
    },
    clock,
    log,
  });
  return backend;
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

interface Serving extends Parts {
  readonly vault: Vault;
  readonly accounts: Accounts;
  readonly backend: Backend;
}

async function serve(deps: RoleDeps, parts: Serving) {
  const { config, log, clock } = deps;
  const { accounts, backend, alarms, pool, vault, metrics } = parts;
  const { mailwatch } = config;
  const address = await rpcAddressOf(mailwatch, 'mailwatch');
  let rpc: RpcServer | undefined;
  const leadership: Leadership = await seekLeadership({
    accounts,
    leaseMs: mailwatch.leaseMs,
    async onTaken() {
      const rotated = await vault.rotate();
      if (rotated > 0) log.info({ accounts: rotated }, 'mail.vault.rotated');
      await backend.startAll();
      // Only now: a gate that found us before would be told of watches that are not there.
      const service = { service: backend.service, limits: rpcLimitsOf(mailwatch), log };
      rpc = await listenForGates(address, service);
    },
    async onLost() {
      // At once: whatever keeps the one from ending, the watches must not go on without the lease.
      await Promise.all([backend.stopAll(), rpc?.close()]);
      rpc = undefined;
    },
    clock,
    log,
  });
  let isDraining = false;
  const health = () => {
    const { problem } = leadership;
    const reasons = [
      ...(isDraining ? ['the mail watch is shutting down'] : []),
      ...(problem === undefined ? [] : [`accounts: ${problem}`]),
    ];
    return { ready: reasons.length === 0, reasons };
  };
  const prometheus = createMailPrometheus({
    watches: Object.fromEntries(
      WATCH_STATES.map((state) => [state, () => backend.counts().get(state) ?? 0]),
    ),
    ...metrics,
    connections: () => pool.size,
    connectionsWaiting: () => pool.waiting,
    leading: () => leadership.isLeading,
    ready: () => health().ready,
  });
  return {
    urls: {},
    health,
    status: () => ({
      ...health(),
      leading: leadership.isLeading,
      watches: Object.fromEntries(backend.counts()),
      connections: { open: pool.size, waiting: pool.waiting },
    }),
    metrics: () => prometheus.json(),
    async stop() {
      isDraining = true;
      const inTime = await within(leadership.stop(), config.shutdown.deadlineMs, clock);
      pool.stop();
      alarms.stop();
      await accounts.close();
      return inTime;
    },
  };
}

/** Whether `work` was done before the deadline. */
async function within(work: Promise<void>, deadlineMs: number, clock: Clock): Promise<boolean> {
  const begunMs = clock.monotonicMs();
  let stop = () => {};
  const late = new Promise<boolean>((resolve) => {
    stop = clock.every(DEADLINE_CHECK_MS, () => {
      if (clock.monotonicMs() - begunMs >= deadlineMs) resolve(false);
    });
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    stop();
  }
}

const DEADLINE_CHECK_MS = 100;

/** Their form was checked with the config. */
function networksOf(texts: readonly string[]): readonly Network[] {
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}

async function readCa(path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const found = failureText(error);
    const expected = 'a PEM file that can be read';
    throw new RefusedConfigError([{ key: 'mailwatch.ca_path', expected, found }]);
  }
}

async function openVaultOrRefuse(
  path: string,
  keys: Awaited<ReturnType<typeof loadMasterKeys>>,
): Promise<Vault> {
  try {
    return await openVault(path, keys);
  } catch (error) {
    if (!(error instanceof VaultKeyError)) throw error;
    const expected = 'the keys that sealed the credentials';
    throw new RefusedConfigError([
      { key: 'mailwatch.master_key_path', expected, found: error.message },
    ]);
  }
}

async function openAccountsOrRefuse({
  path,
  accountsBytesMax,
}: Config['mailwatch']): Promise<Accounts> {
  try {
    return await openAccounts(path, accountsBytesMax);
  } catch (error) {
    if (!(error instanceof AccountsFormatError)) throw error;
    const expected = 'accounts of a format that this version knows';
    throw new RefusedConfigError([{ key: 'mailwatch.path', expected, found: error.message }]);
  }
}
