/** Server processes of the bench: pinned to a core, started until ready, stopped, and never left behind. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/** The cores that server and client are kept on, apart from each other; undefined where there is only one. */
export interface Cores {
  readonly server: number | undefined;
  readonly client: number | undefined;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Nothing to read, two pipes to listen to. */
export type Child = ChildProcessByStdio<null, Readable, Readable>;

export interface RunningProcess {
  /** Of the process and of all its descendants, as they are now. */
  pids(): number[];
  /** SIGTERM, and SIGKILL when that takes too long. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface RunningServer extends RunningProcess {
  readonly wsUrl: string;
}

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 15_000;
/** The last words of a process that failed; its log before that is not worth keeping. */
const STDERR_CHARACTERS_MAX = 300;

const running = new Set<Child>();

/** The first two cores that this process may use. */
export function chooseCores(): Cores {
  const status = readFileSync('/proc/self/status', 'utf8');
  const ranges = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1]?.split(',') ?? [];
  const cores = ranges.flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
  return cores.length < 2
    ? { server: undefined, client: undefined }
    : { server: cores[0], client: cores[1] };
}

/** `command`, kept on `core` by taskset. It stays the same process: taskset becomes it. */
export function pinned(command: Command, core: number | undefined): Command {
  if (core === undefined) return command;
  return { ...command, file: 'taskset', args: ['-c', `${core}`, command.file, ...command.args] };
}

/** Starts `command` without waiting for anything; `onStderr` gets what it says, in pieces. */
export function startProcess(command: Command, onStderr: (text: string) => void): Child {
  const { file, args, cwd, env = {} } = command;
  const child = spawn(file, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...inheritedEnvironment(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  child.once('close', () => running.delete(child));
  child.stderr.setEncoding('utf8').on('data', onStderr);
  return child;
}

/**
 * Starts a server and waits for its ready line.
 * @throws Error with the server's last words when it ends or says nothing in time.
 */
export async function startServer(command: Command): Promise<RunningServer> {
  let lastWords = '';
  const child = startProcess(command, (text) => {
    lastWords = (lastWords + text).slice(-STDERR_CHARACTERS_MAX);
  });
  try {
    return { wsUrl: await readReadyLine(child), ...handleOf(child) };
  } catch (error) {
    await handleOf(child).stop();
    const words = lastWords.replaceAll(/\s+/g, ' ').trim();
    throw new Error(`${(error as Error).message}: ${words || 'it said nothing'}`, { cause: error });
  }
}

/** Of a process that prints no ready line. */
export function handleOf(child: Child): RunningProcess {
  return {
    pids: () => (child.pid === undefined ? [] : familyOf(child.pid)),
    stop: () => stop(child),
  };
}

/** For the end of the bench itself: nothing it started may go on. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Overrides of the server's config that the caller happens to have set are not measured. */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('REVEILLE__')),
  );
}

function readReadyLine(child: Child): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no ready line in time')), READY_TIMEOUT_MS);
    createInterface(child.stdout).on('line', (line) => {
      const wsUrl = /^reveille (?:push )?ready ws=(\S+) /.exec(line)?.[1];
      if (wsUrl === undefined) return;
      clearTimeout(timer);
      resolve(wsUrl);
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      reject(new Error(`ended with ${code ?? signal} before it was ready`));
    });
  });
}

async function stop(child: Child): Promise<void> {
  if (!running.has(child) || child.pid === undefined) return;
  const closed = once(child, 'close');
  child.kill('SIGTERM');
  const late = new AbortController();
  const killLater = sleep(STOP_TIMEOUT_MS, undefined, { signal: late.signal }).then(
    () => child.kill('SIGKILL'),
    // Aborted: it went by itself.
    () => false,
  );
  await closed;
  late.abort();
  await killLater;
}

function familyOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(familyOf)];
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter((text) => text !== '')
        .map(Number),
    );
  } catch {
    // The process or one of its threads ended while it was looked at, and an ended one has no children.
    return [];
  }
}
