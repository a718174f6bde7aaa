import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { isStoreFailure, type KickDevice } from '../delivery.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Tokens } from '../protocol/token.ts';
import { Admission } from '../socket/admission.ts';
import { Connection, type ConnectionDeps } from '../socket/connection.ts';
import { Deadlines } from '../socket/deadlines.ts';
import type { DeviceSocket } from '../socket/device-socket.ts';
import { createPlacement } from '../socket/placement.ts';
import { Registry } from '../socket/registry.ts';
import type { Session } from '../socket/session.ts';
import { Sleepers } from '../socket/sleepers.ts';
import type { Store } from '../storage/store.ts';

export interface DeviceSideDeps {
  readonly config: Config;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly endpointUrl: (token: string) => string;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Undefined where nobody is kicked. */
  readonly kick: KickDevice | undefined;
  /** Sockets that the config and the file descriptors allow. */
  readonly socketsMax: number;
}

/** The parts of the device side that do not know which library carries the sockets. */
export interface DeviceSide {
  readonly registry: Registry;
  readonly admission: Admission;
  readonly helloDeadlines: Deadlines<Connection>;
  readonly resends: Deadlines<Session>;
  connect(socket: DeviceSocket): Connection;
  /** Resolves when every kick of a session that has ended is in its queue, or was refused. */
  settleKicks(): Promise<void>;
  stop(): void;
}

/** Makes the parts and wires them; opens nothing. */
export function createDeviceSide(deps: DeviceSideDeps): DeviceSide {
  const { config, store, tokens, endpointUrl, log, clock, metrics, kick, socketsMax } = deps;
  const registry = new Registry();
  const helloDeadlines = new Deadlines<Connection>(clock, (connection) =>
    connection.onHelloOverdue(),
  );
  const resends = new Deadlines<Session>(
    clock,
    (session) => void resend(session, { metrics, log }),
  );
  const sleepers = new Sleepers(clock, sleepAfterMs(config));
  const admission = new Admission({
    limits: { ...config.socket, socketsMax },
    waitingForHello: () => helloDeadlines.size,
    clock,
    metrics,
  });
  const placement = createPlacement({
    connectedDevices: () => registry.size,
    devicesMax: config.socket.devicesMax,
    overflowUrls: config.socket.overflowUrls,
  });
  // Of sessions that have ended; the drain ends many at once, and each may be of a phone that sleeps. Bounded as kickQuietly says.
  const kicks = new Set<Promise<void>>();
  const connectionDeps: ConnectionDeps = {
    store,
    registry,
    tokens,
    endpointUrl,
    placement,
    resends,
    sleepers,
    kickUnacked(deviceId, update) {
      if (kick === undefined) return;
      const kicking = kickQuietly(() => kick(deviceId, update), { metrics, log });
      kicks.add(kicking);
      void kicking.then(() => kicks.delete(kicking));
    },
    helloDeadlines,
    clock,
    metrics,
    log,
    channelsPerDeviceMax: config.storage.channelsPerDeviceMax,
    pingIntervalMinMs: config.socket.pingIntervalMinMs,
    resendIntervalMs: config.socket.resendIntervalMs,
    helloTimeoutMs: config.socket.helloTimeoutMs,
    inboxFramesMax: config.socket.inboxFramesMax,
    inboxCharactersMax: config.socket.inboxCharactersMax,
    longPongs: config.socket.longPongs,
  };
  return {
    registry,
    admission,
    helloDeadlines,
    resends,
    connect: (socket) => new Connection(connectionDeps, socket),
    async settleKicks() {
      await Promise.all(kicks);
    },
    stop() {
      helloDeadlines.stop();
      resends.stop();
      sleepers.stop();
    },
  };
}

/** A device is sent to sleep only where somebody will wake it. */
function sleepAfterMs({ socket, kick }: Config): number {
  return kick.udp.networks.length > 0 ? socket.udpSleepMs : 0;
}

/**
 * Never rejects. At once at most as many as sockets that end; a queue that has enough of them refuses the rest. Such an update
 * waits for the device's next hello.
 */
async function kickQuietly(
  kick: () => Promise<unknown>,
  { metrics, log }: { metrics: Metrics; log: Log },
): Promise<void> {
  try {
    await kick();
  } catch (error) {
    if (isStoreFailure(error)) metrics.storeErrors.kick.count++;
    log.debug({ err: error }, 'session.kick.failed');
  }
}

/** Never rejects. A resend that fails is not lost: the update is in the store, and the session is looked at again. */
async function resend(
  session: Session,
  { metrics, log }: { metrics: Metrics; log: Log },
): Promise<void> {
  try {
    await session.onResendDue();
  } catch (error) {
    metrics.storeErrors.resend.count++;
    log.debug({ err: error }, 'session.resend.failed');
    session.watchForAcks();
  }
}
