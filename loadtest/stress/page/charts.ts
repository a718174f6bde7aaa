/** The charts of a report. */
import type { Distribution, StressReport } from '../report.ts';
import type { SecondPoint } from '../series.ts';
import type { Band, Chart, Line } from './chart.ts';
import { linearScale, logScale, numberText, percentileScale, type Tick } from './scale.ts';

const TIME_TICKS_MAX = 12;
const TIME_STEPS_SECS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];

/** In the order of the page. Those of the server are there only when it was watched. */
export function chartsOf(report: StressReport): readonly Chart[] {
  const { series, latency } = report;
  const isWatched = series.some(({ rssMiB }) => rssMiB !== null);
  return [
    latencyOverTime(series),
    throughput(series),
    connected(series),
    percentiles(latency),
    histogram(latency.fromDue),
    ...(isWatched ? [cpu(series), memory(series)] : []),
  ];
}

function latencyOverTime(series: readonly SecondPoint[]): Chart {
  const lines = [
    { name: 'p50', values: series.map(({ p50Ms }) => p50Ms) },
    { name: 'p99', values: series.map(({ p99Ms }) => p99Ms) },
    { name: 'longest', values: series.map(({ maxMs }) => maxMs) },
  ];
  const known = numbersOf(lines);
  return {
    ...overTime(series),
    id: 'latency',
    title: 'Latency over time',
    text: 'From the moment a PUT was due to the arrival of its version at a device that was present, second by second. The scale is logarithmic.',
    yName: 'milliseconds',
    lines,
    yScale: logScale(Math.min(...known), Math.max(...known)),
  };
}

function throughput(series: readonly SecondPoint[]): Chart {
  const lines = [
    { name: 'PUTs due', values: series.map(({ due }) => due) },
    { name: 'PUTs answered', values: series.map(({ answered }) => answered) },
    { name: 'versions delivered', values: series.map(({ arrived }) => arrived) },
    { name: 'errors', values: series.map(({ errors }) => errors) },
  ];
  return {
    ...overTime(series),
    id: 'throughput',
    title: 'Throughput',
    text: 'Delivered is lower than answered while devices are away, since of several versions of a channel only the highest waits for them.',
    yName: 'per second',
    lines,
    yScale: linearScale(Math.max(1, ...numbersOf(lines))),
  };
}

function connected(series: readonly SecondPoint[]): Chart {
  const values = series.map((point) => point.connected);
  return {
    ...overTime(series),
    id: 'connected',
    title: 'Connected devices',
    text: 'Devices that have said hello and have their endpoints, at the end of each second.',
    yName: 'devices',
    lines: [{ name: 'connected', values }],
    yScale: linearScale(Math.max(1, ...values)),
  };
}

function percentiles({ fromDue, fromSend }: StressReport['latency']): Chart {
  const long = fromDue.curve.length >= fromSend.curve.length ? fromDue.curve : fromSend.curve;
  const xs = long.map(({ percentile }) => percentile);
  // The shorter curve ends earlier: where it has no point, there is none.
  const valuesOf = ({ curve }: Distribution) =>
    xs.map((_, index) => (index < curve.length ? (curve[index]?.ms ?? null) : null));
  const lines = [
    { name: 'from the moment it was due', values: valuesOf(fromDue) },
    { name: 'from the moment it was sent', values: valuesOf(fromSend) },
  ];
  const known = numbersOf(lines);
  return {
    kind: 'lines',
    id: 'percentiles',
    title: 'Latency by percentile',
    text: 'How many of 100 versions came within how long. Where the two lines part, PUTs had to wait for room: a client that waits its turn would not have seen that.',
    xName: 'percentile',
    yName: 'milliseconds',
    xs,
    xText: (x) => `${Number(x.toFixed(4))} %`,
    lines,
    xScale: percentileScale(xs.at(-1) ?? 90),
    yScale: logScale(Math.min(...known), Math.max(...known)),
  };
}

function histogram({ bins }: Distribution): Chart {
  const values = bins.map(({ count }) => count);
  const xs = bins.map(({ fromMs }) => fromMs);
  const xEnd = bins.at(-1)?.toMs ?? 1;
  return {
    kind: 'bars',
    id: 'histogram',
    title: 'Latency histogram',
    text: 'How many versions took how long, from the moment the PUT was due. Ten bars to each power of ten.',
    xName: 'milliseconds, from … on',
    yName: 'versions',
    xs,
    xEnd,
    xText: (x) => `${numberText(x)} ms`,
    lines: [{ name: 'versions', values }],
    xScale: logScale(xs[0] ?? 0.1, xEnd),
    yScale: linearScale(Math.max(1, ...values)),
  };
}

function cpu(series: readonly SecondPoint[]): Chart {
  const values = series.map(({ cpuPercent }) => cpuPercent);
  return {
    ...overTime(series),
    id: 'cpu',
    title: 'CPU of the server',
    text: 'Of all its processes; 100 % is one core.',
    yName: '% of a core',
    lines: [{ name: 'CPU', values }],
    yScale: linearScale(Math.max(10, ...numbersOf([{ name: '', values }]))),
  };
}

function memory(series: readonly SecondPoint[]): Chart {
  const values = series.map(({ rssMiB }) => rssMiB);
  return {
    ...overTime(series),
    id: 'memory',
    title: 'Memory of the server',
    text: 'Resident memory (RSS) of all its processes; pages that they share count for each.',
    yName: 'MiB',
    lines: [{ name: 'RSS', values }],
    yScale: linearScale(Math.max(1, ...numbersOf([{ name: '', values }]))),
  };
}

type TimeChart = Pick<Chart, 'kind' | 'xName' | 'xs' | 'xText' | 'xScale' | 'bands'>;

function overTime(series: readonly SecondPoint[]): TimeChart {
  const first = series[0]?.second ?? 0;
  const last = Math.max(series.at(-1)?.second ?? 0, first + 1);
  const step =
    TIME_STEPS_SECS.find((secs) => (last - first) / secs <= TIME_TICKS_MAX) ??
    Math.ceil((last - first) / TIME_TICKS_MAX);
  const ticks: Tick[] = [];
  for (let value = Math.ceil(first / step) * step; value <= last; value += step) {
    ticks.push({ value, label: `${value}` });
  }
  return {
    kind: 'lines',
    xName: 'seconds from the begin',
    xs: series.map(({ second }) => second),
    xText: (x) => `${x} s`,
    xScale: { place: (value) => (value - first) / (last - first), ticks },
    bands: bandsOf(series),
  };
}

/** Phases, from their first second to the first of the next. */
function bandsOf(series: readonly SecondPoint[]): readonly Band[] {
  const bands: Band[] = [];
  for (const { second, phase } of series) {
    const current = bands.at(-1);
    if (current?.name === phase) bands[bands.length - 1] = { ...current, to: second };
    else {
      if (current !== undefined) bands[bands.length - 1] = { ...current, to: second };
      bands.push({ name: phase, from: second, to: second });
    }
  }
  return bands;
}

function numbersOf(lines: readonly Line[]): readonly number[] {
  const known = lines.flatMap(({ values }) => values.filter((value) => value !== null));
  return known.length === 0 ? [0] : known;
}
