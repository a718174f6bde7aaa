/** `mail register`: has a mailbox watched, over IMAP or ActiveSync. */
import type { Command } from 'commander';
import type { Mailbox, MailWatch } from '../client/mail.ts';
import { parseCount, parseUrl } from './call-words.ts';
import { type CommandIo, createCommand, EXIT_CODE_REFUSED } from './command-io.ts';
import {
  type Checked,
  DEFAULT_PROTOCOL_VERSION,
  type ExchangeOptions,
  parseProtocolVersion,
  parseResponseTimeout,
  readExchange,
  strayExchangeOptions,
} from './mail-exchange.ts';
import { tell } from './mail-words.ts';
import { printable } from './printable.ts';

/** Where the password is read from: a command line can be seen by others. */
export const PASSWORD_VARIABLE = 'REVEILLE_MAIL_PASSWORD';

const MS_PER_SECOND = 1000;
const PORT_TLS = 993;
const PORT_STARTTLS = 143;
const PORT_HTTPS = 443;

const EXAMPLES = `
Examples:
  Two folders of an IMAP server:
    $ ${PASSWORD_VARIABLE}=… reveille mail register --endpoint http://…/update/… --host imap.example.com --user ada \\
        --folder INBOX --folder Work

  ActiveSync: the device's own Ping, as it would be posted, and the answer to it when nothing is new:
    $ ${PASSWORD_VARIABLE}=… reveille mail register --endpoint http://…/update/… --host eas.example.com --user ada \\
        --activesync --path '/Microsoft-Server-ActiveSync?Cmd=Ping&User=ada&DeviceId=1&DeviceType=phone' \\
        --request ping.wbxml --unchanged-reply nothing-new.wbxml --response-timeout 1500

  ActiveSync by Sync, where an empty answer says that nothing is new:
    $ ${PASSWORD_VARIABLE}=… reveille mail register --endpoint http://…/update/… --host eas.example.com --user ada \\
        --activesync --sync --path '/Microsoft-Server-ActiveSync?Cmd=Sync&User=ada&DeviceId=1&DeviceType=phone' \\
        --request sync.wbxml --response-timeout 1500

Exit codes: 0 when the mailbox is watched, 1 when not, 2 for a bad command line or a file that cannot be read.
`;

interface RegisterOptions extends ExchangeOptions {
  readonly endpoint: string;
  readonly stateEndpoint?: string;
  readonly host: string;
  readonly port?: number;
  readonly user: string;
  readonly wait?: number;
  readonly starttls?: true;
  readonly folder?: readonly string[];
  readonly activesync?: true;
}

/** The subcommand; `watch` is asked for once the options are in order. */
export function registerCommand(io: CommandIo, watch: () => MailWatch): Command {
  return createCommand('register', io)
    .description('have a mailbox watched')
    .requiredOption('--endpoint <url>', 'the endpoint that gets a version for new mail', parseUrl)
    .option('--state-endpoint <url>', 'one that gets a version when the user must act', parseUrl)
    .requiredOption('--host <name>', 'the mail server')
    .option('--port <port>', 'its port (default: 993, 143 or 443, by the options)', parseCount)
    .requiredOption('--user <name>', 'the user name at the mail server')
    .option('--wait <seconds>', 'begin to watch after so long', parseCount)
    .optionsGroup('IMAP:')
    .option('--starttls', 'begin in the clear and demand STARTTLS')
    .option('--folder <name>', 'a folder to watch, again for each (default: INBOX)', collect)
    .optionsGroup('ActiveSync:')
    .option('--activesync', 'the server speaks ActiveSync: post the request below, over and over')
    .option('--path <path>', 'path and query of the POST, with Cmd=Ping, or Cmd=Sync with --sync')
    .option('--request <file>', 'the WBXML that is posted')
    .option('--unchanged-reply <file>', 'the whole answer when nothing is new; Ping needs it')
    .option('--sync', 'Sync and not Ping: an empty answer says that nothing is new')
    .option(
      '--response-timeout <seconds>',
      'how long the request asks the server to hold its answer back',
      parseResponseTimeout,
    )
    .option(
      '--protocol-version <version>',
      `what the request is written in (default: ${DEFAULT_PROTOCOL_VERSION})`,
      parseProtocolVersion,
    )
    .option('--policy-key <digits>', 'from the provisioning of the device')
    .option('--user-agent <text>', 'what the device calls itself')
    .addHelpText('after', EXAMPLES)
    .action((options: RegisterOptions) => register(options, io, watch));
}

async function register(
  options: RegisterOptions,
  io: CommandIo,
  watch: () => MailWatch,
): Promise<void> {
  const mailbox = await mailboxOf(options, io.env[PASSWORD_VARIABLE] ?? '');
  if (!mailbox.ok) {
    for (const problem of mailbox.problems) io.stderr(`${printable(problem)}\n`);
    io.setExitCode(EXIT_CODE_REFUSED);
    return;
  }
  const call = await watch().register(mailbox.value);
  tell(call, io, ({ token }) => ['watching; the token of the watch:', token]);
}

async function mailboxOf(options: RegisterOptions, password: string): Promise<Checked<Mailbox>> {
  const { endpoint, stateEndpoint, host, activesync, starttls, user, folder, wait } = options;
  const exchange = activesync ? await readExchange(options) : undefined;
  const problems = [
    ...misfitsIn(options),
    ...(exchange === undefined || exchange.ok ? [] : exchange.problems),
    ...(password === '' ? [`the password is missing: set ${PASSWORD_VARIABLE}`] : []),
  ];
  if (problems.length > 0) return { ok: false, problems };
  const usualPort = activesync ? PORT_HTTPS : starttls ? PORT_STARTTLS : PORT_TLS;
  return {
    ok: true,
    value: {
      endpoint,
      ...(stateEndpoint === undefined ? {} : { stateEndpoint }),
      host,
      port: options.port ?? usualPort,
      security: starttls ? 'starttls' : 'tls',
      ...(exchange?.ok ? { protocol: 'activesync', exchange: exchange.value } : {}),
      ...(folder === undefined ? {} : { folders: folder.map((name) => ({ name })) }),
      ...(wait === undefined ? {} : { waitMs: wait * MS_PER_SECOND }),
      credentials: { kind: 'password', username: user, password },
    },
  };
}

/** Options that were given and say nothing with this protocol: whoever gave one expects something of it. */
function misfitsIn(options: RegisterOptions): readonly string[] {
  if (!options.activesync) return strayExchangeOptions(options);
  return [
    ...(options.starttls ? ['--starttls is for IMAP; ActiveSync goes by HTTPS: leave it out'] : []),
    ...(options.folder !== undefined
      ? ['--folder is for IMAP; the ActiveSync request names its folders: leave it out']
      : []),
  ];
}

function collect(value: string, values: readonly string[] = []): readonly string[] {
  return [...values, value];
}
