/** The load client, load-client/*.c, from here: built when its source has changed, run, its result read. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pinned, startProcess } from './processes.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE_FOLDER = join(ROOT, 'loadtest/load-client');
const BINARY_FOLDER = join(ROOT, 'build/load-client');
const COMPILER_OPTIONS = ['-O2', '-std=gnu11'];

/** In milliseconds, from the moment for which the PUT was planned. */
export interface Latency {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** In KiB. The sum counts pages of mapped files, which the kernel may take back at any time; `anon` is what is really held. */
export interface Memory {
  readonly total: number;
  readonly anon: number;
  readonly file: number;
  readonly shared: number;
}

/** One process of the server; the CPU time is that of the measured window. */
export interface ProcessUsage {
  readonly pid: number;
  readonly name: string;
  readonly cpuMs: number;
  readonly rssKib: Readonly<Record<'start' | 'connected' | 'end', Memory>>;
}

/** load-client.h says what each means. */
export const FAULTS = [
  'lost',
  'skipped',
  'duplicated',
  'reordered',
  'unknown',
  'refusedButNotified',
  'unanswered',
  'owedToClosed',
  'unsent',
  'closedByServer',
  'badMessages',
  'reopened',
] as const;
export type Fault = (typeof FAULTS)[number];

/** How quickly devices were ready: connected, greeted, and registered or told what was pending. The CPU time is that for each. */
export interface Arrivals {
  readonly secs: number;
  readonly perSec: number;
  readonly serverCpuUs: number;
  readonly clientCpuPercent: number;
}

/** What the load client prints after a run that went through. */
export interface LoadResult {
  readonly mode: 'put' | 'idle' | 'storm';
  readonly devices: number;
  readonly ready: number;
  readonly connect: Arrivals;
  /** Of the devices that came back, in a storm; the latencies are then those of PUTs to the others meanwhile. */
  readonly storm?: Arrivals;
  readonly secs: number;
  readonly roundsPerSec: number;
  readonly answersPerSec: number;
  readonly serverCpuPercent: number;
  readonly serverCpuUsPerRound: number;
  readonly clientCpuPercent: number;
  readonly clientWaitMs: number;
  readonly othersCpuPercent: number;
  readonly stolenPercent: number;
  readonly readyMs: Latency;
  readonly answerMs: Latency;
  readonly notificationMs: Latency;
  readonly processes: readonly ProcessUsage[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<Fault, number>>;
  readonly putters: number;
  readonly rate: number;
}

/** Returns the path of the program. @throws Error that says what to install when there is no compiler. */
export async function buildLoadClient(): Promise<string> {
  const names = (await readdir(SOURCE_FOLDER)).sort();
  const sources = await Promise.all(names.map((name) => readFile(join(SOURCE_FOLDER, name))));
  const hash = createHash('sha256');
  for (const source of [...sources, COMPILER_OPTIONS.join(' ')]) hash.update(source);
  const binary = join(BINARY_FOLDER, hash.digest('hex').slice(0, 16));
  if (existsSync(binary)) return binary;
  await mkdir(BINARY_FOLDER, { recursive: true });
  const files = names
    .filter((name) => name.endsWith('.c'))
    .map((name) => join(SOURCE_FOLDER, name));
  // Renamed into place when it is whole, so that two benches may build at the same time.
  const unfinished = `${binary}.${process.pid}`;
  await compile([...COMPILER_OPTIONS, '-o', unfinished, ...files]);
  await rename(unfinished, binary);
  return binary;
}

async function compile(args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)('cc', args);
  } catch (error) {
    const { code, stderr = '' } = error as { code?: unknown; stderr?: string };
    const reason =
      code === 'ENOENT'
        ? 'there is no C compiler; on Debian: apt install gcc libc6-dev'
        : stderr.trim().split('\n').slice(0, 5).join('\n');
    throw new Error(`the load client could not be built: ${reason}`, { cause: error });
  }
}

/**
 * Runs the load client on `core` until it is done; it ends by itself in bounded time. `onProgress` gets a line each second.
 * @throws Error with the client's reason when the run failed.
 */
export async function runLoadClient(
  args: readonly string[],
  core: number | undefined,
  onProgress: (line: string) => void = () => undefined,
): Promise<LoadResult> {
  const binary = await buildLoadClient();
  let firstWords = '';
  const child = startProcess(pinned({ file: binary, args }, core), (words) => {
    firstWords ||= words.trim().split('\n', 1).join();
    onProgress(words.trim().split('\n').at(-1) ?? '');
  });
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  if (printed === '') throw new Error(firstWords || `the load client ended with ${code}`);
  const result = JSON.parse(printed) as LoadResult & { readonly why?: string };
  if (result.why !== undefined) throw new Error(result.why);
  return result;
}
