import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { createStartPrometheus } from '../admin/start-prometheus.ts';
import { systemClock } from '../clock.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { configText } from '../config/config-text.ts';
import type { LifeBounds } from '../lifecycle.ts';
import { createLog, type Log } from '../log.ts';
import { type AdminServer, openAdminServer } from './admin-server.ts';
import { createCommand, type ProcessIo } from './command-io.ts';
import { enabledProviders } from './enabled-providers.ts';
import { flagsFor } from './heap-tuning.ts';
import type { RoleName } from './role.ts';
import { refuse, urlsText } from './run-role.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { createSupervisor, type Supervisor } from './supervisor.ts';
import { type RoleSpawn, spawnRole } from './supervisor-process.ts';
import { environmentFor, ROLE_SECTIONS } from './supervisor-sections.ts';

const EXIT_CODE_FAILED = 1;
/** A role ends by itself after shutdown.deadline_ms; one that needs this much more hangs. */
const STOP_GRACE_MS = 2000;
const MAIN_PATH = fileURLToPath(new URL('../main.js', import.meta.url));

/** `start [--config PATH]`: runs every role on this machine, each in a process of its own, until it is told to stop. */
export function startCommand(io: ProcessIo): Command {
  return createCommand('start', io)
    .description('run the server')
    .option('--config <path>', 'the config file; without it ./config.toml, if there is one')
    .action(({ config: path }: { readonly config?: string }) => start(path, io));
}

async function start(path: string | undefined, io: ProcessIo): Promise<void> {
  const loaded = loadConfig({ path, env: io.env });
  if (!loaded.ok) return refuse(loaded.problems, io);
  const { config } = loaded;
  const log = createLog({ ...config.log, isTerminal: io.isTerminal });
  const urlOf = (role: RoleName) => supervisor.urlsOf(role);
  const supervisor: Supervisor = createSupervisor({
    roles: rolesOf(config),
    spawn: (role, ports, events) =>
      spawnRole(howToStart(role, withPorts(withBases(config, urlOf('push')), ports), io), events),
    startsAfter: { mailwatch: 'push' },
    bounds: boundsOf(config),
    clock: systemClock,
    random: Math.random,
    log,
  });
  const admin = await openAdmin(config, supervisor, log, io);
  if (admin === undefined) return;
  stopOnSignal(supervisor, log, io);
  const outcome = await supervisor.start();
  if (outcome.kind === 'failed') {
    log.error({ role: outcome.role, exit: outcome.exit.how }, 'server.start.failed');
    // A role that refuses has said why, and with which code. Of one that was killed there is none, and 0 would be praise.
    io.exit(outcome.exit.code || EXIT_CODE_FAILED);
    return;
  }
  const urls = { ...outcome.urls, admin: admin.url };
  io.stdout(`reveille ready ${urlsText(urls)}\n`);
  log.info({ ...urls, config: loaded.path ?? 'defaults' }, 'server.ready');
}

/** In the order in which they stop: nothing comes in for a role whose source has stopped. */
function rolesOf(config: Config): readonly RoleName[] {
  return [
    ...(config.mailwatch.enabled ? (['mail-gate', 'mailwatch'] as const) : []),
    'push',
    ...(enabledProviders(config).length === 0 ? [] : (['kick'] as const)),
  ];
}

function boundsOf({ start: bounds, shutdown }: Config): LifeBounds {
  return {
    readyDeadlineMs: bounds.readyDeadlineMs,
    backoffMinMs: bounds.restartBackoffMinMs,
    backoffMaxMs: bounds.restartBackoffMaxMs,
    stableMs: bounds.restartStableMs,
    stopDeadlineMs: shutdown.deadlineMs + STOP_GRACE_MS,
  };
}

function howToStart(role: RoleName, config: Config, { env }: ProcessIo): RoleSpawn {
  return {
    role,
    file: process.execPath,
    args: [...flagsFor(role), ...ownFlags(), MAIN_PATH, role, '--config', '-', '--supervised'],
    env: environmentFor(role, env),
    configText: configText(config, ROLE_SECTIONS[role]),
  };
}

/** Options of Node.js that the operator gave have the last word; but a debugger's port cannot be had twice. */
function ownFlags(): readonly string[] {
  return process.execArgv.filter((flag) => !flag.startsWith('--inspect'));
}

/** Endpoints and the URLs that devices keep have the port in them: a free one that a role was given is asked for again. */
function withPorts(config: Config, ports: Readonly<Record<string, number>>): Config {
  const { socket, endpoint, mailgate } = config;
  return {
    ...config,
    mailgate: { ...mailgate, port: ports['mailgate.port'] ?? mailgate.port },
    socket: { ...socket, port: ports['socket.port'] ?? socket.port },
    endpoint: { ...endpoint, port: ports['endpoint.port'] ?? endpoint.port },
  };
}

/** The mail watch PUTs to endpoints of the push role beside it, unless the config names others. */
function withBases(config: Config, { endpoint }: Readonly<Record<string, string>>): Config {
  const { mailwatch } = config;
  if (endpoint === undefined || mailwatch.endpointBases.length > 0) return config;
  return { ...config, mailwatch: { ...mailwatch, endpointBases: [`${endpoint}update/`] } };
}

/** First of all, so that probes are answered while the roles start. Tells what is wrong when it cannot be opened. */
async function openAdmin(
  config: Config,
  supervisor: Supervisor,
  log: Log,
  io: ProcessIo,
): Promise<AdminServer | undefined> {
  const page = createStartPrometheus(supervisor.restarts);
  const own = { name: 'start', metrics: () => page.json() };
  try {
    return await openAdminServer(config, { roles: supervisor.voices, own });
  } catch (error) {
    log.error({ err: error }, 'server.start.failed');
    io.stderr(`cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
    io.exit(EXIT_CODE_FAILED);
    return undefined;
  }
}
