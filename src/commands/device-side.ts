import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
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
import type { Store } from '../storage/store.ts';

export interface DeviceSideDeps {
  readonly config: Config;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly endpointUrl: (token: string) => string;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
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
  stop(): void;
}

/** Makes the parts and wires them; opens nothing. */
export function createDeviceSide(deps: DeviceSideDeps): DeviceSide {
  const { config, store, tokens, endpointUrl, log, clock, metrics, socketsMax } = deps;
  const registry = new Registry();
  const helloDeadlines = new Deadlines<Connection>(clock, (connection) =>
    connection.onHelloOverdue(),
  );
  const resends = new Deadlines<Session>(
    clock,
    (session) => void resend(session, { metrics, log }),
  );
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
  const connectionDeps: ConnectionDeps = {
    store,
    registry,
    tokens,
    endpointUrl,
    placement,
    resends,
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
    stop() {
      helloDeadlines.stop();
      resends.stop();
    },
  };
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
