/** Short stress runs, some at a time: what takes long in each is waiting. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type RunningServer, startServer } from '../../loadtest/processes.ts';
import { runStress } from '../../loadtest/stress/coordinator.ts';
import { parseFlags } from '../../loadtest/stress/flags.ts';
import type { LiveView } from '../../loadtest/stress/live-view.ts';
import { reportOf, type StressReport } from '../../loadtest/stress/report.ts';
// The type alone: the stand-in is a program.
import type { ServerFault } from '../support/faulty-server.ts';
import { environmentOf, type Settings } from '../support/settings.ts';

const FAULTY_SERVER = fileURLToPath(new URL('../support/faulty-server.js', import.meta.url));
const STRESS = fileURLToPath(new URL('../../loadtest/stress.js', import.meta.url));
const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const SILENT_VIEW: LiveView = {
  phase: () => undefined,
  second: () => undefined,
  end: () => undefined,
};

export function startFaultyServer(fault: ServerFault, interval: number): Promise<RunningServer> {
  return startServer({ file: process.execPath, args: [FAULTY_SERVER, fault, `${interval}`] });
}

/** `args` are those of the command line, without the URL. */
export async function stressFaulty(
  fault: ServerFault,
  { interval, args }: { readonly interval: number; readonly args: readonly string[] },
): Promise<StressReport> {
  const server = await startFaultyServer(fault, interval);
  try {
    const { plan } = parseFlags(['--url', server.wsUrl, ...args]);
    const interruption = new AbortController().signal;
    return reportOf(plan, await runStress({ plan, view: SILENT_VIEW, interruption }));
  } finally {
    await server.stop();
  }
}

/** Our push role with the embedded store, in `folder`. */
export function startOurServer(folder: string, settings: Settings = {}): Promise<RunningServer> {
  const environment = environmentOf({ 'storage.driver': 'embedded', ...settings });
  const env = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, `${value}`]),
  );
  return startServer({ file: process.execPath, args: [MAIN, 'push'], cwd: folder, env });
}

export interface CommandRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Stress from its command line. `interruptAt` is looked for in what it says, and then it is interrupted. */
export async function stressCommand(
  args: readonly string[],
  interruptAt?: RegExp,
): Promise<CommandRun> {
  const child = spawn(process.execPath, [STRESS, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let isInterrupted = false;
  child.stderr.on('data', (words: Buffer) => {
    // Only once: a second signal ends it without a report.
    if (isInterrupted || interruptAt?.test(`${words}`) !== true) return;
    isInterrupted = true;
    child.kill('SIGINT');
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { stdout, stderr, code };
}

/** Tasks that begin together, so many at a time, and are looked at by one test each. */
export class Lanes {
  readonly #begins: ((before: Promise<void>) => Promise<void>)[] = [];
  readonly #lanes: number;
  #ends: Promise<void>[] = [];

  constructor(lanes: number) {
    this.#lanes = lanes;
  }

  /** Returns what waits for the result of `task`; only after `begin`. */
  add<T>(task: () => Promise<T>): () => Promise<T> {
    let result: Promise<T> | undefined;
    this.#begins.push((before) => {
      result = before.then(task);
      // Whoever waits for the result hears of its failure; the lane goes on.
      return result.then(
        () => undefined,
        () => undefined,
      );
    });
    return () => result ?? Promise.reject(new Error('it has not begun'));
  }

  begin(): void {
    this.#ends = Array.from({ length: this.#lanes }, () => Promise.resolve());
    for (const [index, begin] of this.#begins.entries()) {
      const lane = index % this.#lanes;
      this.#ends[lane] = begin(this.#ends[lane] ?? Promise.resolve());
    }
  }

  /** Resolves when all have ended, well or not. */
  async end(): Promise<void> {
    await Promise.all(this.#ends);
  }
}
