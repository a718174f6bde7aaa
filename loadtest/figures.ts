/** From runs to figures: what is read out of a run, medians over the rounds, ratios within a round. */
import type { ContenderName } from './contenders.ts';
import type { LoadResult, Memory } from './load-client.ts';
import type { Load, Run } from './measure.ts';

export interface Measure {
  readonly load: Load;
  readonly read: (result: LoadResult) => number;
}

/** All that is compared. Memory is that of all processes of the server, grown since before the first device. */
export const MEASURES = {
  roundsPerSec: { load: 'closed', read: (result) => result.roundsPerSec },
  cpuUsPerPut: { load: 'closed', read: (result) => result.serverCpuUsPerRound },
  crowdCpuUsPerPut: { load: 'crowd', read: (result) => result.serverCpuUsPerRound },
  notificationP50Ms: { load: 'half', read: (result) => result.notificationMs.p50 },
  notificationP99Ms: { load: 'half', read: (result) => result.notificationMs.p99 },
  answerP99Ms: { load: 'half', read: (result) => result.answerMs.p99 },
  mostNotificationP99Ms: { load: 'most', read: (result) => result.notificationMs.p99 },
  mostAnswerP99Ms: { load: 'most', read: (result) => result.answerMs.p99 },
  connectsPerSec: { load: 'idle', read: (result) => result.connect.perSec },
  cpuUsPerConnect: { load: 'idle', read: (result) => result.connect.serverCpuUs },
  bytesPerDevice: { load: 'idle', read: (result) => bytesPerDevice(result, 'total') },
  anonBytesPerDevice: { load: 'idle', read: (result) => bytesPerDevice(result, 'anon') },
  fileBytesPerDevice: { load: 'idle', read: (result) => bytesPerDevice(result, 'file') },
  bytesPerDeviceOfThird: { load: 'third', read: (result) => bytesPerDevice(result, 'total') },
  bytesPerDeviceOfTwoThirds: {
    load: 'two-thirds',
    read: (result) => bytesPerDevice(result, 'total'),
  },
  returnsPerSec: { load: 'storm', read: (result) => result.storm?.perSec ?? 0 },
  cpuUsPerReturn: { load: 'storm', read: (result) => result.storm?.serverCpuUs ?? 0 },
  /** Of PUTs to devices that stayed, while the others came back. */
  stormAnswerP99Ms: { load: 'storm', read: (result) => result.answerMs.p99 },
} as const satisfies Readonly<Record<string, Measure>>;
export type MeasureName = keyof typeof MEASURES;

/** Undefined when no run of that kind went through. */
export type Figure = number | undefined;

/** The median of `measure` over the rounds. */
export function figureOf(
  runs: readonly Run[],
  contender: ContenderName,
  measure: MeasureName,
): Figure {
  return median(valuesOf(runs, contender, measure).map(({ value }) => value));
}

/** The median of what `combine` makes of the two contenders' values of the same round: what disturbs a round disturbs both. */
export function comparisonOf(
  runs: readonly Run[],
  measure: MeasureName,
  [contender, other]: readonly [ContenderName, ContenderName],
  combine: (value: number, otherValue: number) => number,
): Figure {
  return medianOfPairs(valuesOf(runs, contender, measure), valuesOf(runs, other, measure), combine);
}

/** The same of two measures of one contender. */
export function changeOf(
  runs: readonly Run[],
  contender: ContenderName,
  [measure, other]: readonly [MeasureName, MeasureName],
  combine: (value: number, otherValue: number) => number,
): Figure {
  return medianOfPairs(
    valuesOf(runs, contender, measure),
    valuesOf(runs, contender, other),
    combine,
  );
}

export function median(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

interface Value {
  readonly round: number;
  readonly value: number;
}

function medianOfPairs(
  values: readonly Value[],
  others: readonly Value[],
  combine: (value: number, otherValue: number) => number,
): Figure {
  const pairs = values.flatMap(({ round, value }) => {
    const match = others.find((candidate) => candidate.round === round);
    return match === undefined ? [] : [combine(value, match.value)];
  });
  return median(pairs);
}

function valuesOf(
  runs: readonly Run[],
  contender: ContenderName,
  measure: MeasureName,
): readonly Value[] {
  const { load, read }: Measure = MEASURES[measure];
  return runs.flatMap((run) =>
    run.outcome === 'measured' && run.contender === contender && run.load === load
      ? [{ round: run.round, value: read(run.result) }]
      : [],
  );
}

function bytesPerDevice({ processes, ready }: LoadResult, part: keyof Memory): number {
  const grownKib = processes.reduce(
    (sum, { rssKib }) => sum + rssKib.end[part] - rssKib.start[part],
    0,
  );
  return (grownKib * 1024) / ready;
}
