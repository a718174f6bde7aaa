/** `watches list|pause|resume|rearm|alert`: what the mail watch does, for its operator; asked on a socket file of the backend. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { unreachable } from '../assert.ts';
import { systemClock } from '../clock.ts';
import { WATCH_STATES } from '../mailwatch/mail-metrics.ts';
import { askBackend, type OperatorsCall } from '../mailwatch/operators/client.ts';
import { type CommandIo, createCommand, EXIT_CODE_REFUSED } from './command-io.ts';
import { configFor } from './config-for.ts';
import { accountsText, membersOf, statusText } from './watches-words.ts';

const EXIT_CODE_FAILED = 1;
/** As many as one page has. */
const LISTED_MAX = 1_000;
const LISTED_DEFAULT = 100;

const EXAMPLES = `
Examples:
  See how the watches are, and those that do not work:
    $ reveille watches list
    $ reveille watches list --state backoff --host imap.example.com

  Leave all mail servers alone while something is mended, also after a restart, and go on:
    $ reveille watches pause
    $ reveille watches resume

  Have the watches of a provider that is back try again now, spread over mailwatch.ramp_ms:
    $ reveille watches rearm --host imap.example.com

  Wake every device that has a mailbox watched, so that it calls home:
    $ reveille watches alert --all

Run it on the machine of the mail watch and as its user: the socket file (mailwatch.operators_path) is its owner's alone.
Exit codes: 0 when it was done, 1 when not, 2 for a bad command line or config.
`;

interface Common {
  readonly config?: string;
  readonly json?: true;
}

interface Chosen extends Common {
  readonly host?: string;
  readonly account?: string;
  readonly all?: true;
}

interface Asked {
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

export function watchesCommand(io: CommandIo): Command {
  const list = subcommand('list', io)
    .description('show how the watches are')
    .addOption(new Option('--state <state>', 'those in this state alone').choices(WATCH_STATES))
    .option('--host <name>', 'those at this mail server alone', lowerCase)
    .option('--after <account>', 'those behind this account, for the next page')
    .option('--max <number>', `accounts shown, 1 to ${LISTED_MAX}`, parseMax, LISTED_DEFAULT)
    .action(({ state, host, after, max, ...common }: Common & ListOptions) => {
      const path = `/v1/accounts?${queryOf({ state, host, after, limit: String(max) })}`;
      return listAll(io, common, path);
    });
  return createCommand('watches', io)
    .description('look after the watched mailboxes: list, pause, re-arm')
    .addHelpText('after', EXAMPLES)
    .addCommand(list)
    .addCommand(pausing('pause', 'leave all mail servers alone, also after restarts', io))
    .addCommand(pausing('resume', 'end a pause', io))
    .addCommand(choosing('rearm', 'have watches forget their failures and connect anew', io))
    .addCommand(choosing('alert', 'wake devices, so that they call home', io))
    .addCommand(
      subcommand('rotate', io)
        .description('read the master keys anew, and seal all credentials with the first')
        .action((options: Common) =>
          ask(io, options, { method: 'POST', path: '/v1/rotate' }, (body) => {
            const { accounts } = membersOf(body);
            return `${accounts} accounts were sealed anew; none needs an older key now\n`;
          }),
        ),
    );
}

interface ListOptions {
  readonly state?: string;
  readonly host?: string;
  readonly after?: string;
  readonly max: number;
}

function subcommand(name: string, io: CommandIo): Command {
  return createCommand(name, io)
    .option('--json', 'print what the mail watch has answered')
    .option('--config <path>', 'the config of the mail watch; without it ./config.toml');
}

function pausing(name: 'pause' | 'resume', description: string, io: CommandIo): Command {
  return subcommand(name, io)
    .description(description)
    .action((options: Common) =>
      ask(io, options, { method: 'POST', path: `/v1/${name}` }, (body) => statusText(body)),
    );
}

function choosing(name: 'rearm' | 'alert', description: string, io: CommandIo): Command {
  return subcommand(name, io)
    .description(description)
    .option('--host <name>', 'those at this mail server', lowerCase)
    .option('--account <id>', 'this one, as "list" shows it')
    .option('--all', 'all of them')
    .action(({ host, account, all, ...common }: Chosen) => {
      if ((host ?? account ?? all) === undefined) {
        io.stderr('say which watches: --host, --account or --all\n');
        io.setExitCode(EXIT_CODE_REFUSED);
        return undefined;
      }
      const query = queryOf({ host, account, all: all && 'true' });
      const asked = { method: 'POST', path: `/v1/${name}?${query}` } as const;
      return ask(io, common, asked, (body) => `${membersOf(body)['accounts']} watches chosen\n`);
    });
}

async function listAll(io: CommandIo, common: Common, path: string): Promise<void> {
  if (common.json) return await ask(io, common, { method: 'GET', path }, () => '');
  await ask(io, common, { method: 'GET', path: '/v1/status' }, statusText);
  await ask(io, common, { method: 'GET', path }, (body) => accountsText(body, systemClock.nowMs()));
}

/** Asks the backend, and prints the answer or why there is none. */
async function ask(
  io: CommandIo,
  { config: path, json }: Common,
  asked: Asked,
  inWords: (body: unknown) => string,
): Promise<void> {
  const config = configFor(io, path);
  if (config === undefined) return;
  const { operatorsPath } = config.mailwatch;
  const call = await askBackend(operatorsPath, asked);
  if (call.kind === 'answered' && call.status === 200) {
    io.stdout(json ? `${JSON.stringify(call.body)}\n` : inWords(call.body));
    return;
  }
  io.stderr(`${problemOf(call, operatorsPath)}\n`);
  io.setExitCode(EXIT_CODE_FAILED);
}

function problemOf(call: OperatorsCall, path: string): string {
  switch (call.kind) {
    case 'answered':
      return `the mail watch has refused it with ${call.status}: ${JSON.stringify(call.body)}`;
    case 'unreachable':
      return call.code === 'EACCES'
        ? `${path} is not yours: run this as the user of the mail watch`
        : `no mail watch listens on ${path} (${call.code}): does it run, and with the same mailwatch.operators_path?`;
    default:
      return unreachable(call);
  }
}

function queryOf(words: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(words).filter(
    (word): word is [string, string] => word[1] !== undefined,
  );
  return new URLSearchParams(given).toString();
}

function lowerCase(text: string): string {
  return text.toLowerCase();
}

function parseMax(text: string): number {
  const max = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (max >= 1 && max <= LISTED_MAX) return max;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${LISTED_MAX}.`);
}
