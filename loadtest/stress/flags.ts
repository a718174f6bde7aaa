/** The command line of stress: every bound is checked here, before anything is sent. */
import { availableParallelism } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import { isLoopback } from '../wire/target.ts';
import { DEFAULTS, type Plan, SCENARIO_TEXTS, SCENARIOS, type Scenario } from './plan.ts';

export interface Flags {
  readonly plan: Plan;
  readonly json: string | undefined;
  readonly html: string | undefined;
}

const DEVICES_MAX = 200_000;
const CHANNELS_MAX = 200;
const RATE_MAX = 200_000;
/** One point of the charts for each second, and histograms of some seconds in memory. */
const DURATION_SECS_MAX = 3600;
const PROCESSES_MAX = 32;
const PROCESSES_DEFAULT_MAX = 2;
const MS_MAX = 600_000;
const SEED_MAX = 2 ** 31 - 1;

interface Options extends Omit<Partial<Plan>, 'durationSecs' | 'scenarios' | 'pids'> {
  readonly url: string;
  readonly duration?: number;
  readonly scenario?: readonly Scenario[];
  readonly pid?: readonly number[];
  readonly json?: string;
  readonly html?: string;
}

/** @throws CommanderError when the arguments are no plan, or help was asked for. */
export function parseFlags(args: readonly string[]): Flags {
  const program = createProgram();
  const { duration, scenario, pid, json, html, ...options } = program
    .parse(args, { from: 'user' })
    .opts<Options>();
  const devices = options.devices ?? DEFAULTS.devices;
  const plan: Plan = {
    ...DEFAULTS,
    processes: Math.min(PROCESSES_DEFAULT_MAX, availableParallelism()),
    seed: Math.floor(Math.random() * SEED_MAX),
    allowRemote: false,
    endpointBase: undefined,
    ...options,
    durationSecs: duration ?? DEFAULTS.durationSecs,
    scenarios: scenario ?? SCENARIOS,
    pids: pid ?? [],
  };
  for (const url of [plan.url, plan.endpointBase ?? plan.url]) {
    if (!plan.allowRemote && !isLoopback(new URL(url))) {
      program.error(`error: ${new URL(url).hostname} is beyond this machine; say --allow-remote`);
    }
  }
  return { plan: { ...plan, processes: Math.min(plan.processes, devices) }, json, html };
}

function createProgram(): Command {
  const count = (max: number) => (text: string) => number(text, { min: 1, max });
  const share = (text: string) => number(text, { min: 0, max: 100 });
  const ms = count(MS_MAX);
  return new Command('stress')
    .description('Holds any SimplePush server under load, end to end. See loadtest/README.md.')
    .requiredOption('--url <url>', 'where devices connect: ws://host:port/', webSocketUrl)
    .option('--devices <n>', `devices (${DEFAULTS.devices})`, count(DEVICES_MAX))
    .option('--channels <n>', `channels of each device (${DEFAULTS.channels})`, count(CHANNELS_MAX))
    .option('--rate <n>', `PUTs a second (${DEFAULTS.rate})`, count(RATE_MAX))
    .option(
      '--churn <n>',
      `% of the devices that leave and return within a minute (${DEFAULTS.churn})`,
      (text) => number(text, { min: 0, max: 1000 }),
    )
    .option('--away <n>', `% of the devices that are away, or slow (${DEFAULTS.away})`, share)
    .option(
      '--duration <secs>',
      `of all scenarios together (${DEFAULTS.durationSecs})`,
      count(DURATION_SECS_MAX),
    )
    .option('--scenario <name...>', scenarioHelp(), addScenarios)
    .option(
      '--processes <n>',
      `client processes (${PROCESSES_DEFAULT_MAX}, or fewer cores)`,
      count(PROCESSES_MAX),
    )
    .option('--pid <n...>', 'processes of the server, to chart memory and CPU (Linux)', addPid)
    .option('--json <file>', 'writes the report as JSON')
    .option('--html <file>', 'writes the report as a page with charts')
    .option('--seed <n>', 'decides who is PUT to and when', (text) =>
      number(text, { min: 0, max: SEED_MAX }),
    )
    .option('--allow-remote', 'the server may be on another machine: yours, or you were asked to')
    .option('--endpoint-base <url>', 'PUTs go here instead of to the origin of endpoints', httpUrl)
    .option(
      '--in-flight-max <n>',
      `PUTs without an answer at once (${DEFAULTS.inFlightMax})`,
      count(100_000),
    )
    .option('--grace-ms <n>', `until an accepted update is overdue (${DEFAULTS.graceMs})`, ms)
    .option('--ack-race-ms <n>', `until an ack must have been taken in (${DEFAULTS.ackRaceMs})`, ms)
    .option(
      '--answer-wait-ms <n>',
      `until a PUT counts as unanswered (${DEFAULTS.answerWaitMs})`,
      ms,
    )
    .option(
      '--connect-wait-ms <n>',
      `until a device counts as unreachable (${DEFAULTS.connectWaitMs})`,
      ms,
    )
    .option(
      '--closes-max <n>',
      `% of connections that may end without cause (${DEFAULTS.closesMax})`,
      share,
    )
    .option('--repeats-max <n>', `% of updates that may come twice (${DEFAULTS.repeatsMax})`, share)
    .allowExcessArguments(false)
    .exitOverride();
}

function scenarioHelp(): string {
  const lines = SCENARIOS.map((name) => `  ${name}: ${SCENARIO_TEXTS[name]}`);
  return ['instead of all in turn, one or more of', ...lines].join('\n');
}

function number(text: string, { min, max }: { min: number; max: number }): number {
  const value = /^\d{1,10}(?:\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  // Shares may have a fraction; a count has its least at 1.
  if (!(value >= min && value <= max) || (min === 1 && !Number.isInteger(value))) {
    throw new InvalidArgumentError(`Not a number from ${min} to ${max}.`);
  }
  return value;
}

function addPid(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, number(text, { min: 1, max: 2 ** 22 })];
}

function addScenarios(text: string, before: readonly Scenario[] = []): readonly Scenario[] {
  const names = text.split(',').map((part) => {
    const name = SCENARIOS.find((known) => known === part);
    if (name === undefined) throw new InvalidArgumentError(`One of ${SCENARIOS.join(', ')}.`);
    return name;
  });
  return [...before, ...names];
}

function webSocketUrl(text: string): string {
  return urlOf(text, ['ws:', 'wss:']);
}

function httpUrl(text: string): string {
  return new URL(urlOf(text, ['http:', 'https:'])).origin;
}

function urlOf(text: string, protocols: readonly string[]): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !protocols.includes(url.protocol)) {
    throw new InvalidArgumentError(`Not a URL with ${protocols.join(' or ')}`);
  }
  return url.href;
}
