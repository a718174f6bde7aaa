/**
 * All that a mail passes, as it is in production: Dovecot, `start` with push, gate and mail watch as processes, the embedded store, and
 * devices. Without a test framework, so that demonstrations and measurements run it too.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createMailWatch, type Mailbox, type MailWatch } from '../../src/client/mail.ts';
import type { Environment } from '../../src/config/environment.ts';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { DOVECOT_PASSWORD, type RealDovecot } from '../support/dovecot.ts';
import { mailSettings, startDovecot } from '../support/mail-setup.ts';
import { UNTIL_MS_MAX } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import { environmentOf, type Settings } from '../support/settings.ts';
import { type Subscription, subscribe } from '../support/subscription.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const MAIN_PATH = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface MailWorld extends AsyncDisposable {
  readonly server: ChildServer;
  readonly dovecot: RealDovecot;
  /** Of the server: config, stores, keys. Dovecot has another one. */
  readonly folder: string;
  readonly settings: Settings;
  /** The device's side of the gate. */
  readonly watch: MailWatch;
  /** A connected device with one channel, that waits long for what it waits for. */
  subscribe(): Promise<Subscription>;
  /** The mailbox of the user at Dovecot, over TLS. */
  mailboxOf(username: string, endpoint: string, password?: string): Mailbox;
  /** Registers, and resolves to the token. */
  register(mailbox: Mailbox): Promise<string>;
}

/** Everything up. The end of its scope kills the server and Dovecot and removes their folders. */
export async function openMailWorld(options: {
  readonly users: readonly string[];
  readonly password?: string;
  readonly settings?: Settings;
}): Promise<MailWorld> {
  const { users, password = DOVECOT_PASSWORD } = options;
  const resources = new Resources();
  try {
    const folder = resources.keep(await makeTemporaryFolder());
    const dovecotFolder = resources.keep(await makeTemporaryFolder());
    const { dovecot, caPath } = await startDovecot(dovecotFolder.path, users, password);
    resources.keep({ [Symbol.asyncDispose]: () => dovecot.stop() });
    const settings: Settings = {
      ...mailSettings(folder.path, { dovecot, caPath }),
      'storage.driver': 'embedded',
      'start.restart_backoff_min_ms': 100,
      // The next process of a mail watch that was killed waits for the end of what that one held.
      'mailwatch.lease_ms': 3000,
      'log.format': 'json',
      ...options.settings,
    };
    const server = resources.keep(await startChildServer(folder.path, settings));
    const watch = createMailWatch(server.urls.mail);
    return {
      ...{ server, dovecot, folder: folder.path, settings, watch },
      subscribe: () => subscribe({ connect: () => server.connect({ waitMsMax: UNTIL_MS_MAX }) }),
      mailboxOf: (username, endpoint, own = password) => ({
        endpoint,
        host: dovecot.host,
        port: dovecot.ports.imaps,
        credentials: { kind: 'password', username, password: own },
      }),
      register: (mailbox) => registerAt(watch, mailbox),
      [Symbol.asyncDispose]: () => resources.dispose(),
    };
  } catch (error) {
    await resources.dispose();
    throw error;
  }
}

/** Registers, and resolves to the token; a refusal is an error in words. */
export async function registerAt(watch: MailWatch, mailbox: Mailbox): Promise<string> {
  const registered = await watch.register(mailbox);
  if (!registered.ok) throw new Error(`not registered: ${JSON.stringify(registered.problem)}`);
  return registered.value.token;
}

/** The version of the next notification. */
export async function nextVersion({ device }: Pick<Subscription, 'device'>): Promise<number> {
  const { updates } = await device.nextOf('notification');
  return updates?.[0]?.version ?? 0;
}

/** A command of the program at work, and what it has printed so far. */
export interface RunningCommand extends AsyncDisposable {
  readonly pid: number;
  readonly printed: { readonly stdout: string; readonly stderr: string };
  /** The exit code; null when a signal ended it. */
  readonly exit: Promise<number | null>;
  signal(name: NodeJS.Signals): void;
}

/** Runs `main.js` with these arguments in `folder`. The end of its scope kills it. */
export function startCommand(
  args: readonly string[],
  options: { readonly folder: string; readonly env?: Environment },
): RunningCommand {
  const child = spawn(process.execPath, [MAIN_PATH, ...args], {
    cwd: options.folder,
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      printed[stream] += text;
    });
  }
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return {
    pid: child.pid ?? 0,
    printed,
    exit,
    signal: (name) => child.kill(name),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Runs a role by itself, with these settings. */
export function startRole(
  role: 'mailwatch' | 'mail-gate',
  folder: string,
  settings: Settings,
): RunningCommand {
  return startCommand([role], { folder, env: environmentOf(settings) });
}

/** How a command ended. */
export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function runCommand(
  args: readonly string[],
  options: { readonly folder: string; readonly env?: Environment },
): Promise<CommandEnd> {
  const command = startCommand(args, options);
  const code = await command.exit;
  return { code, ...command.printed };
}
