/** `npm run bench:mail`: from the delivery of a mail to the frame at the device, and memory per watch. docs/benchmarks.md. */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type MailFigures, measureMail } from './mail/measure.ts';
import { createProgress } from './progress.ts';
import { EXIT_CODES } from './wire/command.ts';

const RESULTS_FOLDER = 'build/bench';
const SIZES = [1, 200, 1000];
const SERVERS = ['dovecot', 'fake'] as const;
/** What one size takes about, until the first tells. */
const STEP_SECS = 90;

interface Flags {
  readonly mailboxes: readonly number[];
  readonly mails: number;
  readonly only?: string;
  readonly json?: string;
}

async function main(): Promise<number> {
  const program = new Command('bench:mail')
    .description(
      'Measures the mail watch against Dovecot and against a fast fake. See docs/benchmarks.md.',
    )
    .option('--mailboxes <numbers>', `how many, in turn (${SIZES.join(',')})`, parseSizes, SIZES)
    .option('--mails <number>', 'mails for each number of mailboxes', parseCount, 300)
    .option('--only <server>', `one of ${SERVERS.join(', ')}`, parseServer)
    .option('--json <file>', 'where the figures go (build/bench/mail-<time>.json)')
    .allowExcessArguments(false)
    .exitOverride();
  try {
    program.parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_CODES.passed : EXIT_CODES.badUsage;
  }
  const { mailboxes: sizes, mails, only, json } = program.opts<Flags>();
  const servers = SERVERS.filter((name) => only === undefined || name === only);
  const progress = createProgress(servers.length * sizes.length, STEP_SECS);
  const startedAt = new Date();
  const figures: MailFigures[] = [];
  console.log(inColumns(COLUMNS));
  for (const server of servers) {
    for (const mailboxes of sizes) {
      progress.start(`${server}, ${mailboxes} mailboxes`);
      const measured = await measureMail({ server, mailboxes, mails }, progress.detail);
      figures.push(measured);
      // At once, for whoever does not wait for the rest.
      progress.end();
      console.log(rowOf(measured));
    }
  }
  progress.end();
  const name = `mail-${startedAt.toISOString().replaceAll(':', '')}.json`;
  const path = json ?? join(RESULTS_FOLDER, name);
  await mkdir(dirname(path), { recursive: true });
  const machine = { node: process.version, cpus: cpus().map(({ model }) => model) };
  await writeFile(path, `${JSON.stringify({ startedAt, machine, figures }, null, 1)}\n`);
  console.log(`\nfigures: ${path}`);
  return figures.every(({ missing }) => missing === 0) ? EXIT_CODES.passed : EXIT_CODES.failed;
}

const COLUMNS = [
  'server',
  'mailboxes',
  'mails',
  'missing',
  'p50 ms',
  'p99 ms',
  'kB/watch',
  'bare kB',
  'ratio',
];
const COLUMN_CHARACTERS = 10;

function rowOf({ server, mailboxes, mails, missing, ...rest }: MailFigures): string {
  return inColumns([
    ...[server, mailboxes, mails, missing].map(String),
    ...[rest.p50Ms, rest.p99Ms, rest.kbPerWatch, rest.bareKbPerConnection].map(whole),
    rest.kbPerWatch === undefined || rest.bareKbPerConnection === undefined
      ? '–'
      : (rest.kbPerWatch / rest.bareKbPerConnection).toFixed(2),
  ]);
}

function inColumns(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(COLUMN_CHARACTERS)).join('');
}

function whole(value: number | undefined): string {
  return value === undefined ? '–' : value.toFixed(0);
}

function parseCount(text: string): number {
  if (/^[1-9][0-9]{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number above 0.');
}

function parseSizes(text: string): readonly number[] {
  return text.split(',').map(parseCount);
}

function parseServer(text: string): string {
  if (SERVERS.some((name) => name === text)) return text;
  throw new InvalidArgumentError(`It must be one of ${SERVERS.join(', ')}.`);
}

process.exitCode = await main();
