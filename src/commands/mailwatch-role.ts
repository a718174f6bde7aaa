/** The mail watch put together: accounts, vault, watches, the RPC by which the gate reaches them, and the operators' socket. */
import { join } from 'node:path';
import { createMailPrometheus } from '../admin/mail-prometheus.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Accounts } from '../mailwatch/accounts.ts';
import { type Leadership, seekLeadership } from '../mailwatch/leadership.ts';
import { WATCH_STATES } from '../mailwatch/mail-metrics.ts';
import { listenForOperators, type OperatorsListener } from '../mailwatch/operators/listener.ts';
import { createOperatorsRoutes } from '../mailwatch/operators/routes.ts';
import type { Operators } from '../mailwatch/operators.ts';
import { listenForGates } from '../mailwatch/rpc/server.ts';
import { collectEarly } from './heap-tuning.ts';
import { loadMasterKeys, loadSealingKeys } from './mail-keys.ts';
import { rpcAddressOf, rpcLimitsOf } from './mail-rpc.ts';
import { createMailBackend, type MailBackend } from './mailwatch-backend.ts';
import { openAccountsOrRefuse, openVaultOrRefuse, readCa } from './mailwatch-files.ts';
import { createParts, type Parts } from './mailwatch-parts.ts';
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
  return await serve(deps, { ...parts, ...backend, accounts });
};

const NO_BASES = {
  key: 'mailwatch.endpoint_bases',
  expected:
    'the beginnings of the endpoints of your push server, such as "https://push.example/update/"',
  found: '[]',
};

interface Serving extends Parts, MailBackend {
  readonly accounts: Accounts;
}

async function serve(deps: RoleDeps, parts: Serving) {
  const { config, log, clock } = deps;
  const { accounts, watches, operators, alarms, pool, metrics } = parts;
  const { mailwatch } = config;
  const address = await rpcAddressOf(mailwatch, 'mailwatch');
  let listeners: readonly { close(): Promise<void> }[] = [];
  const leadership: Leadership = await seekLeadership({
    accounts,
    leaseMs: mailwatch.leaseMs,
    async onTaken() {
      await operators.takeUp();
      await watches.startAll();
      // Only now: a gate that found us before would be told of watches that are not there.
      const service = { service: parts.service, limits: rpcLimitsOf(mailwatch), log };
      listeners = [await listenForGates(address, service)];
      const forOperators = await openForOperators(mailwatch.operatorsPath, operators, log);
      listeners = [...listeners, ...forOperators];
    },
    async onLost() {
      // At once: whatever keeps the one from ending, the watches must not go on without the lease.
      const open = listeners;
      listeners = [];
      await Promise.all([watches.stopAll(), ...open.map((listener) => listener.close())]);
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
      WATCH_STATES.map((state) => [state, () => watches.counts().get(state) ?? 0]),
    ),
    ...metrics,
    connections: () => pool.size,
    connectionsWaiting: () => pool.waiting,
    leading: () => leadership.isLeading,
    paused: () => operators.isPaused,
    ready: () => health().ready,
  });
  return {
    urls: {},
    health,
    status: () => ({
      ...health(),
      leading: leadership.isLeading,
      ...operators.report(),
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

/** None when the file cannot be had: that operators cannot ask is no reason to watch nothing. */
async function openForOperators(
  path: string,
  operators: Operators,
  log: Log,
): Promise<readonly OperatorsListener[]> {
  try {
    return [await listenForOperators(path, { answer: createOperatorsRoutes(operators), log })];
  } catch (err) {
    log.error({ err, path }, 'mail.operators.unavailable');
    return [];
  }
}
