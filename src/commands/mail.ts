/** `mail register|status|defer|stop`: the device's side of the mail watch, for a person at a terminal. */
import { type Command, InvalidArgumentError } from 'commander';
import { unreachable } from '../assert.ts';
import {
  createMailWatch,
  type Mailbox,
  type MailCall,
  type MailProblem,
  type MailStatus,
} from '../client/mail.ts';
import { loadConfig } from '../config/config.ts';
import { problemText } from '../config/problem.ts';
import { causeInWords, laterInWords, parseUrl } from './call-words.ts';
import { type CommandIo, createCommand, EXIT_CODE_REFUSED } from './command-io.ts';
import { loadSealingKeys } from './mail-keys.ts';
import { printable } from './printable.ts';

const DEFAULT_GATE = 'http://127.0.0.1:8083/';
const PASSWORD_VARIABLE = 'REVEILLE_MAIL_PASSWORD';

const EXAMPLES = `
Examples:
  Have a mailbox watched; new mail becomes a version on the endpoint of a device (see the command "device"):
    $ ${PASSWORD_VARIABLE}=… reveille mail register --endpoint http://…/update/… --host imap.example.com --user ada

  See how the watch is, tell it that the device is awake, end it and have the password erased:
    $ reveille mail status <token>
    $ reveille mail defer <token> 60
    $ reveille mail stop <token>

The password is read from ${PASSWORD_VARIABLE}, since a command line can be seen by others. It is sealed here, and opened by the
backend alone.

Exit codes: 0 when it was done, 1 when not, 2 for a bad command line.
`;

interface RegisterOptions {
  readonly endpoint: string;
  readonly stateEndpoint?: string;
  readonly host: string;
  readonly port?: number;
  readonly starttls?: true;
  readonly user: string;
  readonly folder: readonly string[];
  readonly wait?: number;
}

/** The command with its four words. */
export function mailCommand(io: CommandIo): Command {
  const command = createCommand('mail', io)
    .description('have a mailbox watched: new mail becomes a version on a device endpoint')
    .option('--gate <url>', 'where the mail watch is', parseUrl, DEFAULT_GATE)
    .addHelpText('after', EXAMPLES);
  const watch = () => createMailWatch(command.opts<{ gate: string }>().gate);
  return command
    .addCommand(registerCommand(io, watch))
    .addCommand(keyCommand(io))
    .addCommand(
      createCommand('status', io)
        .description('tell how a watch is')
        .argument('<token>', 'as "mail register" has printed it')
        .action(async (token: string) => tell(await watch().status(token), io, statusInWords)),
    )
    .addCommand(
      createCommand('defer', io)
        .description('tell the watch that the device is awake and looks itself')
        .argument('<token>', 'as "mail register" has printed it')
        .argument('<seconds>', 'for how long', parseCount)
        .action(async (token: string, seconds: number) =>
          tell(await watch().defer(token, seconds * MS_PER_SECOND), io, ({ untilMs }) => [
            `deferred until ${new Date(untilMs).toISOString()}`,
          ]),
        ),
    )
    .addCommand(
      createCommand('stop', io)
        .description('end a watch and have the credentials erased')
        .argument('<token>', 'as "mail register" has printed it')
        .action(async (token: string) =>
          tell(await watch().stop(token), io, () => ['stopped, and the credentials are erased']),
        ),
    );
}

/** On the machine of the backend, which alone can be believed. */
function keyCommand(io: CommandIo): Command {
  return createCommand('key', io)
    .description('print the ids of the keys that credentials are sealed to, for apps to pin')
    .option('--config <path>', 'the config of the backend; without it ./config.toml')
    .action(async ({ config: path }: { readonly config?: string }) => {
      const loaded = loadConfig({ path, env: io.env });
      if (!loaded.ok) {
        for (const problem of loaded.problems) io.stderr(`${problemText(problem)}\n`);
        io.setExitCode(EXIT_CODE_REFUSED);
        return;
      }
      for (const { id } of await loadSealingKeys(loaded.config.mailwatch)) io.stdout(`${id}\n`);
    });
}

