/** The table and the verdicts as text for a terminal. */
import { CONTENDERS, type ContenderName } from './contenders.ts';
import { comparisonOf, type Figure, figureOf, type MeasureName } from './figures.ts';
import type { Run } from './measure.ts';
import type { Verdict } from './targets.ts';

interface Column {
  readonly head: readonly [string, string];
  readonly digits: number;
  readonly figure: (runs: readonly Run[], contender: ContenderName) => Figure;
}

const COLUMNS: readonly Column[] = [
  plain(['rounds', '/s'], 'roundsPerSec', 0),
  shareOf(['of', 'floor'], 'floor'),
  shareOf(['of', 'mixed'], 'mixed-floor'),
  plain(['CPU µs', '/PUT'], 'cpuUsPerPut', 1),
  plain(['half rate', 'p50 ms'], 'notificationP50Ms', 2),
  plain(['half rate', 'p99 ms'], 'notificationP99Ms', 2),
  plain(['half rate', 'PUT p99'], 'answerP99Ms', 2),
  plain(['connects', '/s'], 'connectsPerSec', 0),
  plain(['RSS B', '/device'], 'bytesPerDevice', 0),
  plain(['of it', 'anon'], 'anonBytesPerDevice', 0),
  plain(['of it', 'file'], 'fileBytesPerDevice', 0),
];

const UNITS: Readonly<Record<Verdict['unit'], { readonly name: string; readonly digits: number }>> =
  {
    ratio: { name: '', digits: 2 },
    bytes: { name: ' B', digits: 0 },
    ms: { name: ' ms', digits: 2 },
    updates: { name: '', digits: 0 },
  };

/** One line a contender; only those that were measured. */
export function tableOf(runs: readonly Run[]): string {
  const contenders = [...new Set(runs.map(({ contender }) => contender))];
  const rows = contenders.map((contender) => [
    contender,
    ...COLUMNS.map(({ figure, digits }) => numberText(figure(runs, contender), digits)),
  ]);
  const heads = ([0, 1] as const).map((line) => ['', ...COLUMNS.map(({ head }) => head[line])]);
  const legend = contenders.map((contender) => `${contender}: ${CONTENDERS[contender]}`);
  return [...alignedLines([...heads, ...rows]), '', ...legend].join('\n');
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
