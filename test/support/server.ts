/** A real push server in this process, for tests of the wire. */
import { type Clock, systemClock } from '../../src/clock.ts';
import { openAdminServer, voiceOf } from '../../src/commands/admin-server.ts';
import { openStore } from '../../src/commands/open-store.ts';
import { openPushServer } from '../../src/commands/push-server.ts';
import type { Config } from '../../src/config/config.ts';
import { loadTlsMaterial } from '../../src/config/tls-material.ts';
import type { TokenKeyList } from '../../src/config/token-keys.ts';
import type { KickQueues } from '../../src/delivery.ts';
import { type Log, quietLog } from '../../src/log.ts';
import type { Store } from '../../src/storage/store.ts';
import { openRawDevice, type RawDevice, type RawDeviceOptions } from './raw-device.ts';
import { configOf, type Settings } from './settings.ts';
import { newKeys } from './token-keys.ts';

export interface TestServerOptions {
  /** What differs from TEST_SETTINGS and the defaults. */
  readonly settings?: Settings;
  /** By default the one that the settings name: the memory store. The server closes it when it stops. */
  readonly store?: Store;
  readonly clock?: Clock;
  /** By default none: nobody is kicked. */
  readonly kickQueues?: KickQueues;
  readonly log?: Log;
  /** By default a fresh one. Two servers with the same keys take each other's endpoints and devices for their own. */
  readonly keys?: TokenKeyList;
}

export interface TestServer extends AsyncDisposable {
  readonly urls: { readonly ws: string; readonly endpoint: string; readonly admin: string };
  /** Opens a device's socket. It is cut when the server stops. */
  connect(options?: RawDeviceOptions): Promise<RawDevice>;
  /** As PushServer.stop, with the operators' listener; may be called more than once. Called at the end of the scope of `await using`. */
  stop(): Promise<boolean>;
}

/** Starts a server on free ports: `await using server = await openTestServer();`. */
export async function openTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const config = configOf(options.settings ?? {});
  const clock = options.clock ?? systemClock;
  const server = await openPushServer({
    config,
    keys: options.keys ?? newKeys(),
    store: options.store ?? (await openStore(config, clock, quietLog)),
    tls: { socket: await tlsOf('socket', config), endpoint: await tlsOf('endpoint', config) },
    log: options.log ?? quietLog,
    kickQueues: options.kickQueues ?? {},
    clock,
  });
  const admin = await openAdminServer(config, { roles: [voiceOf('push', server)] });
  let stopping: Promise<boolean> | undefined;
  const stopOnce = async () => {
    const inTime = await server.stop();
    await admin.close();
    return inTime;
  };
  const stop = () => {
    stopping ??= stopOnce();
    return stopping;
  };
  return {
    urls: { ...server.urls, admin: admin.url },
    connect: (deviceOptions) => openRawDevice(server.urls.ws, deviceOptions),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function tlsOf(listener: 'socket' | 'endpoint', config: Config) {
  const loaded = await loadTlsMaterial(listener, config, Date.now());
  if (!loaded.ok) throw new Error(`bad certificate: ${JSON.stringify(loaded.problems)}`);
  return loaded.material;
}
