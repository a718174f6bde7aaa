/** `queue list|retry|purge`: what waits to wake devices, and what was given up. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { systemClock } from '../clock.ts';
import type { ProviderName } from '../kick/provider.ts';
import { quietLog } from '../log.ts';
import type { DeadKick, KickQueue } from '../queue/queue.ts';
import { type CommandIo, createCommand, EXIT_CODE_REFUSED } from './command-io.ts';
import { configFor } from './config-for.ts';
import { closeKickQueues, openKickQueues } from './open-queues.ts';
import { type QueueReport, reportText } from './queue-words.ts';

const EXIT_CODE_FAILED = 1;
const PROVIDERS: readonly ProviderName[] = ['apns', 'fcm', 'udp'];
const LISTED_DEFAULT = 100;
const LISTED_MAX = 10_000;

const EXAMPLES = `
Examples:
  See what waits, and what was given up and why:
    $ reveille queue list

  Try again what FCM refused, after its credentials were mended:
    $ reveille queue retry --provider fcm

  Throw one dead letter away, or all of them:
    $ reveille queue purge --id 1800000000000000000-0123456789abcdef
    $ reveille queue purge --yes

It may run beside the server. Run it as the server's user: the folder of a spool is its owner's alone.
Exit codes: 0 when it was done, 1 when the queue failed or has no entry of that id, 2 for a bad command line or config.
`;

interface Options {
  readonly provider?: ProviderName;
  readonly config?: string;
  readonly json?: true;
}

/** What is done to dead letters. */
type Settle = (queue: KickQueue, id: string | undefined) => Promise<number>;

export function queueCommand(io: CommandIo): Command {
  const list = subcommand('list', io)
    .description('show how many kicks wait, and those that were given up')
    .option(
      '--max <number>',
      `dead letters shown of each provider, 1 to ${LISTED_MAX}`,
      parseMax,
      LISTED_DEFAULT,
    )
    .action((options: Options & { max: number }) =>
      run(io, options, (queues) => listAll(io, queues, options)),
    );
  const retry = subcommand('retry', io)
    .description('make dead letters ready again, their attempts forgotten')
    .option('--id <id>', 'this one alone, as "list" shows it')
    .action((options: Options & { id?: string }) =>
      run(io, options, (queues) =>
        settleAll(io, queues, {
          ...options,
          verb: 'retried',
          settle: (queue, id) => queue.retryDead(id),
        }),
      ),
    );
  const purge = subcommand('purge', io)
    .description('throw dead letters away')
    .option('--id <id>', 'this one alone, as "list" shows it')
    .option('--yes', 'needed to throw all of them away')
    .action((options: Options & { id?: string; yes?: true }) => purgeAll(io, options));
  return createCommand('queue', io)
    .description('look after the queue of wake-ups: what waits, what was given up')
    .addHelpText('after', EXAMPLES)
    .addCommand(list)
    .addCommand(retry)
    .addCommand(purge);
}

function subcommand(name: string, io: CommandIo): Command {
  return createCommand(name, io)
    .addOption(new Option('--provider <name>', 'one provider alone').choices(PROVIDERS))
    .option('--json', 'print one JSON document instead of text')
    .option('--config <path>', 'the config file; without it ./config.toml, if there is one');
}

type OpenQueue = readonly [ProviderName, KickQueue];

/** Opens the queues that are asked for, and says what fails in a sentence. */
async function run(
  io: CommandIo,
  { config: path, provider }: Options,
  use: (queues: readonly OpenQueue[]) => Promise<void>,
): Promise<void> {
  const config = configFor(io, path);
  if (config === undefined) return;
  try {
    const queues = await openKickQueues(config, quietLog, systemClock);
    try {
      const wanted = PROVIDERS.filter((name) => provider === undefined || name === provider);
      const open = wanted.flatMap((name) => {
        const queue = queues[name];
        return queue === undefined ? [] : [[name, queue] as const];
      });
      if (open.length > 0) await use(open);
      else
        refuse(
          io,
          `${provider ?? 'no provider'} is ${provider === undefined ? '' : 'not '}set up in [kick]: there is no queue`,
        );
    } finally {
      await closeKickQueues(queues);
    }
  } catch (error) {
    io.stderr(`${error instanceof Error ? error.message : String(error)}\n`);
    io.setExitCode(EXIT_CODE_FAILED);
  }
}

async function listAll(
  io: CommandIo,
  queues: readonly OpenQueue[],
  { json, max }: Options & { readonly max: number },
): Promise<void> {
  const reports: QueueReport[] = [];
  for (const [provider, queue] of queues) {
    const depth = await queue.depth();
    const dead: readonly DeadKick[] = await queue.listDead(max);
    reports.push({ provider, driver: queue.driver, depth, dead });
  }
  const nowMs = systemClock.nowMs();
  io.stdout(
    json
      ? `${JSON.stringify(reports)}\n`
      : reports.map((report) => reportText(report, nowMs)).join('\n'),
  );
}

async function purgeAll(
  io: CommandIo,
  options: Options & { readonly id?: string; readonly yes?: true },
): Promise<void> {
  if (options.id === undefined && options.yes === undefined) {
    refuse(io, 'this would throw all dead letters away: add --yes to do so, or --id for one');
    return;
  }
  await run(io, options, (queues) =>
    settleAll(io, queues, {
      ...options,
      verb: 'purged',
      settle: (queue, id) => queue.purgeDead(id),
    }),
  );
}

async function settleAll(
  io: CommandIo,
  queues: readonly OpenQueue[],
  wish: {
    readonly id?: string;
    readonly json?: true;
    readonly verb: 'retried' | 'purged';
    readonly settle: Settle;
  },
): Promise<void> {
  const { id, json, verb, settle } = wish;
  const counts: Record<string, number> = {};
  for (const [provider, queue] of queues) counts[provider] = await settle(queue, id);
  const lines = Object.entries(counts).map(([provider, count]) => `${provider}  ${verb} ${count}`);
  io.stdout(json ? `${JSON.stringify({ [verb]: counts })}\n` : `${lines.join('\n')}\n`);
  if (id !== undefined && Object.values(counts).every((count) => count === 0)) {
    io.stderr(`no dead letter has the id ${id}, or the queue is full\n`);
    io.setExitCode(EXIT_CODE_FAILED);
  }
}

function refuse(io: CommandIo, sentence: string): void {
  io.stderr(`${sentence}\n`);
  io.setExitCode(EXIT_CODE_REFUSED);
}

function parseMax(text: string): number {
  const max = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (max >= 1 && max <= LISTED_MAX) return max;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${LISTED_MAX}.`);
}
