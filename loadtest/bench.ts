/**
 * The bench: our server with each store beside two floors, measured in turn, so that what else the machine does hits all alike.
 * docs/benchmarks.md says how to read what it prints.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { abandonContenders, CONTENDER_NAMES, type ContenderName } from './contenders.ts';
import { buildLoadClient } from './load-client.ts';
import {
  hasLoad,
  LOAD_NAMES,
  type Load,
  measure,
  neededFor,
  type Plan,
  type Run,
  rateOf,
} from './measure.ts';
import { chooseCores } from './processes.ts';
import { createProgress } from './progress.ts';
import { doubtText, tablesOf, verdictText } from './report.ts';
import { verdictsOn } from './targets.ts';

const EXIT_CODES = { measured: 0, runFailed: 1, badUsage: 2, interrupted: 130 } as const;
/** Of one run; only the first guess of the time left. */
const START_AND_STOP_SECS = 3;
const RESULTS_FOLDER = fileURLToPath(new URL('../bench/', import.meta.url));

/** What the flags may change; those of `Plan` that they may not, and `only`, come on top. */
type Amounts = Pick<
  Plan,
  'rounds' | 'secs' | 'warmSecs' | 'holdSecs' | 'devices' | 'idleDevices' | 'seed' | 'againMax'
>;

const FULL: Amounts = {
  rounds: 3,
  secs: 5,
  // V8 has compiled most of what a PUT needs after two seconds of load.
  warmSecs: 2,
  holdSecs: 4,
  devices: 1000,
  idleDevices: 15_000,
  seed: 1,
  againMax: 1,
};
/** A look, not a measurement. */
const QUICK: Amounts = {
  ...FULL,
  rounds: 1,
  secs: 2,
  warmSecs: 1,
  holdSecs: 2,
  idleDevices: 5000,
  againMax: 0,
};
const PUTTERS = 64;

/** What is measured. A kind of which nothing is named is measured whole. */
interface Selection {
  readonly contenders: readonly ContenderName[];
  readonly loads: readonly Load[];
}

const EVERYTHING: Selection = { contenders: [], loads: [] };

type Flags = Partial<Omit<Amounts, 'warmSecs' | 'holdSecs'>> & {
  readonly only: Selection;
  readonly quick?: true;
  readonly json?: string;
};

async function main(): Promise<void> {
  const { only, quick, json, ...amounts } = parseFlags();
  const plan = {
    ...(quick ? QUICK : FULL),
    ...amounts,
    ...{ putters: PUTTERS, cores: chooseCores() },
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      abandonContenders();
      process.exit(EXIT_CODES.interrupted);
    });
  }
  await buildLoadClient();
  const startedAt = new Date();
  const runs = await measureAll(plan, only);
  const path = json ?? join(RESULTS_FOLDER, `${startedAt.toISOString().replaceAll(':', '')}.json`);
  await writeResults(path, startedAt, plan, runs);
  const parts = [
    tablesOf(runs),
    verdictText(verdictsOn(runs)),
    doubtText(runs),
    `results: ${path}`,
  ];
  console.log(`\n${parts.filter((part) => part !== '').join('\n\n')}`);
  if (runs.some(({ outcome }) => outcome === 'failed')) process.exitCode = EXIT_CODES.runFailed;
}

function parseFlags(): Flags {
  const program = new Command('bench')
    .description('Measures the server with each store beside two floors. See docs/benchmarks.md.')
    .option('--rounds <n>', `how often each contender has its turn (${FULL.rounds})`, positive)
    .option('--secs <n>', `seconds of each measured window (${FULL.secs})`, positive)
    .option('--devices <n>', `connected devices that updates go to (${FULL.devices})`, positive)
    .option('--idle-devices <n>', `devices, where there are many (${FULL.idleDevices})`, positive)
    .option(
      '--only <name...>',
      `contenders (${CONTENDER_NAMES.join(', ')}), loads (${LOAD_NAMES.join(', ')}) or both`,
      addNames,
    )
    .option('--quick', 'one round, short windows, fewer idle devices: a look, not a measurement')
    .option('--seed <n>', 'decides channel IDs and the order of the channels', whole)
    .option('--again-max <n>', 'how often a run that others disturbed is done again', whole)
    .option('--json <file>', 'where the results go (build/bench/<time>.json)')
    .allowExcessArguments(false)
    .exitOverride();
  const flags = { only: EVERYTHING, ...program.parse().opts<Partial<Flags>>() };
  if (runsOf(flags.only).length === 0) {
    program.error('error: none of these contenders has any of these loads');
  }
  return flags;
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Not a whole number.');
  return Number(text);
}

function positive(text: string): number {
  const number = whole(text);
  if (number === 0) throw new InvalidArgumentError('Must be more than 0.');
  return number;
}

function addNames(text: string, before: Selection = EVERYTHING): Selection {
  const contenders: ContenderName[] = [...before.contenders];
  const loads: Load[] = [...before.loads];
  for (const part of text.split(',')) {
    const contender = CONTENDER_NAMES.find((known) => known === part);
    const load = LOAD_NAMES.find((known) => known === part);
    if (contender !== undefined) contenders.push(contender);
    else if (load !== undefined) loads.push(load);
    else
      throw new InvalidArgumentError(`One of ${[...CONTENDER_NAMES, ...LOAD_NAMES].join(', ')}.`);
  }
  return { contenders, loads };
}

/** Every run of a round, in order: all loads of one contender, then those of the next. */
function runsOf({ contenders, loads }: Selection): readonly Pick<Run, 'contender' | 'load'>[] {
  const wanted = loads.length === 0 ? LOAD_NAMES : loads.flatMap(neededFor);
  return CONTENDER_NAMES.filter(
    (name) => contenders.length === 0 || contenders.includes(name),
  ).flatMap((contender) =>
    LOAD_NAMES.filter((load) => wanted.includes(load) && hasLoad(contender, load)).map((load) => ({
      contender,
      load,
    })),
  );
}

async function measureAll(plan: Plan, selection: Selection): Promise<readonly Run[]> {
  const planned = runsOf(selection);
  const runs: Run[] = [];
  const progress = createProgress(
    plan.rounds * planned.length,
    plan.warmSecs + plan.secs + START_AND_STOP_SECS,
  );
  for (let round = 1; round <= plan.rounds; round++) {
    for (const { contender, load } of planned) {
      progress.start(`round ${round} of ${plan.rounds}, ${contender}, ${load}`);
      const closed = runs.find(
        (run) => run.round === round && run.contender === contender && run.load === 'closed',
      );
      const place = { contender, round, load };
      const rate = rateOf(load, closed);
      runs.push(
        rate === undefined
          ? { ...place, outcome: 'failed', why: 'the closed loop gave no rate to take a share of' }
          : await measure(plan, place, rate, progress.detail),
      );
    }
  }
  progress.end();
  return runs;
}

async function writeResults(
  path: string,
  startedAt: Date,
  plan: Plan,
  runs: readonly Run[],
): Promise<void> {
  const machine = {
    cpu: cpus()[0]?.model,
    cpus: cpus().length,
    kernel: release(),
    node: process.version,
  };
  const results = { startedAt, machine, plan, verdicts: verdictsOn(runs), runs };
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `${JSON.stringify(results, null, 1)}\n`);
}

try {
  await main();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help is asked for; anything else was a slip, which commander has already explained.
    process.exitCode = error.exitCode === 0 ? 0 : EXIT_CODES.badUsage;
  } else {
    abandonContenders();
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = EXIT_CODES.runFailed;
  }
}
