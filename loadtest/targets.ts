/** What the server must reach, each as a ratio or a bound within one run of the bench, and whether it did. */
import { CONTENDER_NAMES, type ContenderName } from './contenders.ts';
import { comparisonOf, type Figure, figureOf, type MeasureName } from './figures.ts';
import type { Fault } from './load-client.ts';
import type { Run } from './measure.ts';

export interface Verdict {
  readonly what: string;
  /** Undefined: was not measured. */
  readonly measured: Figure;
  /** The same ratio from CPU time per PUT, which other programs on the two cores disturb less. */
  readonly byCpu?: Figure;
  readonly target: { readonly atLeast: number } | { readonly atMost: number };
  readonly unit: 'ratio' | 'bytes' | 'ms' | 'updates';
  readonly isMet: boolean | undefined;
}

const BYTES_PER_DEVICE_MAX = 2500;
const BYTES_ABOVE_FLOOR_MAX = 1200;
const P99_MS_MAX = 5;

/** Pairs of contenders, and the least share of the second's rounds that the first must do. */
const LEAST_SHARES: readonly (readonly [ContenderName, ContenderName, number])[] = [
  ['memory', 'mixed-floor', 0.75],
  ['memory-uws', 'floor', 0.6],
  ['embedded', 'memory', 0.6],
  ['memcached', 'floor', 0.18],
];

/** What no server may do to an update of a connected device. Skipped counts too: each PUT is sent, though only the last matters. */
const BROKEN_PROMISES: readonly Fault[] = [
  'lost',
  'skipped',
  'duplicated',
  'reordered',
  'owedToClosed',
  'unknown',
];

export function verdictsOn(runs: readonly Run[]): readonly Verdict[] {
  return [
    atMost('idle device, embedded', 'bytes', BYTES_PER_DEVICE_MAX, bytesOf(runs)),
    atMost(
      'idle device, embedded less floor',
      'bytes',
      BYTES_ABOVE_FLOOR_MAX,
      bytesAboveFloor(runs),
    ),
    ...LEAST_SHARES.map(([contender, other, share]) => {
      const pair = [contender, other] as const;
      const measured = comparisonOf(runs, 'roundsPerSec', pair, (own, others) => own / others);
      const byCpu = comparisonOf(runs, 'cpuUsPerPut', pair, (own, others) => others / own);
      return { ...atLeast(`rounds, ${contender} / ${other}`, 'ratio', share, measured), byCpu };
    }),
    atMost('p99 at half rate, worst of our own', 'ms', P99_MS_MAX, worstP99(runs)),
    atMost('lost, skipped, doubled or reordered, worst run', 'updates', 0, worstOfPromises(runs)),
  ];
}

function bytesOf(runs: readonly Run[]): Figure {
  return figureOf(runs, 'embedded', 'bytesPerDevice');
}

function bytesAboveFloor(runs: readonly Run[]): Figure {
  return comparisonOf(runs, 'bytesPerDevice', ['embedded', 'floor'], (a, b) => a - b);
}

function worstP99(runs: readonly Run[]): Figure {
  const measure: MeasureName = 'notificationP99Ms';
  return worst(
    CONTENDER_NAMES.filter((name) => name !== 'floor' && name !== 'mixed-floor').flatMap(
      (name) => figureOf(runs, name, measure) ?? [],
    ),
  );
}

function worstOfPromises(runs: readonly Run[]): Figure {
  const broken = runs.flatMap((run) =>
    run.outcome === 'measured' && run.load !== 'idle'
      ? [BROKEN_PROMISES.reduce((sum, fault) => sum + run.result.faults[fault], 0)]
      : [],
  );
  return worst(broken);
}

function worst(values: readonly number[]): Figure {
  return values.length === 0 ? undefined : Math.max(...values);
}

function atLeast(what: string, unit: Verdict['unit'], bound: number, measured: Figure): Verdict {
  const isMet = measured === undefined ? undefined : measured >= bound;
  return { what, measured, target: { atLeast: bound }, unit, isMet };
}

function atMost(what: string, unit: Verdict['unit'], bound: number, measured: Figure): Verdict {
  const isMet = measured === undefined ? undefined : measured <= bound;
  return { what, measured, target: { atMost: bound }, unit, isMet };
}
