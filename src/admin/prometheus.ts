/** `/metrics` in the text format of Prometheus, from the process's plain numbers (METRICS.md lists each). */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { Counter as Count, Counters, Histogram, Metrics } from '../metrics.ts';

/** What is read at the moment of the scrape. */
export interface Gauges {
  readonly devices: () => number;
  readonly sockets: () => number;
  readonly socketsBeforeHello: () => number;
  readonly sessionsAwaitingAck: () => number;
  readonly putsInHand: () => number;
  readonly ready: () => boolean;
}

export interface Prometheus {
  readonly contentType: string;
  /** The whole page. */
  render(): Promise<string>;
}

export function createPrometheus(metrics: Metrics, gauges: Gauges): Prometheus {
  const registry = Registry.merge([processRegistry()]);
  registerCounters(registry, metrics);
  registerGauges(registry, gauges);
  registerHistogram(
    registry,
    'reveille_put_duration_seconds',
    "From the end of a PUT's body to its answer.",
    metrics.putDuration,
  );
  return { contentType: registry.contentType, render: () => registry.metrics() };
}

let ofProcess: Registry | undefined;

/** The metrics of the process itself. One set for all servers in it: the library starts monitors for them and cannot stop them. */
function processRegistry(): Registry {
  if (ofProcess === undefined) {
    ofProcess = new Registry();
    collectDefaultMetrics({ register: ofProcess });
  }
  return ofProcess;
}

function registerCounters(registry: Registry, metrics: Metrics): void {
  const plain = (name: string, help: string, counter: Count) => {
    const collected = new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(counter.count);
      },
    });
    return collected;
  };
  const labelled = (name: string, help: string, label: string, counters: Counters<string>) =>
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, counter] of Object.entries(counters))
          this.inc({ [label]: value }, counter.count);
      },
    });
  plain('reveille_sockets_opened_total', 'WebSockets that devices opened.', metrics.socketsOpened);
  labelled(
    'reveille_sockets_refused_total',
    'WebSockets that were not let in.',
    'reason',
    metrics.socketsRefused,
  );
  labelled('reveille_sockets_closed_total', 'WebSockets that closed.', 'cause', metrics.closes);
  labelled('reveille_frames_total', 'Messages of devices.', 'type', metrics.frames);
  labelled(
    'reveille_hellos_total',
    'Hellos by what became of the device id.',
    'outcome',
    metrics.hellos,
  );
  labelled('reveille_puts_total', 'Requests of app servers by answer.', 'answer', metrics.puts);
  plain('reveille_updates_sent_total', 'Updates sent live.', metrics.updatesSent);
  plain('reveille_updates_flushed_total', 'Updates sent from the store.', metrics.updatesFlushed);
  plain(
    'reveille_updates_resent_total',
    'Updates sent again because no ack came.',
    metrics.updatesResent,
  );
  plain('reveille_updates_acked_total', 'Updates that devices acknowledged.', metrics.updatesAcked);
  labelled(
    'reveille_store_errors_total',
    'Failures of the store by what it was asked for.',
    'operation',
    metrics.storeErrors,
  );
  plain(
    'reveille_token_cache_hits_total',
    'Endpoint tokens that were known.',
    metrics.tokenCacheHits,
  );
  plain(
    'reveille_token_cache_misses_total',
    'Endpoint tokens that had to be opened.',
    metrics.tokenCacheMisses,
  );
}

function registerGauges(registry: Registry, gauges: Gauges): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('reveille_devices', 'Devices that have said hello and are connected.', gauges.devices);
  gauge('reveille_sockets', 'WebSockets that are open.', gauges.sockets);
  gauge(
    'reveille_sockets_before_hello',
    'WebSockets that have not said hello.',
    gauges.socketsBeforeHello,
  );
  gauge(
    'reveille_sessions_awaiting_ack',
    'Sessions that were sent updates within the resend interval.',
    gauges.sessionsAwaitingAck,
  );
  gauge('reveille_puts_in_hand', 'PUTs that wait for the store.', gauges.putsInHand);
  gauge('reveille_ready', '1 when this process should get traffic.', () =>
    gauges.ready() ? 1 : 0,
  );
}

const MS_PER_SECOND = 1000;

/**
 * The library's own histogram only takes one observation at a time; ours has counted already, so it is shown to the registry as a
 * metric that gives its values when asked.
 */
function registerHistogram(
  registry: Registry,
  name: string,
  help: string,
  histogram: Histogram,
): void {
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: histogramValues(name, histogram),
    }),
  };
  registry.registerMetric(metric as unknown as Metric);
}

function histogramValues(name: string, { boundsMs, counts, sumMs }: Histogram) {
  const values: { labels: Record<string, string | number>; value: number; metricName: string }[] =
    [];
  let cumulative = 0;
  for (const [bucket, count] of counts.entries()) {
    cumulative += count;
    const bound = boundsMs[bucket];
    const le = bound === undefined ? '+Inf' : bound / MS_PER_SECOND;
    values.push({ labels: { le }, value: cumulative, metricName: `${name}_bucket` });
  }
  values.push({ labels: {}, value: sumMs / MS_PER_SECOND, metricName: `${name}_sum` });
  values.push({ labels: {}, value: cumulative, metricName: `${name}_count` });
  return values;
}
