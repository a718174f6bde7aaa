/** What the server must reach, each as a ratio or a bound within one run of the bench, and whether it did. */
import { CONTENDER_NAMES, type ContenderName } from './contenders.ts';
import { changeOf, comparisonOf, type Figure, figureOf, type MeasureName } from './figures.ts';
import type { Fault } from './load-client.ts';
import type { Run } from './measure.ts';

export interface Verdict {
  readonly what: string;
  /** Undefined: was not measured. */
  readonly measured: Figure;
  /** The same ratio from CPU time per PUT, which other programs on the two cores disturb less. */
  readonly byCpu?: Figure;
  readonly target: { readonly atLeast: number } | { readonly atMost: number };
  readonly unit: 'ratio' | 'bytes' | 'ms' | 'devicesPerSec' | 'updates';
  readonly isMet: boolean | undefined;
}

/** Of the store that a server has by default. */
const DEFAULT: ContenderName = 'embedded';
const BYTES_PER_DEVICE_MAX = 2000;
const BYTES_ABOVE_FLOOR_MAX = 700;
const HALF_P99_MS_MAX = 3;
const MOST_P99_MS_MAX = 10;
const CONNECTS_PER_SEC_MIN = 10_000;
const RETURNS_PER_SEC_MIN = 5000;
const STORM_PUT_P99_MS_MAX = 50;
/** What a PUT, or a device, may cost among many devices, as a multiple of what it costs among few. */
const GROWTH_MAX = 1.1;

/** Pairs of contenders, and the least share of the second's rounds that the first must do. */
const LEAST_SHARES: readonly (readonly [ContenderName, ContenderName, number])[] = [
  ['memory', 'mixed-floor', 0.88],
  ['memory-uws', 'floor', 0.75],
  ['embedded', 'memory', 0.75],
  ['memcached', 'floor', 0.3],
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
    ...memoryVerdicts(runs),
    ...LEAST_SHARES.map(([contender, other, share]) => {
      const pair = [contender, other] as const;
      const measured = comparisonOf(runs, 'roundsPerSec', pair, (own, others) => own / others);
      const byCpu = comparisonOf(runs, 'cpuUsPerPut', pair, (own, others) => others / own);
      return { ...atLeast(`rounds, ${contender} / ${other}`, 'ratio', share, measured), byCpu };
    }),
    atMost(
      'p99 at half rate, worst of our own',
      'ms',
      HALF_P99_MS_MAX,
      worstOfOwn(runs, 'notificationP99Ms'),
    ),
    atMost(
      'p99 at 80 % of the rate, worst of our own',
      'ms',
      MOST_P99_MS_MAX,
      worstOfOwn(runs, 'mostNotificationP99Ms'),
    ),
    ...arrivalVerdicts(runs),
    ...growthVerdicts(runs),
    atMost('lost, skipped, doubled or reordered, worst run', 'updates', 0, worstOfPromises(runs)),
  ];
}

function memoryVerdicts(runs: readonly Run[]): readonly Verdict[] {
  const bytes = figureOf(runs, DEFAULT, 'bytesPerDevice');
  const above = comparisonOf(runs, 'bytesPerDevice', [DEFAULT, 'floor'], (a, b) => a - b);
  return [
    atMost(`idle device, ${DEFAULT}`, 'bytes', BYTES_PER_DEVICE_MAX, bytes),
    atMost(`idle device, ${DEFAULT} less floor`, 'bytes', BYTES_ABOVE_FLOOR_MAX, above),
  ];
}

function arrivalVerdicts(runs: readonly Run[]): readonly Verdict[] {
  const connects = figureOf(runs, DEFAULT, 'connectsPerSec');
  const returns = figureOf(runs, DEFAULT, 'returnsPerSec');
  const putP99 = figureOf(runs, DEFAULT, 'stormAnswerP99Ms');
  return [
    atLeast(
      `connect + hello + register, ${DEFAULT}`,
      'devicesPerSec',
      CONNECTS_PER_SEC_MIN,
      connects,
    ),
    atLeast(`reconnect storm, ${DEFAULT}`, 'devicesPerSec', RETURNS_PER_SEC_MIN, returns),
    atMost(`PUT elsewhere in a storm, p99, ${DEFAULT}`, 'ms', STORM_PUT_P99_MS_MAX, putP99),
  ];
}

function growthVerdicts(runs: readonly Run[]): readonly Verdict[] {
  const ratio = (many: number, few: number) => many / few;
  const byContender = (['memory', DEFAULT] as const).map((contender) =>
    atMost(
      `CPU of a PUT, many / few devices, ${contender}`,
      'ratio',
      GROWTH_MAX,
      changeOf(runs, contender, ['crowdCpuUsPerPut', 'cpuUsPerPut'], ratio),
    ),
  );
  return [
    ...byContender,
    atMost(
      `idle device, many / third of them, ${DEFAULT}`,
      'ratio',
      GROWTH_MAX,
      changeOf(runs, DEFAULT, ['bytesPerDevice', 'bytesPerDeviceOfThird'], ratio),
    ),
  ];
}

function worstOfOwn(runs: readonly Run[], measure: MeasureName): Figure {
  return worst(
    CONTENDER_NAMES.filter((name) => name !== 'floor' && name !== 'mixed-floor').flatMap(
      (name) => figureOf(runs, name, measure) ?? [],
    ),
  );
}

function worstOfPromises(runs: readonly Run[]): Figure {
  const broken = runs.flatMap((run) =>
    run.outcome === 'measured' && run.result.mode !== 'idle'
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
