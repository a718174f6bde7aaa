/** The kick role put together: store, queues and providers, and for each provider one worker. */
import { createHealth, type Health } from '../admin/health.ts';
import { createKickPrometheus } from '../admin/kick-prometheus.ts';
import type { Config } from '../config/config.ts';
import { type CredentialsWatch, watchCredentials } from '../kick/credentials-watch.ts';
import { createKickMetrics, type KickMetrics } from '../kick/kick-metrics.ts';
import type { KickProvider, ProviderName } from '../kick/provider.ts';
import { type QueueWatch, watchQueue } from '../kick/queue-watch.ts';
import { systemSleep } from '../kick/worker/bell.ts';
import type { AppOf } from '../kick/worker/gate.ts';
import type { KickSettings } from '../kick/worker/worker-deps.ts';
import { KickWorker } from '../kick/worker.ts';
import { countersOf, type Metrics, STORE_OPERATIONS } from '../metrics.ts';
import type { KickQueue } from '../queue/queue.ts';
import type { Store } from '../storage/store.ts';
import { loadKickProviders } from './kick-providers.ts';
import { healthOf, type Lane, readingsOf, statusOf } from './kick-report.ts';
import { closeKickQueues, type KickQueues, openKickQueues } from './open-queues.ts';
import { openStore } from './open-store.ts';
import { type OpenRole, RefusedConfigError, type RoleDeps, type RunningRole } from './role.ts';

/** Of `shutdown.deadline_ms`, what wake-ups in hand may take; the rest is for telling the queue. */
const WAKES_SHARE = 0.8;

/** Takes kicks from the queues and wakes devices. Nobody connects to it. */
export const openKickRole: OpenRole = async (deps) => {
  const { config, log, clock } = deps;
  const loaded = await loadKickProviders(deps);
  if (!loaded.ok) throw new RefusedConfigError(loaded.problems);
  if (loaded.providers.length === 0) throw new RefusedConfigError([NO_PROVIDER]);
  const store = await openStore(config, clock, log);
  let queues: KickQueues = {};
  try {
    queues = await openKickQueues(config, log, clock);
    return run(deps, { store, queues, providers: loaded.providers });
  } catch (error) {
    await closeKickQueues(queues);
    await store.close();
    throw error;
  }
};

const NO_PROVIDER = {
  key: 'kick',
  expected:
    'a provider to wake devices through: [kick.apns.apps.…], kick.fcm.service_account_path or kick.udp.networks',
  found: 'none',
};

interface Parts {
  readonly store: Store;
  readonly queues: KickQueues;
  readonly providers: readonly KickProvider[];
}

function run(deps: RoleDeps, { store, queues, providers }: Parts): RunningRole {
  const { config, log, clock } = deps;
  const storeErrors = countersOf(STORE_OPERATIONS);
  const health = createHealth({
    checkStore: () => store.check(),
    clock,
    metrics: { storeErrors },
    log,
  });
  const lanes = providers.flatMap((provider) => {
    const queue = queues[provider.name];
    if (queue === undefined) return [];
    return [openLane(deps, { provider, queue, queues, store, storeErrors })];
  });
  const prometheus = createKickPrometheus({
    providers: Object.fromEntries(lanes.map((lane) => [lane.name, readingsOf(lane)])),
    storeErrors,
    ready: () => healthOf(health, lanes).ready,
  });
  for (const lane of lanes) lane.worker.start();
  return {
    urls: {},
    health: () => healthOf(health, lanes),
    status: () => statusOf(health, lanes, store.driver),
    metrics: () => prometheus.json(),
    stop: () => stop({ health, lanes, store, queues, providers }, config),
  };
}

interface LaneParts {
  readonly provider: KickProvider;
  readonly queue: KickQueue;
  readonly queues: KickQueues;
  readonly store: Store;
  readonly storeErrors: Metrics['storeErrors'];
}

function openLane(
  { config, log, clock }: RoleDeps,
  { provider, queue, queues, store, storeErrors }: LaneParts,
): Lane {
  const metrics: KickMetrics = createKickMetrics(storeErrors.kick);
  const queueWatch: QueueWatch = watchQueue({ queue, clock, metrics });
  const credentials: CredentialsWatch = watchCredentials({ provider, clock, log });
  const worker = new KickWorker({
    provider,
    queue,
    queueOf: (name) => queues[name],
    appOf: appOf(config.kick, provider.name),
    store,
    settings: settingsOf(config.kick, provider.name),
    clock,
    sleep: systemSleep,
    random: Math.random,
    metrics,
    log,
  });
  return { name: provider.name, driver: queue.driver, worker, metrics, queueWatch, credentials };
}

/** Each of Apple's apps has a key of its own. Of one app alone nothing but the provider can be halted, and then nothing is leased. */
function appOf({ apns }: Config['kick'], name: ProviderName): AppOf | undefined {
  if (name !== 'apns' || Object.keys(apns.apps).length === 1) return undefined;
  return (target) => (target.type === 'apns' ? (target.topic ?? '') : '');
}

function settingsOf(kick: Config['kick'], name: ProviderName): KickSettings {
  const { inFlightMax, ratePerSecondMax } = kick[name];
  return {
    inFlightMax,
    ratePerSecondMax,
    wakeIntervalMs: kick.wakeIntervalMs,
    attemptsMax: kick.attemptsMax,
    backoff: { minMs: kick.backoffMinMs, maxMs: kick.backoffMaxMs },
    breakerFailuresMax: kick.breakerFailuresMax,
    breakerPause: { minMs: kick.breakerPauseMinMs, maxMs: kick.breakerPauseMaxMs },
    haltPause: { minMs: kick.haltPauseMinMs, maxMs: kick.haltPauseMaxMs },
  };
}

/** Workers first, while all they need is still there. */
async function stop(
  { health, lanes, store, queues, providers }: Parts & { health: Health; lanes: readonly Lane[] },
  { shutdown }: Config,
): Promise<boolean> {
  health.drain();
  const deadlineMs = WAKES_SHARE * shutdown.deadlineMs;
  const inTime = await Promise.all(lanes.map(({ worker }) => worker.stop(deadlineMs)));
  for (const { queueWatch, credentials } of lanes) {
    queueWatch.stop();
    credentials.stop();
  }
  health.stop();
  await Promise.all(providers.map((provider) => provider.close()));
  await closeKickQueues(queues);
  await store.close();
  return inTime.every(Boolean);
}
