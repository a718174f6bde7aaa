/** How plain numbers become metrics of Prometheus: the pieces of which each role makes its page. Nothing is counted here. */
import { Counter, collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import type { Counter as Count, Counters, Histogram } from '../metrics.ts';

/** A page of metrics while it is put together. */
export interface MetricsPage {
  /** A number that only grows. */
  counter(name: string, help: string, counter: Count): void;
  /** Numbers that only grow, apart by the values of one label. */
  counters(name: string, help: string, label: string, counters: Counters<string>): void;
  /** Numbers that only grow, apart by the values of two labels. */
  counterTable(
    name: string,
    help: string,
    labels: readonly [string, string],
    rows: Readonly<Record<string, Counters<string>>>,
  ): void;
  /** What is read at the moment of the scrape. */
  gauge(name: string, help: string, read: () => number): void;
  /** Readings at the moment of the scrape, apart by the values of one label. */
  gauges(
    name: string,
    help: string,
    label: string,
    readings: Readonly<Record<string, () => number>>,
  ): void;
  /** Readings at the moment of the scrape, apart by the values of two labels. */
  gaugeTable(
    name: string,
    help: string,
    labels: readonly [string, string],
    rows: Readonly<Record<string, Readonly<Record<string, () => number>>>>,
  ): void;
  /** Durations, shown in seconds. */
  histogram(name: string, help: string, histogram: Histogram): void;
  /** Durations, shown in seconds, apart by the values of one label. */
  histograms(
    name: string,
    help: string,
    label: string,
    histograms: Readonly<Record<string, Histogram>>,
  ): void;
  readonly contentType: string;
  /** The whole page. Rejects when a reading throws. */
  render(): Promise<string>;
  /** The same in the library's JSON form, for a process that shows several pages as one. Rejects when a reading throws. */
  json(): Promise<readonly object[]>;
}

/** A page that is complete. */
export type Prometheus = Pick<MetricsPage, 'contentType' | 'render' | 'json'>;

/** A page that holds the metrics of the process itself, and nothing else yet. */
export function createMetricsPage(): MetricsPage {
  const registry = Registry.merge([processRegistry()]);
  const registers = [registry];
  return {
    counter(name, help, counter) {
      addCounter({ name, help, registers }, [{ labels: {}, read: () => counter.count }]);
    },
    counters(name, help, label, counters) {
      const samples = Object.entries(counters).map(([value, counter]) => ({
        labels: { [label]: value },
        read: () => counter.count,
      }));
      addCounter({ name, help, registers, labelNames: [label] }, samples);
    },
    counterTable(name, help, labelNames, rows) {
      const samples = cellsOf(labelNames, rows).map(({ labels, cell }) => ({
        labels,
        read: () => cell.count,
      }));
      addCounter({ name, help, registers, labelNames }, samples);
    },
    gauge(name, help, read) {
      addGauge({ name, help, registers }, [{ labels: {}, read }]);
    },
    gauges(name, help, label, readings) {
      const samples = Object.entries(readings).map(([value, read]) => ({
        labels: { [label]: value },
        read,
      }));
      addGauge({ name, help, registers, labelNames: [label] }, samples);
    },
    gaugeTable(name, help, labelNames, rows) {
      const samples = cellsOf(labelNames, rows).map(({ labels, cell }) => ({ labels, read: cell }));
      addGauge({ name, help, registers, labelNames }, samples);
    },
    histogram(name, help, histogram) {
      addHistogram(registry, { name, help }, [{ labels: {}, histogram }]);
    },
    histograms(name, help, label, histograms) {
      const series = Object.entries(histograms).map(([value, histogram]) => ({
        labels: { [label]: value },
        histogram,
      }));
      addHistogram(registry, { name, help }, series);
    },
    contentType: registry.contentType,
    render: () => registry.metrics(),
    json: () => registry.getMetricsAsJSON(),
  };
}

function cellsOf<Cell>(
  [first, second]: readonly [string, string],
  rows: Readonly<Record<string, Readonly<Record<string, Cell>>>>,
) {
  return Object.entries(rows).flatMap(([row, cells]) =>
    Object.entries(cells).map(([column, cell]) => ({
      labels: { [first]: row, [second]: column },
      cell,
    })),
  );
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly read: () => number;
}

interface Described {
  readonly name: string;
  readonly help: string;
}

interface Registered extends Described {
  readonly registers: Registry[];
  readonly labelNames?: readonly string[];
}

function addCounter(described: Registered, samples: readonly Sample[]): void {
  const collected = new Counter({
    ...described,
    labelNames: described.labelNames ?? [],
    collect() {
      // What is read is the whole count, and the library adds.
      this.reset();
      for (const { labels, read } of samples) this.inc(labels, read());
    },
  });
  void collected;
}

function addGauge(described: Registered, samples: readonly Sample[]): void {
  const collected = new Gauge({
    ...described,
    labelNames: described.labelNames ?? [],
    collect() {
      for (const { labels, read } of samples) this.set(labels, read());
    },
  });
  void collected;
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

const MS_PER_SECOND = 1000;

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly histogram: Histogram;
}

/**
 * The library's own histogram only takes one observation at a time; ours has counted already, so it is shown to the registry as a
 * metric that gives its values when asked.
 */
function addHistogram(
  registry: Registry,
  { name, help }: Described,
  series: readonly Series[],
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
      values: series.flatMap((one) => histogramValues(name, one)),
    }),
  };
  registry.registerMetric(metric as unknown as Metric);
}

function histogramValues(
  name: string,
  { labels, histogram: { boundsMs, counts, sumMs } }: Series,
): readonly object[] {
  const values: object[] = [];
  let cumulative = 0;
  for (const [bucket, count] of counts.entries()) {
    cumulative += count;
    const bound = boundsMs[bucket];
    const le = bound === undefined ? '+Inf' : bound / MS_PER_SECOND;
    values.push({ labels: { ...labels, le }, value: cumulative, metricName: `${name}_bucket` });
  }
  values.push({ labels, value: sumMs / MS_PER_SECOND, metricName: `${name}_sum` });
  values.push({ labels, value: cumulative, metricName: `${name}_count` });
  return values;
}
