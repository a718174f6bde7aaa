/** The table and the verdicts as text for a terminal. */
import { CONTENDERS, type ContenderName } from './contenders.ts';
import { comparisonOf, type Figure, figureOf, type MeasureName } from './figures.ts';
import { LOAD_NAMES, LOADS, type Run } from './measure.ts';
import type { Verdict } from './targets.ts';

interface Column {
  readonly head: readonly [string, string];
  readonly digits: number;
  readonly figure: (runs: readonly Run[], contender: ContenderName) => Figure;
}

const PUT_COLUMNS: readonly Column[] = [
  plain(['rounds', '/s'], 'roundsPerSec', 0),
  shareOf(['of', 'floor'], 'floor'),
  shareOf(['of', 'mixed'], 'mixed-floor'),
  plain(['CPU µs', '/PUT'], 'cpuUsPerPut', 1),
  plain(['in a', 'crowd'], 'crowdCpuUsPerPut', 1),
  plain(['half rate', 'p50 ms'], 'notificationP50Ms', 2),
  plain(['half rate', 'p99 ms'], 'notificationP99Ms', 2),
  plain(['half rate', 'PUT p99'], 'answerP99Ms', 2),
  plain(['80 % rate', 'p99 ms'], 'mostNotificationP99Ms', 2),
  plain(['80 % rate', 'PUT p99'], 'mostAnswerP99Ms', 2),
];

const DEVICE_COLUMNS: readonly Column[] = [
  plain(['connects', '/s'], 'connectsPerSec', 0),
  plain(['CPU µs', '/connect'], 'cpuUsPerConnect', 1),
  plain(['returns', '/s'], 'returnsPerSec', 0),
  plain(['CPU µs', '/return'], 'cpuUsPerReturn', 1),
  plain(['meanwhile', 'PUT p99'], 'stormAnswerP99Ms', 2),
  plain(['RSS B', '/device'], 'bytesPerDevice', 0),
  plain(['of it', 'anon'], 'anonBytesPerDevice', 0),
  plain(['of it', 'file'], 'fileBytesPerDevice', 0),
  plain(['two', 'thirds'], 'bytesPerDeviceOfTwoThirds', 0),
  plain(['a', 'third'], 'bytesPerDeviceOfThird', 0),
];

const UNITS: Readonly<Record<Verdict['unit'], { readonly name: string; readonly digits: number }>> =
  {
    ratio: { name: '', digits: 2 },
    bytes: { name: ' B', digits: 0 },
    ms: { name: ' ms', digits: 2 },
    devicesPerSec: { name: '/s', digits: 0 },
    updates: { name: '', digits: 0 },
  };

/** Updates, then devices: one line a contender each; only what was measured. */
export function tablesOf(runs: readonly Run[]): string {
  const contenders = [...new Set(runs.map(({ contender }) => contender))];
  const loads = LOAD_NAMES.filter((load) => runs.some((run) => run.load === load));
  const legend = [
    ...contenders.map((contender) => `${contender}: ${CONTENDERS[contender]}`),
    ...loads.map((load) => `${load}: ${LOADS[load]}`),
  ];
  const tables = [PUT_COLUMNS, DEVICE_COLUMNS].map((columns) => tableOf(runs, contenders, columns));
  return [...tables.filter((table) => table !== ''), legend.join('\n')].join('\n\n');
}

/** Empty when none of its columns was measured. */
function tableOf(
  runs: readonly Run[],
  contenders: readonly ContenderName[],
  columns: readonly Column[],
): string {
  const figures = contenders.map((contender) =>
    columns.map(({ figure }) => figure(runs, contender)),
  );
  if (figures.flat().every((figure) => figure === undefined)) return '';
  const rows = contenders.map((contender, row) => [
    contender,
    ...columns.map(({ digits }, column) => numberText(figures[row]?.[column], digits)),
  ]);
  const heads = ([0, 1] as const).map((line) => ['', ...columns.map(({ head }) => head[line])]);
  return alignedLines([...heads, ...rows]).join('\n');
}

/** One line a target: what, measured, target, met or missed. */
export function verdictText(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ what, measured, byCpu, target, unit, isMet }) => {
    const { name, digits } = UNITS[unit];
    const bound = 'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
    return [
      what,
      measured === undefined ? '–' : `${numberText(measured, digits)}${name}`,
      byCpu === undefined ? '' : numberText(byCpu, digits),
      `${bound}${name}`,
      verdictOf(isMet),
    ];
  });
  return alignedLines([['target', 'measured', 'by CPU', 'wanted', ''], ...rows]).join('\n');
}

function verdictOf(isMet: boolean | undefined): string {
  if (isMet === undefined) return 'not measured';
  return isMet ? 'met' : 'MISSED';
}

/** What to know before one believes the table; empty when all is well. */
export function doubtText(runs: readonly Run[]): string {
  const lines = runs.flatMap((run) => {
    const reasons = run.outcome === 'failed' ? [`failed: ${run.why}`] : run.doubts;
    const place = `round ${run.round}, ${run.contender}, ${run.load}`;
    return reasons.length === 0 ? [] : [`! ${place}: ${reasons.join('; ')}`];
  });
  return lines.join('\n');
}

function plain(head: Column['head'], measure: MeasureName, digits: number): Column {
  return { head, digits, figure: (runs, contender) => figureOf(runs, contender, measure) };
}

function shareOf(head: Column['head'], floor: ContenderName): Column {
  return {
    head,
    digits: 2,
    figure: (runs, contender) =>
      comparisonOf(runs, 'roundsPerSec', [contender, floor], (rate, floorRate) => rate / floorRate),
  };
}

function numberText(figure: Figure, digits: number): string {
  if (figure === undefined) return '–';
  return figure.toLocaleString('en', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** The first column to the left, the others to the right. */
function alignedLines(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}
