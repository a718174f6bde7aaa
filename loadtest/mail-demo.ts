/** `npm run mail:demo`: the whole road of a mail in one terminal, from Dovecot to a device, with what happens at each step. */
import { existsSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import {
  type MailWorld,
  openMailWorld,
  type RunningCommand,
  runCommand,
  startCommand,
} from '../test/e2e/mail-world.ts';
import { until } from '../test/support/mail-until.ts';
import { EXIT_CODES } from './wire/command.ts';

const USER = 'ada';
const PASSWORD = 'a password of the demonstration';
/** What Debian's dovecot-imapd and dovecot-lmtpd bring. */
const DEFAULT_DOVECOT_FOLDER = '/usr/lib/dovecot';
const NEEDED = ['imap', 'lmtp'];

process.exitCode = await main();

async function main(): Promise<number> {
  const program = new Command('mail:demo')
    .description(
      'Shows how a mail wakes a device: starts Dovecot, the server and a device, and stops them again.',
    )
    .option('--dovecot <folder>', 'where its programs are', DEFAULT_DOVECOT_FOLDER)
    .allowExcessArguments(false)
    .addHelpText(
      'after',
      '\nExit codes: 0 when all was shown, 1 when a step failed, 2 without Dovecot.',
    )
    .exitOverride();
  try {
    program.parse();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT_CODES.passed : EXIT_CODES.badUsage;
  }
  const { dovecot } = program.opts<{ dovecot: string }>();
  if (!NEEDED.every((name) => existsSync(`${dovecot}/${name}`))) {
    console.error('This demonstration needs a mail server, and Dovecot is not here. Install it:');
    console.error('  apt-get install dovecot-imapd dovecot-lmtpd');
    return EXIT_CODES.badUsage;
  }
  try {
    await show();
    return EXIT_CODES.passed;
  } catch (error) {
    console.error(`\n✖ ${error instanceof Error ? error.message : String(error)}`);
    return EXIT_CODES.failed;
  }
}

async function show(): Promise<void> {
  say('Starting Dovecot with one user, and Reveille with push, mail gate and mail watch …');
  await using world = await openMailWorld({ users: [USER], password: PASSWORD });
  const { ws, endpoint: push, mail } = world.server.urls;
  say(`Devices connect to ${ws}, app servers PUT to ${push}, mailboxes are registered at ${mail}`);
  await using device = startCommand(['device', '--server', ws], { folder: world.folder });
  await until('the channel of the device', () => device.printed.stdout.includes('/update/'));
  const endpoint = /'(\S+)'/.exec(device.printed.stdout)?.[1] ?? '';
  say('A device has connected and registered a channel. This is its endpoint:');
  quote(endpoint);
  const token = await registerMailbox(world, endpoint);
  await showMail(world, device, 'A mail is delivered to the mailbox, by LMTP …', () =>
    world.dovecot.deliver(USER),
  );
  await showMail(world, device, 'Another device of the user puts a mail there, by APPEND …', () =>
    world.dovecot.append(USER, PASSWORD),
  );
  say('The mail watch is killed (SIGKILL), and a mail comes while nobody watches …');
  await showMail(
    world,
    device,
    'Its supervisor starts it again; it compares two numbers …',
    async () => {
      process.kill(await world.server.mailPid('mailwatch'), 'SIGKILL');
      await world.dovecot.deliver(USER);
    },
  );
  await until('the watch to be back', async () => (await world.watch.status(token)).ok);
  say('The device ends the watch, and the password is erased:');
  quote((await speak(world, 'stop', token)).trim());
  const { code } = await world.server.stop();
  if (code !== 0) throw new Error(`the server ended with exit code ${code}`);
  say('Everything has stopped. docs/mail.md says how to use it.');
}

async function registerMailbox(world: MailWorld, endpoint: string): Promise<string> {
  const { host, ports } = world.dovecot;
  say(
    'The mailbox is registered, as a person would do it; the password is sealed before it leaves:',
  );
  const args = ['--host', host, '--port', String(ports.imaps), '--user', USER];
  quote(`reveille mail register --endpoint … ${args.join(' ')}`);
  const printed = await speak(world, 'register', '--endpoint', endpoint, ...args);
  const token = printed.trim().split('\n').at(-1) ?? '';
  await until('the mailbox to be watched', async () => {
    const status = await world.watch.status(token);
    return status.ok && status.value.folders.every(({ baseline }) => baseline !== undefined);
  });
  say('The mail watch has logged in and waits in IDLE. "mail status" says:');
  quote((await speak(world, 'status', token)).trim());
  return token;
}

/** Shows what happens, and the line that the device prints then. */
async function showMail(
  { dovecot }: MailWorld,
  device: RunningCommand,
  what: string,
  deliver: () => Promise<void>,
): Promise<void> {
  say(what);
  const before = versionsOf(device).length;
  const begunMs = performance.now();
  await deliver();
  await until('the version at the device', () => versionsOf(device).length > before);
  const tookMs = performance.now() - begunMs;
  say(`The device prints, after ${(tookMs / 1000).toFixed(1)} s:`);
  quote(versionsOf(device).at(-1) ?? '');
  const flags = await dovecot.admin('fetch', '-u', USER, 'flags', 'mailbox', 'INBOX');
  if (flags.includes('\\Seen')) throw new Error('a mail was read');
}

function versionsOf(device: RunningCommand): readonly string[] {
  return device.printed.stdout.match(/^\S+Z \S+ [0-9]+$/gm) ?? [];
}

async function speak({ folder, server }: MailWorld, ...args: readonly string[]): Promise<string> {
  const env = { REVEILLE_MAIL_PASSWORD: PASSWORD };
  const spoken = ['mail', '--gate', server.urls.mail, ...args];
  const { code, stdout, stderr } = await runCommand(spoken, { folder, env });
  if (code !== 0) throw new Error(`mail ${args[0]} ended with exit code ${code}: ${stderr}`);
  return stdout;
}

function say(text: string): void {
  console.log(`• ${text}`);
}

function quote(text: string): void {
  for (const line of text.split('\n')) console.log(`    ${line}`);
}
