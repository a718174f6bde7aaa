/** Who is measured: the two floors, and our server once for each store. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { flagsFor } from '../src/commands/heap-tuning.ts';
import {
  type Command,
  handleOf,
  killAll,
  pinned,
  type RunningProcess,
  type RunningServer,
  startProcess,
  startServer,
} from './processes.ts';

/** In the order in which they are measured and shown. */
export const CONTENDER_NAMES = [
  'floor',
  'mixed-floor',
  'none',
  'memory',
  'memory-uws',
  'embedded',
  'memcached',
] as const;
export type ContenderName = (typeof CONTENDER_NAMES)[number];

/** One word each, as --only takes them, and what stands behind it. */
export const CONTENDERS: Readonly<Record<ContenderName, string>> = {
  floor: 'bare server, uWebSockets.js for devices and PUTs',
  'mixed-floor': 'bare server, uWebSockets.js for devices, node:http for PUTs',
  none: 'Reveille without a store',
  memory: 'Reveille, store in memory',
  'memory-uws': 'Reveille, store in memory, endpoint.transport = "uws"',
  embedded: 'Reveille, embedded store, on disk',
  memcached: 'Reveille, store in a memcached on the same core',
};

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUILD = join(ROOT, 'build');
const MEMCACHED_MEGABYTES = 256;
const MEMCACHED_TRIES_MAX = 100;
const MEMCACHED_TRY_INTERVAL_MS = 50;

/** Working folders of contenders that run. */
const folders = new Set<string>();

/** A contender that runs, with what it needs beside it; `stop` takes all of it away. */
export async function startContender(
  name: ContenderName,
  core: number | undefined,
): Promise<RunningServer> {
  // Below build/ and not in the system's temporary folder, which may be memory: a store would not pay for the disk there.
  await mkdir(join(BUILD, 'bench'), { recursive: true });
  const folder = await mkdtemp(join(BUILD, 'bench/run-'));
  folders.add(folder);
  const companions: RunningProcess[] = [];
  async function stopCompanions(): Promise<void> {
    for (const companion of companions) await companion.stop();
    await rm(folder, { recursive: true, force: true });
    folders.delete(folder);
  }
  try {
    const overrides = await overridesOf(name, core, companions);
    const server = await startServer(pinned(commandOf(name, folder, overrides), core));
    return {
      wsUrl: server.wsUrl,
      pids: () => [server, ...companions].flatMap((part) => part.pids()),
      async stop() {
        await server.stop();
        await stopCompanions();
      },
    };
  } catch (error) {
    await stopCompanions();
    throw error;
  }
}

/** For the sudden end of the bench: takes everything away without waiting. */
export function abandonContenders(): void {
  killAll();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** The config that makes our server this contender. Starts what else it needs, and adds that to `companions`. */
async function overridesOf(
  name: ContenderName,
  core: number | undefined,
  companions: RunningProcess[],
): Promise<Readonly<Record<string, string>>> {
  switch (name) {
    case 'memory-uws':
      return { STORAGE__DRIVER: 'memory', ENDPOINT__TRANSPORT: 'uws' };
    case 'memcached': {
      const port = await freePort();
      companions.push(await startMemcached(port, core));
      const servers = JSON.stringify([`127.0.0.1:${port}`]);
      return { STORAGE__DRIVER: name, STORAGE__MEMCACHED__SERVERS: servers };
    }
    default:
      return { STORAGE__DRIVER: name };
  }
}

function commandOf(
  name: ContenderName,
  folder: string,
  overrides: Readonly<Record<string, string>>,
): Command {
  if (name === 'floor' || name === 'mixed-floor') {
    return { file: process.execPath, args: [join(BUILD, `loadtest/${name}.js`)], cwd: folder };
  }
  // Everything else stays at its default, also where store and keys are kept: the working folder is an empty one of this run.
  const config = {
    SOCKET__PORT: '0',
    ENDPOINT__PORT: '0',
    ADMIN__PORT: '0',
    LOG__LEVEL: 'warn',
    // The one limit that a burst of connecting devices on a quick machine might meet.
    SOCKET__CONNECTS_PER_SECOND_MAX: '1000000',
    // Devices are gone before the server is stopped.
    SHUTDOWN__SPREAD_MS: '0',
    ...overrides,
  };
  const env = Object.entries(config).map(([key, value]) => [`REVEILLE__${key}`, value]);
  // The push role as `start` runs it, without `start` beside it: its process is what devices and PUTs cost.
  return {
    file: process.execPath,
    args: [...flagsFor('push'), join(BUILD, 'src/main.js'), 'push'],
    cwd: folder,
    env: { MALLOC_ARENA_MAX: '1', ...Object.fromEntries(env) },
  };
}

async function startMemcached(port: number, core: number | undefined): Promise<RunningProcess> {
  const args = [
    '-l',
    '127.0.0.1',
    '-p',
    `${port}`,
    '-U',
    '0',
    '-t',
    '1',
    '-m',
    `${MEMCACHED_MEGABYTES}`,
  ];
  // memcached refuses to run as root unless it is told as whom instead.
  if (process.getuid?.() === 0) args.push('-u', 'nobody');
  const child = startProcess(pinned({ file: 'memcached', args }, core), () => undefined);
  const failed = Promise.race([
    once(child, 'error').then(([error]: Error[]) => `${error?.message}`),
    once(child, 'close').then(([code]) => `it ended with ${code}`),
  ]);
  const reason = await Promise.race([failed, answersAt(port)]);
  if (reason !== undefined) {
    throw new Error(`memcached does not run: ${reason}; on Debian: apt install memcached`);
  }
  return handleOf(child);
}

/** Resolves to undefined once something listens at `port`, or to the complaint that nothing does. */
async function answersAt(port: number): Promise<string | undefined> {
  for (let tries = 0; tries < MEMCACHED_TRIES_MAX; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isOpen = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isOpen) return undefined;
    await sleep(MEMCACHED_TRY_INTERVAL_MS);
  }
  return 'it does not listen';
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
