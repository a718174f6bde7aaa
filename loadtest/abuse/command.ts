/** The command line of the abuse suite. */
import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { type CommandIo, EXIT_CODES } from '../wire/command.ts';
import { UnreachableError, WireError } from '../wire/errors.ts';
import { Load } from '../wire/load.ts';
import {
  addTargetOptions,
  isLoopback,
  parsePositive,
  type Target,
  type TargetFlags,
  targetOf,
} from '../wire/target.ts';
import type { Group } from './case.ts';
import { GoodPair } from './good-pair.ts';
import { chosenOf, groupsOf } from './groups.ts';
import { caseLine, groupLine, isPassed, listText, planText, summaryText } from './report.ts';
import { type AbusePlan, runAbuse, SOCKETS_MIN } from './run.ts';

const DEFAULT_TIMEOUT_MS = 5_000;
const DEFAULT_BOUND_MS = 2_000;
const DEFAULT_QUIET_MS = 250;
const DEFAULT_BOUNDS = { socketsMax: 64, sendsPerSecondMax: 5_000, bytesMax: 64 * 1024 * 1024 };
const SEED_MAX = 2 ** 31;

interface AbuseFlags extends TargetFlags {
  readonly only: readonly string[];
  readonly list?: true;
  readonly strict?: true;
  readonly long?: true;
  readonly behindProxy?: true;
  readonly quiet?: true;
  readonly allowRemote?: true;
  readonly json?: string;
  readonly seed: number;
  readonly bound: number;
  readonly silence: number;
  readonly sockets: number;
  readonly rate: number;
  readonly bytes: number;
}

/** `args` are those after the program's name. Resolves to the exit code. */
export async function abuseCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const program = describeProgram(io);
  try {
    program.parse(args, { from: 'user' });
    const url: URL | undefined = program.processedArgs[0];
    const flags = program.opts<AbuseFlags>();
    const all = groupsOf({
      seed: flags.seed,
      isLong: flags.long === true,
      isProxied: flags.behindProxy === true,
    });
    const groups = chosenOf(all, flags.only);
    if (groups === undefined) {
      return refuse(
        io,
        `--only ${flags.only.join(' ')}: no such group or case; --list has them all`,
      );
    }
    if (flags.list) {
      io.out(listText(groups));
      return EXIT_CODES.passed;
    }
    if (url === undefined) return refuse(io, "missing argument 'url'");
    return await abuse(url, flags, groups, io);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help is asked for; anything else was a slip, which commander has already explained.
    return error.exitCode === 0 ? EXIT_CODES.passed : EXIT_CODES.badUsage;
  }
}

function describeProgram(io: CommandIo): Command {
  const { socketsMax, sendsPerSecondMax, bytesMax } = DEFAULT_BOUNDS;
  return addTargetOptions(new Command('abuse'), {
    argument: '[url]',
    timeoutMs: DEFAULT_TIMEOUT_MS,
  })
    .description('Sends a SimplePush server odd and malicious input, and sees whether it bears it.')
    .option('--only <group[/case]...>', 'these groups and cases alone', addNames, [])
    .option('--list', 'name all groups and cases, and send nothing')
    .option('--strict', 'accept only what protocol.md allows, not all that servers do')
    .option('--long', "with the cases that take as long as a server's timeouts")
    .option('--behind-proxy', 'without what a proxy that normalises requests never passes on')
    .option('--quiet', 'print only failures and one line for each group')
    .option('--json <file>', 'write all outcomes there')
    .option('--seed <n>', 'decides the cases that are made up', parseSeed, randomInt(SEED_MAX))
    .option(
      '--bound <ms>',
      'longest time of a PUT of others to its notification',
      parsePositive,
      DEFAULT_BOUND_MS,
    )
    .option(
      '--silence <ms>',
      'how long nothing comes until it is silence',
      parsePositive,
      DEFAULT_QUIET_MS,
    )
    .option('--sockets <n>', 'sockets that may be open at once', parseSockets, socketsMax)
    .option('--rate <n>', 'messages and requests in a second', parsePositive, sendsPerSecondMax)
    .option('--bytes <n>', 'bytes sent in the whole run', parsePositive, bytesMax)
    .option('--allow-remote', 'the server is not this machine, and its operator knows of this')
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) })
    .exitOverride();
}

async function abuse(
  url: URL,
  flags: AbuseFlags,
  groups: readonly Group[],
  io: CommandIo,
): Promise<number> {
  const target = targetOf(url, flags);
  if (flags.allowRemote !== true && !isLoopback(url)) return refuseRemote(io, url);
  const endpoint = await findEndpoint(target);
  if (typeof endpoint === 'string') {
    io.err(`abuse: there is nothing to begin with: ${endpoint}\n`);
    return EXIT_CODES.failed;
  }
  if (flags.allowRemote !== true && !isLoopback(endpoint)) return refuseRemote(io, endpoint);
  const plan = planOf(target, groups, flags);
  io.out(planText(plan, { url, endpoint, seed: flags.seed }));
  const outcome = await runAbuse(plan, {
    onCase: (one) => {
      if (flags.quiet !== true || one.verdict === 'failed') io.out(caseLine(one));
    },
    onGroup: (group) => io.out(groupLine(group)),
  });
  io.out(summaryText(outcome));
  if (flags.json !== undefined) {
    const results = { url: url.href, seed: flags.seed, strict: flags.strict === true, ...outcome };
    await writeFile(flags.json, `${JSON.stringify(results, null, 1)}\n`);
  }
  return isPassed(outcome) ? EXIT_CODES.passed : EXIT_CODES.failed;
}

function planOf(target: Target, groups: readonly Group[], flags: AbuseFlags): AbusePlan {
  return {
    target,
    groups,
    isStrict: flags.strict === true,
    bounds: {
      socketsMax: flags.sockets,
      sendsPerSecondMax: flags.rate,
      bytesMax: flags.bytes,
    },
    boundMs: flags.bound,
    quietMs: flags.silence,
  };
}

/** Where the server's endpoints are, by one hello and one register; or why that cannot be known. */
async function findEndpoint(target: Target): Promise<URL | string> {
  const pair = new GoodPair(target, new Load(DEFAULT_BOUNDS), target.timeoutMs);
  try {
    return await pair.endpoint();
  } catch (error) {
    if (error instanceof WireError || error instanceof UnreachableError) return error.message;
    throw error;
  } finally {
    pair.leave();
  }
}

function refuseRemote(io: CommandIo, { host }: URL): number {
  return refuse(io, `${host} is not this machine: --allow-remote says that its operator knows`);
}

function refuse(io: CommandIo, reason: string): number {
  io.err(`error: ${reason}\n`);
  return EXIT_CODES.badUsage;
}

function addNames(text: string, before: readonly string[]): readonly string[] {
  return [...before, ...text.split(',')];
}

function parseSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > SEED_MAX) {
    throw new InvalidArgumentError(`Not a whole number up to ${SEED_MAX}.`);
  }
  return Number(text);
}

function parseSockets(text: string): number {
  const sockets = parsePositive(text);
  if (sockets < SOCKETS_MIN) throw new InvalidArgumentError(`Not less than ${SOCKETS_MIN}.`);
  return sockets;
}
