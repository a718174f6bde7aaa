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
  notificationP50Ms: { load: 'half', read: (result) => result.notificationMs.p50 },
  notificationP99Ms: { load: 'half', read: (result) => result.notificationMs.p99 },
  answerP99Ms: { load: 'half', read: (result) => result.answerMs.p99 },
  connectsPerSec: { load: 'idle', read: (result) => result.connect.perSec },
  cpuUsPerConnect: { load: 'idle', read: (result) => result.connect.serverCpuUs },
  bytesPerDevice: { load: 'idle', read: (result) => bytesPerDevice(result, 'total') },
  anonBytesPerDevice: { load: 'idle', read: (result) => bytesPerDevice(result, 'anon') },
  fileBytesPerDevice: { load: 'idle', read: (result) => bytesPerDevice(result, 'file') },
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
  const others = valuesOf(runs, other, measure);
  const pairs = valuesOf(runs, contender, measure).flatMap(({ round, value }) => {
    const match = others.find((candidate) => candidate.round === round);
    return match === undefined ? [] : [combine(value, match.value)];
  });
  return median(pairs);
}

export function median(values: readonly number[]): Figure {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  return upper === undefined || lower === undefined ? undefined : (lower + upper) / 2;
}

function valuesOf(
  runs: readonly Run[],
  contender: ContenderName,
  measure: MeasureName,
): { round: number; value: number }[] {
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
