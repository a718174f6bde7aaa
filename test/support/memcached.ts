/** A real memcached on a free port of this machine, that tests may stop, kill, freeze and flush. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { findFreePorts } from './free-ports.ts';

const EXECUTABLE = '/usr/bin/memcached';
const HOST = '127.0.0.1';
/** A memcached listens after some ten milliseconds; on a crowded machine later. */
const START_WAIT_MS_MAX = 5_000;
const START_POLL_MS = 10;

export interface MemcachedOptions {
  /** All its memory, in MiB. */
  readonly memoryMib?: number;
  /** Further options of its command line. */
  readonly flags?: readonly string[];
}

/** Starts one and waits until it listens. */
export async function startMemcached(options: MemcachedOptions = {}): Promise<RealMemcached> {
  const memcached = await prepareMemcached(options);
  await memcached.start();
  return memcached;
}

/** Finds a place for one that does not run yet. */
export async function prepareMemcached(options: MemcachedOptions = {}): Promise<RealMemcached> {
  const [port = 0] = await findFreePorts(1);
  return new RealMemcached(port, options);
}

/** One memcached, whether or not it runs at the moment; its address stays the same. */
export class RealMemcached {
  readonly host = HOST;
  readonly port: number;
  readonly #options: MemcachedOptions;
  #process: ChildProcess | undefined;

  constructor(port: number, options: MemcachedOptions = {}) {
    this.port = port;
    this.#options = options;
  }

  /** Starts it, or starts it again: it then knows nothing. */
  async start(): Promise<void> {
    const { memoryMib = 64, flags = [] } = this.#options;
    const address = ['-l', HOST, '-p', String(this.port), '-U', '0'];
    // As root it wants to know whom to be instead; anybody else's `-u` it ignores.
    const rest = ['-u', 'nobody', '-t', '1', '-m', String(memoryMib), ...flags];
    this.#process = spawn(EXECUTABLE, [...address, ...rest], { stdio: 'ignore' });
    const ended = once(this.#process, 'exit').then(() => {
      throw new Error(`${EXECUTABLE} ended before it listened`);
    });
    await Promise.race([this.#listening(), ended]);
  }

  /** Ends it as an operator would; its connections see a FIN. */
  stop(): Promise<void> {
    return this.#end('SIGTERM');
  }

  /** As a crash. */
  kill(): Promise<void> {
    return this.#end('SIGKILL');
  }

  /** It runs no more, but its connections stay and new ones are accepted by the kernel. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** It forgets everything and goes on. */
  async flush(): Promise<void> {
    await this.command('flush_all');
  }

  /** Sends one line, over a connection of its own, and resolves to the first answer. */
  async command(line: string): Promise<string> {
    const socket = await connected(this.port);
    socket.write(`${line}\r\n`, 'latin1');
    const [answer]: Buffer[] = await once(socket, 'data');
    socket.destroy();
    return String(answer);
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exit = once(running, 'exit');
    // A frozen process does not see a SIGTERM before it is thawed.
    running.kill('SIGCONT');
    running.kill(signal);
    await exit;
  }

  async #listening(): Promise<void> {
    const endMs = performance.now() + START_WAIT_MS_MAX;
    while (performance.now() < endMs) {
      try {
        (await connected(this.port)).destroy();
        return;
      } catch {
        // Refused: it does not listen yet.
        await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
      }
    }
    throw new Error(`${EXECUTABLE} does not listen`);
  }
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  await once(socket, 'connect');
  return socket;
}
