/** The command line of the measurement, its table and its verdict. */
import { writeFile } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type CommandIo, EXIT_CODES } from '../wire/command.ts';
import { type HangFigures, type HangPlan, measureHang, type PhaseFigures } from './hang-run.ts';

const DEFAULTS: HangPlan = { devices: 1000, rate: 100, calmSecs: 20, hangSecs: 60 };
/** During the hang a time may be this much of the one before, and this much more; the second is what a quiet machine varies by. */
const TOLERANCE = { p50Factor: 1.25, p50Ms: 0.5, p99Factor: 1.5, p99Ms: 2, wakesShare: 0.95 };

interface Flags extends HangPlan {
  readonly json?: string;
}

/** `args` are those after the program's name. Resolves to the exit code. */
export async function hangCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const program = programFor(io);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help is asked for; anything else was a slip, which commander has already explained.
    return error.exitCode === 0 ? EXIT_CODES.passed : EXIT_CODES.badUsage;
  }
  const { json, ...plan } = program.opts<Flags>();
  try {
    return await measureAndTell(plan, json, io);
  } catch (error) {
    io.err(`bench:kick: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_CODES.failed;
  }
}

async function measureAndTell(
  plan: HangPlan,
  json: string | undefined,
  io: CommandIo,
): Promise<number> {
  const figures = await measureHang(plan, (text) => io.err(`${text}\n`));
  const findings = findingsOn(figures);
  if (json !== undefined) {
    const report = { plan, tolerance: TOLERANCE, ...figures, findings };
    await writeFile(json, `${JSON.stringify(report, null, 1)}\n`);
  }
  io.out(`${tableOf(figures)}\n\n${verdictText(figures, findings)}\n`);
  return findings.length === 0 ? EXIT_CODES.passed : EXIT_CODES.failed;
}

function programFor(io: CommandIo): Command {
  return new Command('bench:kick')
    .description('Measures what FCM does to PUTs and to APNs while it hangs. Starts all it needs.')
    .option('--devices <number>', 'sleeping devices of each provider', parseCount, DEFAULTS.devices)
    .option('--rate <number>', 'PUTs a second to those of each', parseCount, DEFAULTS.rate)
    .option('--calm-secs <number>', 'before the hang and after', parseCount, DEFAULTS.calmSecs)
    .option('--hang-secs <number>', 'length of the hang', parseCount, DEFAULTS.hangSecs)
    .option('--json <file>', 'write plan, figures and findings there')
    .addHelpText(
      'after',
      '\nExit codes: 0 when the verdict is good, 1 when not, 2 for a bad command line.\n',
    )
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride();
}

function parseCount(text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be an integer from 1 to 999999.');
}

/** What changed more than it may; empty when nothing did. */
export function findingsOn({ phases, fcmDevicesWoken, devices }: HangFigures): readonly string[] {
  const [before, during] = phases;
  if (before === undefined || during === undefined) return ['a phase is missing'];
  const { p50Factor, p50Ms, p99Factor, p99Ms, wakesShare } = TOLERANCE;
  const findings: string[] = [];
  for (const puts of ['apnsPuts', 'fcmPuts'] as const) {
    const [was, is] = [before[puts], during[puts]];
    if (is.p50 > was.p50 * p50Factor + p50Ms) findings.push(`${puts}: p50 rose during the hang`);
    if (is.p99 > was.p99 * p99Factor + p99Ms) findings.push(`${puts}: p99 rose during the hang`);
  }
  if (during.apnsWakesPerSec < before.apnsWakesPerSec * wakesShare) {
    findings.push('fewer wake-ups went through APNs during the hang');
  }
  if (during.fcmWakesPerSec > 0) findings.push('FCM did not hang');
  for (const { phase, failed } of phases) {
    if (failed > 0) findings.push(`${failed} PUTs were not answered 202 ${phase} the hang`);
  }
  if (fcmDevicesWoken < devices) {
    findings.push(`${devices - fcmDevicesWoken} devices were never woken through FCM`);
  }
  return findings;
}

const COLUMNS: readonly { title: string; of: (figures: PhaseFigures) => string }[] = [
  { title: 'APNs PUT p50', of: ({ apnsPuts }) => apnsPuts.p50.toFixed(2) },
  { title: 'p99', of: ({ apnsPuts }) => apnsPuts.p99.toFixed(2) },
  { title: 'FCM PUT p50', of: ({ fcmPuts }) => fcmPuts.p50.toFixed(2) },
  { title: 'p99', of: ({ fcmPuts }) => fcmPuts.p99.toFixed(2) },
  { title: 'APNs wakes/s', of: ({ apnsWakesPerSec }) => apnsWakesPerSec.toFixed(1) },
  { title: 'PUT to wake p50', of: ({ apnsWakes }) => apnsWakes.p50.toFixed(0) },
  { title: 'p99', of: ({ apnsWakes }) => apnsWakes.p99.toFixed(0) },
  { title: 'FCM wakes/s', of: ({ fcmWakesPerSec }) => fcmWakesPerSec.toFixed(1) },
];

function tableOf({ phases }: HangFigures): string {
  const rows = [
    ['times in ms', ...COLUMNS.map(({ title }) => title)],
    ...phases.map((figures) => [figures.phase, ...COLUMNS.map(({ of }) => of(figures))]),
  ];
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at === 0 ? cell.padEnd(widthOf(at)) : cell.padStart(widthOf(at) + 2)))
        .join(''),
    )
    .join('\n');
}

function verdictText(
  { fcmDevicesWoken, devices }: HangFigures,
  findings: readonly string[],
): string {
  const woken = `${fcmDevicesWoken} of ${devices} devices were woken through FCM in the end.`;
  if (findings.length > 0) return [woken, ...findings.map((finding) => `! ${finding}`)].join('\n');
  return `${woken}\nWhile FCM hung, PUTs and wake-ups through APNs went on as before.`;
}
