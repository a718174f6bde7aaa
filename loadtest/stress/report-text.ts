/** The report as text for a terminal: figures, then what was found, the verdict last. */
import type { LatencySummary } from './histograms.ts';
import type { StressReport } from './report.ts';

const HEADS = ['', 'PUTs', 'delivered', 'p50 ms', 'p99 ms', 'p99.9 ms', 'max ms', 'answer p99'];

export function reportText(report: StressReport): string {
  const { verdict, phases, latency, totals } = report;
  const rows = phases.map(({ scenario, sent, arrived, fromDue, answer }) => [
    scenario,
    count(sent),
    count(arrived),
    ...latencyCells(fromDue),
    ms(answer.p99),
  ]);
  const sent = phases.reduce((sum, phase) => sum + phase.sent, 0);
  const whole = [
    'all, from due',
    count(sent),
    count(totals.arrived),
    ...latencyCells(latency.fromDue.summary),
    ms(latency.answer.summary.p99),
  ];
  const fromSend = ['all, from send', '', '', ...latencyCells(latency.fromSend.summary), ''];
  const ready = ['device ready', '', '', ...latencyCells(latency.ready.summary), ''];
  const faults = verdict.faults.flatMap(({ words, hint, examples }) => [
    `FAULT  ${words}`,
    `       ${hint}`,
    ...(examples.length === 0 ? [] : [`       such as ${examples.slice(0, 3).join('; ')}`]),
  ]);
  return [
    ...aligned([HEADS, ...rows, whole, fromSend, ready]),
    '',
    ...verdict.notes.map((note) => `note   ${note}`),
    ...faults,
    `${verdict.passed ? 'PASSED' : 'FAILED'} ${verdict.summary}`,
  ].join('\n');
}

function latencyCells({ p50, p99, p999, max }: LatencySummary): readonly string[] {
  return [p50, p99, p999, max].map(ms);
}

function ms(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}

function count(number: number): string {
  return number.toLocaleString('en');
}

function aligned(rows: readonly (readonly string[])[]): readonly string[] {
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
