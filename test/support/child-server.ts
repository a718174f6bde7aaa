/** The whole program in a process of its own, for tests that signal it, kill it and start it again. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { AssertionError, assert } from '../../src/assert.ts';
import { Arrivals } from './arrivals.ts';
import { openRawDevice, type RawDevice, type RawDeviceOptions } from './raw-device.ts';
import { environmentOf, type Settings } from './settings.ts';
import { within } from './within.ts';

/** Longest wait for a server to be ready, and for one to end: far more than either takes on a busy machine. */
const CHILD_WAIT_MS_MAX = 40_000;

const MAIN_PATH = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const READY_LINE =
  /^reveille (?:push )?ready ws=(\S+) endpoint=(\S+) admin=(\S+)(?: mail=(\S+))?\n/;

/** One of the two is null. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildServer extends AsyncDisposable {
  /** The process that serves devices and app servers as it is now: below `start` another one after each of its deaths. */
  pushPid(): Promise<number>;
  /** The process of the kick role below `start`, likewise. */
  kickPid(): Promise<number>;
  /** Those of the mail watch, likewise. */
  mailPid(role: 'mail-gate' | 'mailwatch'): Promise<number>;
  /** `mail` is empty when no mail is watched. */
  readonly urls: {
    readonly ws: string;
    readonly endpoint: string;
    readonly admin: string;
    readonly mail: string;
  };
  /** All that it has printed so far. */
  readonly printed: { readonly stdout: string; readonly stderr: string };
  /** How it ended, whoever ended it. Never rejects. */
  readonly exit: Promise<ChildExit>;
  /** Opens a device's socket. */
  connect(options?: RawDeviceOptions): Promise<RawDevice>;
  /** SIGTERM; resolves to how it ended. Rejects when it does not end. */
  stop(): Promise<ChildExit>;
  /**
   * SIGKILL, sent before this returns; resolves when the process is gone, and with it those that it started: they have its stderr.
   * Also the end of the scope of `await using`.
   */
  kill(): Promise<ChildExit>;
}

export interface ChildServerOptions {
  /** `start` by default: the push role as a process below it. */
  readonly command?: 'start' | 'push';
  /** A limit of file descriptors below this process's own. */
  readonly descriptorsMax?: number;
}

/**
 * Starts `main.js start` in `folder`, which holds the store and the token keys at their default paths. Resolves at the ready line.
 * `settings` are what differs from TEST_SETTINGS and the defaults.
 */
export async function startChildServer(
  folder: string,
  settings: Settings,
  { command = 'start', descriptorsMax }: ChildServerOptions = {},
): Promise<ChildServer> {
  const program = [process.execPath, MAIN_PATH, command];
  const [file = '', ...args] =
    descriptorsMax === undefined ? program : withDescriptors(descriptorsMax, program);
  const child = spawn(file, args, {
    cwd: folder,
    env: { ...environmentOf(settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed = { stdout: '', stderr: '' };
  const readyLines = new Arrivals<RegExpExecArray>(CHILD_WAIT_MS_MAX);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.stdout += text;
    const line = READY_LINE.exec(printed.stdout);
    if (line !== null) readyLines.push(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.stderr += text;
  });
  const exit = new Promise<ChildExit>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  void exit.then(() => readyLines.end(`it ended, and had printed ${JSON.stringify(printed)}`));
  const kill = async () => {
    child.kill('SIGKILL');
    return exit;
  };
  try {
    const [, ws = '', endpoint = '', admin = '', mail = ''] =
      await readyLines.next('the ready line');
    const { pid } = child;
    assert(pid !== undefined, 'what has printed a line has a process id');
    return {
      pushPid: async () => (command === 'push' ? pid : roleBelow(pid, 'push')),
      kickPid: () => roleBelow(pid, 'kick'),
      mailPid: (role) => roleBelow(pid, role),
      urls: { ws, endpoint, admin, mail },
      printed,
      exit,
      connect: (options) => openRawDevice(ws, options),
      stop: () => {
        child.kill('SIGTERM');
        return within(exit, { wanted: 'the end after SIGTERM', waitMsMax: CHILD_WAIT_MS_MAX });
      },
      kill,
      async [Symbol.asyncDispose]() {
        await kill();
      },
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** @throws AssertionError when it does not run now. */
async function roleBelow(
  pid: number,
  role: 'push' | 'kick' | 'mail-gate' | 'mailwatch',
): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  for (const child of children.split(' ').filter((text) => text !== '')) {
    const commandLine = await readFile(`/proc/${child}/cmdline`, 'utf8');
    if (commandLine.split('\0').includes(role)) return Number(child);
  }
  throw new AssertionError(`the server has no process of the role ${role}`);
}

/** Node cannot limit a child; a shell can, and then becomes the child. */
function withDescriptors(max: number, program: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', 'ulimit -n "$0" && exec "$@"', String(max), ...program];
}
