import type { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { type Config, loadConfig } from '../config/config.ts';
import { type ConfigProblem, problemText } from '../config/problem.ts';
import { loadTlsMaterial } from '../config/tls-material.ts';
import { loadTokenKeys } from '../config/token-keys.ts';
import { createLog, type Log } from '../log.ts';
import { type CommandIo, createCommand, EXIT_CODE_REFUSED } from './command-io.ts';
import { keepNurserySmall } from './heap-tuning.ts';
import { openStore } from './open-store.ts';
import { openPushServer, type PushServer, type PushServerDeps } from './push-server.ts';

const EXIT_CODE_FAILED = 1;

/** What `start` touches of its process beside its output. */
export interface StartIo extends CommandIo {
  /** Whether stderr is a terminal. */
  readonly isTerminal: boolean;
  /** Calls `onSignal` at each SIGTERM and SIGINT. */
  onStopSignal(onSignal: () => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** `start [--config PATH]`: runs the whole server on this machine until it is told to stop. */
export function startCommand(io: StartIo): Command {
  return createCommand('start', io)
    .description('run the server')
    .option('--config <path>', 'the config file; without it ./config.toml, if there is one')
    .action(({ config: path }: { readonly config?: string }) => start(path, io));
}

async function start(path: string | undefined, io: StartIo): Promise<void> {
  const loaded = loadConfig({ path, env: io.env });
  if (!loaded.ok) return refuse(loaded.problems, io);
  const { config } = loaded;
  keepNurserySmall();
  const log = createLog({ ...config.log, isTerminal: io.isTerminal });
  const prepared = await prepare(config, log);
  if (!prepared.ok) return refuse(prepared.problems, io);
  const server = await open(prepared.deps, io);
  if (server === undefined) return;
  const { ws, endpoint, admin } = server.urls;
  stopOnSignal(server, log, io);
  io.stdout(`reveille ready ws=${ws} endpoint=${endpoint} admin=${admin}\n`);
  log.info({ ws, endpoint, admin, config: loaded.path ?? 'defaults' }, 'server.ready');
}

type Prepared =
  | { readonly ok: true; readonly deps: Omit<PushServerDeps, 'store'> }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** Reads the files that the config names. The key file is made when there is none. */
async function prepare(config: Config, log: Log): Promise<Prepared> {
  const nowMs = systemClock.nowMs();
  const [keys, socket, endpoint] = await Promise.all([
    loadTokenKeys(config.tokens),
    loadTlsMaterial('socket', config, nowMs),
    loadTlsMaterial('endpoint', config, nowMs),
  ]);
  if (!keys.ok || !socket.ok || !endpoint.ok) {
    const problems = [
      ...(keys.ok ? [] : [keys.problem]),
      ...(socket.ok ? [] : socket.problems),
      ...(endpoint.ok ? [] : endpoint.problems),
    ];
    return { ok: false, problems };
  }
  for (const warning of [...socket.warnings, ...endpoint.warnings])
    log.warn({ warning }, 'tls.doubtful');
  const tls = { socket: socket.material, endpoint: endpoint.material };
  return { ok: true, deps: { config, keys: keys.keys, tls, log } };
}

/** Opens store and listeners; tells what is wrong when one of them cannot be opened. */
async function open(
  deps: Omit<PushServerDeps, 'store'>,
  io: StartIo,
): Promise<PushServer | undefined> {
  try {
    const store = await openStore(deps.config, systemClock, deps.log);
    try {
      return await openPushServer({ ...deps, store });
    } catch (error) {
      await store.close();
      throw error;
    }
  } catch (error) {
    deps.log.error({ err: error }, 'server.start.failed');
    io.stderr(`cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
    io.setExitCode(EXIT_CODE_FAILED);
    return undefined;
  }
}

/** The first signal stops in order; a second one ends the process at once. */
function stopOnSignal(server: PushServer, log: Log, io: StartIo): void {
  let isStopping = false;
  io.onStopSignal(() => {
    if (isStopping) {
      log.warn({}, 'server.stop.forced');
      io.exit(EXIT_CODE_FAILED);
      return;
    }
    isStopping = true;
    log.info({}, 'server.stop.begun');
    void stop(server, log, io);
  });
}

/** Never rejects. */
async function stop(server: PushServer, log: Log, io: StartIo): Promise<void> {
  try {
    const inTime = await server.stop();
    if (inTime) log.info({}, 'server.stop.done');
    else log.warn({}, 'server.stop.deadline_passed');
    io.exit(inTime ? 0 : EXIT_CODE_FAILED);
  } catch (error) {
    log.error({ err: error }, 'server.stop.failed');
    io.exit(EXIT_CODE_FAILED);
  }
}

function refuse(problems: readonly ConfigProblem[], io: StartIo): void {
  for (const problem of problems) io.stderr(`${problemText(problem)}\n`);
  io.setExitCode(EXIT_CODE_REFUSED);
}
