/**
 * What an idle TLS watch costs in memory, beside the bare IMAP library: `node build/loadtest/mail-memory.js [watches]`. Each side runs in a
 * process of its own, against the same fake server, with as many connections, all in IDLE; the RSS is read when all idle and the garbage is
 * collected. Prints a table and, last, a line of JSON.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { ImapFlow } from 'imapflow';
import { systemClock } from '../src/clock.ts';
import { quietLog } from '../src/log.ts';
import type { Account, AccountId } from '../src/mailwatch/account.ts';
import { createOpenMail } from '../src/mailwatch/imap.ts';
import { createMailMetrics } from '../src/mailwatch/mail-metrics.ts';
import { createPool } from '../src/mailwatch/pool.ts';
import { Alarms } from '../src/mailwatch/watcher/alarms.ts';
import { Watch } from '../src/mailwatch/watcher/watch.ts';

interface Server {
  readonly port: number;
  readonly ca: string;
}

interface Cost {
  readonly rssBytes: number;
  readonly heapBytes: number;
}

const WATCHES_DEFAULT = 1_000;
/** What a watch may cost, in bare connections. */
const RATIO_MAX = 1.3;
const POLL_MS = 50;
const SETTLE_TURNS = 20;
const CREDENTIALS = { kind: 'password', username: 'ada', password: 'correct horse' } as const;
const SIDES = { bare: openBare, watch: openWatches } as const;
type Side = keyof typeof SIDES;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

async function openBare(server: Server, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened++) {
    const client = new ImapFlow({
      host: '127.0.0.1',
      port: server.port,
      secure: true,
      servername: 'localhost',
      tls: { ca: server.ca },
      auth: { user: CREDENTIALS.username, pass: CREDENTIALS.password },
      logger: false,
      disableCompression: true,
      disableAutoIdle: true,
    });
    client.on('error', () => {});
    await client.connect();
    await client.mailboxOpen('INBOX', { readOnly: true });
    void client.idle();
    bareClients.push(client);
  }
}
const bareClients: ImapFlow[] = [];

async function openWatches(server: Server, count: number): Promise<void> {
  const alarms = new Alarms(systemClock);
  const wait = (waitMs: number, signal: AbortSignal) => alarms.wait(waitMs, signal);
  const bounds = { commandMsMax: 30_000, responseBytesMax: 65_536 };
  const deps = {
    rules: {
      ...{ debounceMs: 2_000, idleMs: 1_500_000, idleGraceMs: 20_000, pollMs: 60_000 },
      ...{ stableMs: 60_000, renewAheadMs: 300_000, backoffMinMs: 5_000, backoffMaxMs: 900_000 },
      ...{ limitedMinMs: 60_000, authRetryMs: 3_600_000, authGiveUpMs: 259_200_000 },
    },
    open: createOpenMail({ ...bounds, ca: server.ca, wait, clock: systemClock }),
    egress: async () => ({ ok: true, address: '127.0.0.1' }) as const,
    pool: createPool(
      {
        ...{ connectionsMax: count, connectionsPerHostMax: count },
        ...{ loginsPerSecond: 200, loginsPerHostPerSecond: 200 },
      },
      systemClock,
    ),
    notifier: { notify: async () => ({ kind: 'accepted' }) as const },
    alarms,
    credentialsOf: async () => ({ ok: true, value: CREDENTIALS }) as const,
    save: async () => {},
    onEnded: () => {},
    metrics: createMailMetrics(),
    clock: systemClock,
    random: Math.random,
    log: quietLog,
  };
  for (let begun = 0; begun < count; begun++) {
    const watch = new Watch(accountOf(begun, server), deps);
    watch.start();
    watches.push(watch);
  }
  while (watches.some(({ state }) => state.kind !== 'watching')) await pause(POLL_MS);
}
const watches: Watch[] = [];

function accountOf(index: number, { port }: Server): Account {
  const nowMs = systemClock.nowMs();
  return {
    id: index.toString(16).padStart(32, '0') as AccountId,
    endpoint: `http://push.test/update/${index}`,
    protocol: 'imap',
    server: { host: 'localhost', port, security: 'tls' },
    maxPollMs: 172_800_000,
    seenAtMs: nowMs,
    notBeforeMs: nowMs,
    progress: {
      folders: [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 2 } }],
      told: 'none',
    },
  };
}

/** In a process of its own: opens what it is to open, and tells what that has cost. */
async function measure(side: Side, server: Server, count: number): Promise<void> {
  // What the first connections load and compile is no cost of the others.
  await SIDES[side](server, 1);
  const before = await usage();
  await SIDES[side](server, count);
  const after = await usage();
  const cost: Cost = {
    rssBytes: (after.rss - before.rss) / count,
    heapBytes: (after.heapUsed - before.heapUsed) / count,
  };
  process.send?.(cost);
}

async function usage(): Promise<NodeJS.MemoryUsage> {
  for (let turn = 0; turn < SETTLE_TURNS; turn++) {
    await pause(POLL_MS);
    collect();
  }
  return process.memoryUsage();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function startServer(): Promise<{ process: ChildProcess; server: Server }> {
  const path = fileURLToPath(new URL('./mail-memory-server.js', import.meta.url));
  const child = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(createInterface(child.stdout), 'line');
  return { process: child, server: JSON.parse(String(line)) };
}

async function costOf(side: Side, server: Server, count: number): Promise<Cost> {
  const args = ['measure', side, JSON.stringify(server), String(count)];
  const child = fork(fileURLToPath(import.meta.url), args);
  try {
    const [cost] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`the process of ${side} ended with ${code}`);
      }),
    ]);
    return cost as Cost;
  } finally {
    child.kill('SIGKILL');
  }
}

async function main(count: number): Promise<void> {
  const { process: serving, server } = await startServer();
  try {
    const bare = await costOf('bare', server, count);
    const watch = await costOf('watch', server, count);
    const ratio = watch.rssBytes / bare.rssBytes;
    console.log(`${count} idle TLS connections, kB each`);
    console.log('                 RSS     heap');
    for (const [name, cost] of Object.entries({ 'bare library': bare, watch })) {
      const columns = [cost.rssBytes, cost.heapBytes].map((bytes) => (bytes / 1024).toFixed(1));
      console.log(`${name.padEnd(13)}${columns.map((column) => column.padStart(9)).join('')}`);
    }
    console.log(`ratio ${ratio.toFixed(2)}, at most ${RATIO_MAX}`);
    console.log(JSON.stringify({ count, bare, watch, ratio }));
    if (ratio > RATIO_MAX) process.exitCode = 1;
  } finally {
    serving.kill('SIGKILL');
  }
}

const [mode = '', side = '', server = '', count = ''] = process.argv.slice(2);
if (mode === 'measure') await measure(side as Side, JSON.parse(server), Number(count));
else await main(Number(mode || WATCHES_DEFAULT));