const MS_PER_SECOND = 1000;
const PORT_TLS = 993;
const PORT_STARTTLS = 143;

function registerCommand(io: CommandIo, watch: () => ReturnType<typeof createMailWatch>): Command {
  return createCommand('register', io)
    .description('have a mailbox watched')
    .requiredOption('--endpoint <url>', 'the endpoint that gets a version for new mail', parseUrl)
    .option('--state-endpoint <url>', 'one that gets a version when the user must act', parseUrl)
    .requiredOption('--host <name>', 'the IMAP server')
    .option('--port <port>', 'its port (default: 993, or 143 with --starttls)', parseCount)
    .option('--starttls', 'begin in the clear and demand STARTTLS')
    .requiredOption('--user <name>', 'the user name at the mail server')
    .option('--folder <name>', 'a folder to watch; may be given several times', collect, [])
    .option('--wait <seconds>', 'begin to watch after so long', parseCount)
    .action(async (options: RegisterOptions) => {
      const password = io.env[PASSWORD_VARIABLE];
      if (password === undefined || password === '') {
        io.stderr(`the password is missing: set ${PASSWORD_VARIABLE}\n`);
        io.setExitCode(EXIT_CODE_REFUSED);
        return;
      }
      const call = await watch().register(mailboxOf(options, password));
      tell(call, io, ({ token }) => [`watching; the token of the watch:`, token]);
    });
}

function mailboxOf(options: RegisterOptions, password: string): Mailbox {
  const { endpoint, stateEndpoint, host, starttls, user, folder, wait } = options;
  return {
    endpoint,
    ...(stateEndpoint === undefined ? {} : { stateEndpoint }),
    host,
    port: options.port ?? (starttls ? PORT_STARTTLS : PORT_TLS),
    security: starttls ? 'starttls' : 'tls',
    ...(folder.length === 0 ? {} : { folders: folder.map((name) => ({ name })) }),
    ...(wait === undefined ? {} : { waitMs: wait * MS_PER_SECOND }),
    credentials: { kind: 'password', username: user, password },
  };
}

/** What was asked goes to stdout; a problem to stderr, with exit code 1. */
function tell<T>(call: MailCall<T>, io: CommandIo, inWords: (value: T) => readonly string[]): void {
  if (call.ok) {
    for (const line of inWords(call.value)) io.stdout(`${printable(line)}\n`);
    return;
  }
  for (const line of problemInWords(call.problem)) io.stderr(`${printable(line)}\n`);
  io.setExitCode(1);
}

function statusInWords({ state, sinceMs, lastVersion, folders }: MailStatus): readonly string[] {
  const { kind, ...members } = state;
  const details = Object.keys(members).length === 0 ? '' : ` ${JSON.stringify(members)}`;
  return [
    `${kind} since ${new Date(sinceMs).toISOString()}${details}`,
    `folders: ${folders.map(({ name }) => name).join(', ')}`,
    lastVersion === undefined ? 'no news so far' : `last version: ${lastVersion}`,
  ];
}

function problemInWords(problem: MailProblem): readonly string[] {
  switch (problem.kind) {
    case 'invalid':
      return [
        'refused:',
        ...problem.fields.map(({ field, expected }) => `  ${field}: expected ${expected}`),
      ];
    case 'unauthorized':
      return ['this token is not, or no more, the one of the watch'];
    case 'unknown':
      return ['there is no such watch here'];
    case 'untrusted-key':
      return ['the gate names a key that is not what it says: nothing was sent'];
    case 'try-later':
      return [`${problem.status}: not now; ${laterInWords(problem.retryAfterMs)}`];
    case 'refused':
      return [`${problem.status}: refused`];
    case 'unreachable':
      return [`no answer: ${causeInWords(problem.cause)}`];
    default:
      return unreachable(problem);
  }
}

function collect(value: string, values: readonly string[]): readonly string[] {
  return [...values, value];
}

function parseCount(text: string): number {
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
}
