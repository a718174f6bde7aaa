import { readFileSync } from 'node:fs';
import type { StatusReport } from '../admin/admin-listener.ts';
import type { Health } from '../admin/health.ts';
import type { EndpointListener } from '../endpoint/endpoint-listener.ts';
import type { PutUpdate } from '../endpoint/put-update.ts';
import type { Metrics } from '../metrics.ts';
import type { DeviceListener } from '../socket/device-listener.ts';
import type { Store } from '../storage/store.ts';
import type { DeviceSide } from './device-side.ts';
import type { DescriptorShares } from './fd-limit.ts';

interface PackageJson {
  readonly name: string;
  readonly version: string;
}

/** Of package.json, two folders above the compiled file as above the source. */
const PACKAGE = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as PackageJson;

/** `/__version__`. */
export const VERSION = {
  name: PACKAGE.name,
  version: PACKAGE.version,
  node: process.version,
} as const;

/** The parts of a push server that is up. */
export interface Running {
  readonly metrics: Metrics;
  readonly shares: DescriptorShares;
  readonly devices: DeviceSide;
  readonly putUpdate: PutUpdate;
  readonly health: Health;
  readonly store: Store;
  readonly socket: DeviceListener;
  readonly endpoint: EndpointListener;
}

/** What `/status` of the admin listener tells of the push role. */
export function statusReport(running: Running): StatusReport {
  const { metrics, shares, devices, putUpdate, health, store, socket, endpoint } = running;
  const problem = health.storeProblem();
  return {
    ...health.current(),
    uptimeSecs: Math.floor(process.uptime()),
    devices: devices.registry.size,
    sockets: {
      open: devices.admission.open,
      beforeHello: devices.helloDeadlines.size,
      max: shares.socketsMax,
    },
    puts: {
      inHand: putUpdate.inHand,
      delivered: metrics.puts.delivered.count,
      stored: metrics.puts.stored.count,
    },
    store: {
      driver: store.driver,
      healthy: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
    },
    transports: { socket: socket.transport, endpoint: endpoint.transport },
    memory: { rssBytes: process.memoryUsage.rss() },
  };
}
