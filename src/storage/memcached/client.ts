/** A client of several memcached servers: who holds what, and one timer for all deadlines. Knows nothing of devices. */
import { assert } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { ConnectionLimits } from './connection.ts';
import { MemcachedServer, type ServerAddress } from './server.ts';

export interface MemcachedClientOptions extends ConnectionLimits {
  /** At least one, none twice. Their order does not matter. */
  readonly servers: readonly ServerAddress[];
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, as Math.random; for the waits before connecting again. */
  readonly random?: () => number;
}

export interface MemcachedClient {
  readonly servers: readonly MemcachedServer[];
  /**
   * The server that holds everything placed by `name`. The same on every node that has the same servers; a server that is added
   * or taken away moves only what it then holds or held.
   */
  serverOf(name: string): MemcachedServer;
  /** Rejects what is in flight. Resolves once every socket is gone. */
  close(): Promise<void>;
}

/** How many times within a request's time its deadline is looked at. */
const TICKS_PER_TIMEOUT = 20;
/** A tick this many times later than it should be finds us, not the server, to have slept. */
const LATE_TICKS = 4;

/** Resolves when each server was tried once, whether or not any answers. */
export async function openMemcachedClient(
  options: MemcachedClientOptions,
): Promise<MemcachedClient> {
  const { clock, log, random = Math.random } = options;
  assert(options.servers.length > 0, 'a memcached client has a server');
  const tickMs = Math.max(1, options.requestTimeoutMs / TICKS_PER_TIMEOUT);
  // A request that is a tick short of its time is given up: at the next tick it would be late.
  const limits = { ...options, requestTimeoutMs: Math.max(1, options.requestTimeoutMs - tickMs) };
  const servers = options.servers
    .map((address) => new MemcachedServer({ address, limits, clock, log, random }))
    // Two servers with the same score for one name are told apart by their place, which must not depend on the node.
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const stopTicks = clock.every(tickMs, createTick(servers, { clock, tickMs }));
  await Promise.all(servers.map((server) => server.firstAttempt));
  const places = servers.map((server) => ({ server, seed: hashOf(server.name) }));
  return {
    servers,
    serverOf: (name) => heaviest(places, name),
    async close() {
      stopTicks();
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

function createTick(
  servers: readonly MemcachedServer[],
  { clock, tickMs }: { readonly clock: Clock; readonly tickMs: number },
): () => void {
  let lastMs = clock.monotonicMs();
  let hasWaited = false;
  return () => {
    const nowMs = clock.monotonicMs();
    const isLate = nowMs - lastMs > LATE_TICKS * tickMs;
    lastMs = nowMs;
    // When this process could not run for a while, replies may wait in the sockets: they are read before anybody is blamed.
    // Once, or a process that is always late would never blame anybody.
    hasWaited = isLate && !hasWaited;
    if (hasWaited) return;
    for (const server of servers) server.tick(nowMs);
  };
}

interface Place {
  readonly server: MemcachedServer;
  readonly seed: number;
}

/** Rendezvous hashing: each server draws a number for the name, and the highest wins (Thaler and Ravishankar, 1998). */
function heaviest(places: readonly Place[], name: string): MemcachedServer {
  const hash = places.length === 1 ? 0 : hashOf(name);
  let best: MemcachedServer | undefined;
  let bestScore = -1;
  for (const { server, seed } of places) {
    const score = mixed(hash ^ seed);
    if (score <= bestScore) continue;
    best = server;
    bestScore = score;
  }
  assert(best !== undefined, 'there is a server');
  return best;
}

/** FNV-1a, 32 bits. To change it is to lose every record. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  }
  return mixed(hash);
}

/** The finalizer of MurmurHash3: each bit of the input changes half of the output's. From 0 to 2^32-1. */
function mixed(hash: number): number {
  let bits = hash;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
