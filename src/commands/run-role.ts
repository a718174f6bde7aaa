/** One role as a process: by itself in the foreground, or under `start`. */
import { systemClock } from '../clock.ts';
import { type LoadedConfig, loadConfig } from '../config/config.ts';
import { type ConfigProblem, problemText } from '../config/problem.ts';
import { createLog, type Log } from '../log.ts';
import { openAdminServer, voiceOf } from './admin-server.ts';
import { EXIT_CODE_REFUSED, type ProcessIo } from './command-io.ts';
import {
  type OpenRole,
  RefusedConfigError,
  type RoleDeps,
  type RoleName,
  type RunningRole,
} from './role.ts';
import { stopOnSignal } from './stop-on-signal.ts';
import { attachToSupervisor } from './supervisor-link.ts';

const EXIT_CODE_FAILED = 1;
const FROM_STDIN = '-';

export interface RoleProgram {
  readonly name: RoleName;
  /** Loads the role's code, and with it the packages that only this role needs. */
  load(): Promise<OpenRole>;
}

export interface RunRoleOptions {
  /** A path, or "-" for stdin. */
  readonly config?: string;
  /** Whether `start` is the parent and waits to hear of it. */
  readonly supervised?: true;
}

/** Opens the role and serves until it is told to stop; whatever goes wrong before is told in sentences and ends the process. */
export async function runRole(
  program: RoleProgram,
  options: RunRoleOptions,
  io: ProcessIo,
): Promise<void> {
  if (options.supervised && io.parent === undefined) {
    io.stderr('--supervised: only the command start gives this\n');
    return io.exit(EXIT_CODE_REFUSED);
  }
  const supervisor = options.supervised && io.parent && attachToSupervisor(io.parent, io);
  const loaded = await load(options.config, io);
  if (!loaded.ok) return refuse(loaded.problems, io);
  const { config } = loaded;
  const log = withRole(createLog({ ...config.log, isTerminal: io.isTerminal }), program.name);
  try {
    const open = await program.load();
    const deps: RoleDeps = { config, log, clock: systemClock };
    const running = await open(deps);
    if (supervisor !== undefined) supervisor.serve(running, log);
    else await serveAlone(program.name, running, deps, io);
  } catch (error) {
    if (error instanceof RefusedConfigError) return refuse(error.problems, io);
    log.error({ err: error }, 'server.start.failed');
    io.stderr(`cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
    io.exit(EXIT_CODE_FAILED);
  }
}

async function load(path: string | undefined, io: ProcessIo): Promise<LoadedConfig> {
  if (path !== FROM_STDIN) return loadConfig({ path, env: io.env });
  // The name stands in problems; relative paths are relative to its folder, which is the working folder.
  return loadConfig({ text: await io.readStdin(), path: '<stdin>', env: io.env });
}

async function serveAlone(
  name: RoleName,
  running: RunningRole,
  { config, log }: RoleDeps,
  io: ProcessIo,
): Promise<void> {
  const admin = await openAdminServer(config, { roles: [voiceOf(name, running)] }).catch(
    async (error: unknown) => {
      await running.stop();
      throw error;
    },
  );
  const stop = async () => {
    const inTime = await running.stop();
    await admin.close();
    return inTime;
  };
  stopOnSignal({ stop }, log, io);
  const urls = { ...running.urls, admin: admin.url };
  io.stdout(`reveille ${name} ready ${urlsText(urls)}\n`);
  log.info(urls, 'server.ready');
}

const URLS_ORDER = ['ws', 'endpoint', 'admin', 'mail'];

/** For the ready line: `ws=ws://… endpoint=http://…`, in the same order whichever role was up first. */
export function urlsText(urls: Readonly<Record<string, string>>): string {
  return Object.entries(urls)
    .sort(([one], [other]) => URLS_ORDER.indexOf(one) - URLS_ORDER.indexOf(other))
    .map(([name, url]) => `${name}=${url}`)
    .join(' ');
}

/** A log whose lines say which role wrote them. */
export function withRole(log: Log, role: RoleName): Log {
  return {
    error: (fields, event) => log.error({ role, ...fields }, event),
    warn: (fields, event) => log.warn({ role, ...fields }, event),
    info: (fields, event) => log.info({ role, ...fields }, event),
    debug: (fields, event) => log.debug({ role, ...fields }, event),
    trace: (fields, event) => log.trace({ role, ...fields }, event),
    isDebugging: log.isDebugging,
  };
}

/** Says what is wrong, and ends the process. */
export function refuse(problems: readonly ConfigProblem[], io: ProcessIo): void {
  for (const problem of problems) io.stderr(`${problemText(problem)}\n`);
  io.exit(EXIT_CODE_REFUSED);
}
