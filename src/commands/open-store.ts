import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { storeLimitsOf } from '../config/store-limits.ts';
import type { Log } from '../log.ts';
import { openEmbeddedStore } from '../storage/embedded.ts';
import { openMemcachedStore } from '../storage/memcached.ts';
import { createMemoryStore } from '../storage/memory.ts';
import { createNoneStore } from '../storage/none.ts';
import type { Store } from '../storage/store.ts';

/** Opens the driver that the config names. @throws what the driver throws when its place cannot be used at all. */
export async function openStore(config: Config, clock: Clock, log: Log): Promise<Store> {
  const limits = storeLimitsOf(config);
  const { driver, embedded, memcached, memory } = config.storage;
  switch (driver) {
    case 'embedded':
      return openEmbeddedStore({ ...embedded, limits, clock });
    case 'memcached':
      return openMemcachedStore({
        ...memcached,
        servers: memcached.servers.map(hostAndPort),
        limits,
        clock,
        log,
      });
    case 'memory':
      return createMemoryStore({ ...memory, limits, clock });
    case 'none':
      return createNoneStore();
    default:
      return unreachable(driver);
  }
}

/** `host:port` or `[address]:port`; the schema has checked the form. */
function hostAndPort(server: string): { readonly host: string; readonly port: number } {
  const colon = server.lastIndexOf(':');
  const host = server.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(server.slice(colon + 1)) };
}
