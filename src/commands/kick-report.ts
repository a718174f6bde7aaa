/** What operators are told of the kick role: health, status, and the readings behind its metrics. */
import type { StatusReport } from '../admin/admin-listener.ts';
import type { Health, HealthReport } from '../admin/health.ts';
import type { KickReadings } from '../admin/kick-prometheus.ts';
import type { CredentialsWatch } from '../kick/credentials-watch.ts';
import type { KickMetrics } from '../kick/kick-metrics.ts';
import type { ProviderName } from '../kick/provider.ts';
import type { QueueWatch } from '../kick/queue-watch.ts';
import { BREAKER_STATES } from '../kick/worker/breaker.ts';
import type { KickWorker } from '../kick/worker.ts';
import type { KickQueue } from '../queue/queue.ts';
import type { Store } from '../storage/store.ts';

/** One provider's part of the role. */
export interface Lane {
  readonly name: ProviderName;
  readonly driver: KickQueue['driver'];
  readonly worker: Pick<KickWorker, 'view' | 'start' | 'stop'>;
  readonly metrics: KickMetrics;
  readonly queueWatch: QueueWatch;
  readonly credentials: CredentialsWatch;
}

/** Not ready when the store, a queue or a provider needs an operator. A provider that is only slow or busy is in `/status`. */
export function healthOf(health: Pick<Health, 'current'>, lanes: readonly Lane[]): HealthReport {
  const reasons = [...health.current().reasons, ...lanes.flatMap(reasonsOf)];
  return { ready: reasons.length === 0, reasons };
}

function reasonsOf({ name, worker, queueWatch, credentials }: Lane): readonly string[] {
  const { halts, queueProblem } = worker.view;
  const queue = queueProblem ?? queueWatch.problem();
  return [
    ...(queue === undefined ? [] : [`the queue of ${name}: ${queue}`]),
    ...(halts.length > 0
      ? halts.map((reason) => `${name} is halted: ${reason}`)
      : credentials.findings()),
  ];
}

/** What `/status` of the admin listener tells of the kick role. */
export function statusOf(
  health: Pick<Health, 'current' | 'storeProblem'>,
  lanes: readonly Lane[],
  driver: Store['driver'],
): StatusReport {
  const problem = health.storeProblem();
  return {
    ...healthOf(health, lanes),
    uptimeSecs: Math.floor(process.uptime()),
    providers: Object.fromEntries(lanes.map((lane) => [lane.name, laneStatus(lane)])),
    store: {
      driver,
      healthy: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
    },
    memory: { rssBytes: process.memoryUsage.rss() },
  };
}

function laneStatus({ driver, worker, metrics, queueWatch }: Lane): StatusReport {
  const { inHand, breaker, halts, lastError } = worker.view;
  return {
    inHand,
    woken: metrics.wakes.woken.count,
    deadLetters: metrics.buried.count,
    queue: { driver, ...queueWatch.depth() },
    breaker:
      breaker.kind === 'closed'
        ? { state: breaker.kind }
        : { state: breaker.kind, cause: breaker.trouble.cause, reason: breaker.trouble.reason },
    ...(halts.length === 0 ? {} : { halts }),
    ...(lastError === undefined ? {} : { lastError }),
  };
}

const PLACES = ['ready', 'leased', 'delayed', 'dead'] as const;

/** What the metrics page reads of one provider. */
export function readingsOf({ worker, metrics, queueWatch }: Lane): KickReadings {
  return {
    ...metrics,
    queueEntries: Object.fromEntries(
      PLACES.map((place) => [place, () => queueWatch.depth()?.[place] ?? 0]),
    ),
    oldestReadyMs: () => queueWatch.depth()?.oldestReadyMs ?? 0,
    inHand: () => worker.view.inHand,
    breaker: Object.fromEntries(
      BREAKER_STATES.map((state) => [
        state.replace('-', '_'),
        () => (worker.view.breaker.kind === state ? 1 : 0),
      ]),
    ),
    halted: () => worker.view.halts.length > 0,
  };
}
