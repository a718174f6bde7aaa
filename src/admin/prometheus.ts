/** The push role's page of `/metrics`, from the process's plain numbers (METRICS.md lists each). */
import type { Metrics } from '../metrics.ts';
import { createMetricsPage, type MetricsPage, type Prometheus } from './registry.ts';

/** What is read at the moment of the scrape. */
export interface Gauges {
  readonly devices: () => number;
  readonly sockets: () => number;
  readonly socketsBeforeHello: () => number;
  readonly sessionsAwaitingAck: () => number;
  readonly putsInHand: () => number;
  readonly ready: () => boolean;
}

export function createPrometheus(metrics: Metrics, gauges: Gauges): Prometheus {
  const page = createMetricsPage();
  addDeviceMetrics(page, metrics, gauges);
  addPutMetrics(page, metrics, gauges);
  addKickMetrics(page, metrics);
  page.counters(
    'reveille_store_errors_total',
    'Failures of the store by what it was asked for.',
    'operation',
    metrics.storeErrors,
  );
  page.gauge('reveille_ready', '1 when this process should get traffic.', () =>
    gauges.ready() ? 1 : 0,
  );
  return page;
}

function addDeviceMetrics(page: MetricsPage, metrics: Metrics, gauges: Gauges): void {
  page.gauge('reveille_devices', 'Devices that have said hello and are connected.', gauges.devices);
  page.gauge('reveille_sockets', 'WebSockets that are open.', gauges.sockets);
  page.gauge(
    'reveille_sockets_before_hello',
    'WebSockets that have not said hello.',
    gauges.socketsBeforeHello,
  );
  page.gauge(
    'reveille_sessions_awaiting_ack',
    'Sessions that were sent updates within the resend interval.',
    gauges.sessionsAwaitingAck,
  );
  page.counter(
    'reveille_sockets_opened_total',
    'WebSockets that devices opened.',
    metrics.socketsOpened,
  );
  page.counters(
    'reveille_sockets_refused_total',
    'WebSockets that were not let in.',
    'reason',
    metrics.socketsRefused,
  );
  page.counters(
    'reveille_sockets_closed_total',
    'WebSockets that closed.',
    'cause',
    metrics.closes,
  );
  page.counters('reveille_frames_total', 'Messages of devices.', 'type', metrics.frames);
  page.counters(
    'reveille_hellos_total',
    'Hellos by what became of the device id.',
    'outcome',
    metrics.hellos,
  );
  addUpdateMetrics(page, metrics);
}

function addUpdateMetrics(page: MetricsPage, metrics: Metrics): void {
  page.counter('reveille_updates_sent_total', 'Updates sent live.', metrics.updatesSent);
  page.counter(
    'reveille_updates_flushed_total',
    'Updates sent from the store.',
    metrics.updatesFlushed,
  );
  page.counter(
    'reveille_updates_resent_total',
    'Updates sent again because no ack came.',
    metrics.updatesResent,
  );
  page.counter(
    'reveille_updates_acked_total',
    'Updates that devices acknowledged.',
    metrics.updatesAcked,
  );
}

function addPutMetrics(page: MetricsPage, metrics: Metrics, gauges: Gauges): void {
  page.counters(
    'reveille_puts_total',
    'Requests of app servers by answer.',
    'answer',
    metrics.puts,
  );
  page.gauge('reveille_puts_in_hand', 'PUTs that wait for the store.', gauges.putsInHand);
  page.histogram(
    'reveille_put_duration_seconds',
    "From the end of a PUT's body to its answer.",
    metrics.putDuration,
  );
  page.counter(
    'reveille_token_cache_hits_total',
    'Endpoint tokens that were known.',
    metrics.tokenCacheHits,
  );
  page.counter(
    'reveille_token_cache_misses_total',
    'Endpoint tokens that had to be opened.',
    metrics.tokenCacheMisses,
  );
}

function addKickMetrics(page: MetricsPage, metrics: Metrics): void {
  page.counters(
    'reveille_kicks_queued_total',
    'Kicks that a queue took.',
    'provider',
    metrics.kicksQueued,
  );
  page.counters(
    'reveille_kicks_collapsed_total',
    'Kicks that joined an older one of their device.',
    'provider',
    metrics.kicksCollapsed,
  );
  page.counters(
    'reveille_kicks_refused_total',
    'Kicks that a queue did not take.',
    'provider',
    metrics.kicksRefused,
  );
}
