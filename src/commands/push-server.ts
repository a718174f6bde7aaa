/**
 * The push role put together: every part is made here, by hand, in the order in which it needs the others. The only place that knows both
 * the config and the drivers.
 */

import { createHealth, type Health } from '../admin/health.ts';
import { createPrometheus } from '../admin/prometheus.ts';
import type { Prometheus } from '../admin/registry.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { TokenKeyList } from '../config/token-keys.ts';
import { createDelivery, createKicker, type KickDevice, type KickQueues } from '../delivery.ts';
import { createPutUpdate, type PutUpdate } from '../endpoint/put-update.ts';
import { createRateLimit } from '../endpoint/rate-limit.ts';
import { createTokenCache } from '../endpoint/token-cache.ts';
import type { Log } from '../log.ts';
import { createMetrics, type Metrics } from '../metrics.ts';
import { createTokens, type Tokens } from '../protocol/token.ts';
import type { Store } from '../storage/store.ts';
import { createDeviceSide, type DeviceSide } from './device-side.ts';
import { drain } from './drain.ts';
import { type DescriptorShares, fdLimit, shareDescriptors } from './fd-limit.ts';
import { listenForAppServers, listenForDevices, type ServerTls } from './listeners.ts';
import type { RunningRole } from './role.ts';
import { type Running, statusReport, VERSION } from './status-report.ts';
import { endpointBase, socketUrl } from './urls.ts';

export interface PushServerDeps {
  readonly config: Config;
  readonly keys: TokenKeyList;
  readonly store: Store;
  readonly tls: ServerTls;
  readonly log: Log;
  /** Of the providers that the config enables; whoever opened them closes them after `stop`. None: nobody is kicked. */
  readonly kickQueues?: KickQueues;
  /** For tests; the system's clock otherwise. */
  readonly clock?: Clock;
}

export interface PushServer extends RunningRole {
  /** Where devices connect, where endpoints live. */
  readonly urls: { readonly ws: string; readonly endpoint: string };
  readonly ports: { readonly 'socket.port': number; readonly 'endpoint.port': number };
  /**
   * Stops in order: no new connections, sessions closed with 1001 spread over `shutdown.spread_ms`, PUTs in hand finished, listeners
   * and store closed. Resolves to whether all of it was done within `shutdown.deadline_ms`.
   */
  stop(): Promise<boolean>;
}

/** Opens all listeners of the push role. @throws Error when an address is taken; then nothing is left open. */
export async function openPushServer(deps: PushServerDeps): Promise<PushServer> {
  const { config, store, log, clock = systemClock } = deps;
  const metrics = createMetrics();
  const tokens = createTokens(deps.keys);
  // Known once the endpoint listens, which is before any device can ask for one.
  let base = '';
  const endpointUrl = (token: string) => `${base}/update/${token}`;
  const shares = descriptorShares(config, log);
  const kick = createKicker({ store, kickQueues: deps.kickQueues ?? {}, clock, metrics });
  const devices = createDeviceSide({
    config,
    store,
    tokens,
    log,
    clock,
    metrics,
    kick,
    endpointUrl,
    ...shares,
  });
  const putUpdate = createPutSide(deps, { clock, metrics, tokens, devices, kick });
  const health = createHealth({ checkStore: () => store.check(), clock, metrics, log });
  const probe = createProbe(health, devices);
  const opened: { close(): Promise<void> }[] = [];
  const keep = <Listener extends { close(): Promise<void> }>(listener: Listener): Listener => {
    opened.push(listener);
    return listener;
  };
  try {
    const endpoint = keep(
      await listenForAppServers(config, deps.tls.endpoint, {
        putUpdate,
        probe,
        metrics,
        ...shares,
      }),
    );
    base = endpointBase(config, endpoint.port);
    const socket = keep(
      await listenForDevices(config, deps.tls.socket, { ...devices, ...shares, probe, clock, log }),
    );
    const running: Running = {
      metrics,
      shares,
      devices,
      putUpdate,
      health,
      store,
      socket,
      endpoint,
    };
    const prometheus = createPage(running);
    return {
      urls: { ws: socketUrl(config, socket.port), endpoint: `${base}/` },
      ports: { 'socket.port': socket.port, 'endpoint.port': endpoint.port },
      health: () => health.current(),
      status: () => statusReport(running),
      metrics: () => prometheus.json(),
      stop: () => stop(running, config),
    };
  } catch (error) {
    for (const listener of opened) await listener.close();
    health.stop();
    devices.stop();
    throw error;
  }
}

/** What the listeners may hold. Less than the config says is no fault of the operator's on a small machine, but worth a line. */
function descriptorShares({ socket, endpoint }: Config, log: Log): DescriptorShares {
  const { socketsMax } = socket;
  const { connectionsMax } = endpoint;
  const shares = shareDescriptors({ socketsMax, connectionsMax }, fdLimit());
  if (shares.socketsMax < socketsMax)
    log.info(
      { configured: socketsMax, allowed: shares.socketsMax },
      'socket.sockets_max.lowered_to_fd_limit',
    );
  if (shares.connectionsMax < connectionsMax)
    log.info(
      { configured: connectionsMax, allowed: shares.connectionsMax },
      'endpoint.connections_max.lowered_to_fd_limit',
    );
  return shares;
}

function createPutSide(
  { config, store, log }: PushServerDeps,
  {
    clock,
    metrics,
    tokens,
    devices,
    kick,
  }: {
    clock: Clock;
    metrics: Metrics;
    tokens: Tokens;
    devices: DeviceSide;
    kick: KickDevice | undefined;
  },
): PutUpdate {
  const { cacheEntriesMax } = config.tokens;
  const { dataBytesMax, putsInHandMax, putsPerSecondMax } = config.endpoint;
  return createPutUpdate({
    openToken: createTokenCache(tokens, { entriesMax: cacheEntriesMax, metrics }),
    deliver: createDelivery({
      store,
      findSession: (deviceId) => devices.registry.find(deviceId),
      kick,
    }),
    mayPass: createRateLimit(clock, putsPerSecondMax),
    rules: { dataBytesMax, nowMs: () => clock.nowMs() },
    putsInHandMax,
    clock,
    metrics,
    log,
  });
}

function createPage(running: Running): Prometheus {
  const { metrics, devices, putUpdate, health } = running;
  return createPrometheus(metrics, {
    devices: () => devices.registry.size,
    sockets: () => devices.admission.open,
    socketsBeforeHello: () => devices.helloDeadlines.size,
    sessionsAwaitingAck: () => devices.resends.size,
    putsInHand: () => putUpdate.inHand,
    ready: () => health.current().ready,
  });
}

async function stop(running: Running, { shutdown }: Config): Promise<boolean> {
  const { devices, putUpdate, health, socket, endpoint, store } = running;
  health.drain();
  devices.admission.shut();
  putUpdate.drain();
  // Listening goes on until the devices have left: whoever comes meanwhile is told 503 and Retry-After instead of nothing.
  const inTime = await drain({ devices, putUpdate, ...shutdown });
  socket.stopListening();
  endpoint.stopListening();
  health.stop();
  devices.stop();
  await Promise.all([socket.close(), endpoint.close()]);
  // Of the sessions that have just ended: some of their devices only seemed to be there, and sleep.
  await devices.settleKicks();
  // Last: a PUT that was still in hand has been answered by now, or its caller was cut off without an answer.
  await store.close();
  return inTime;
}

/** What load balancers may ask of the public listeners: no more than whether to send traffic, and how much is here. */
function createProbe(health: Health, devices: DeviceSide) {
  return (path: string) => {
    if (path !== '/status/' && path !== '/status' && path !== '/health') return undefined;
    const { ready } = health.current();
    const body = JSON.stringify({
      status: ready ? 'OK' : 'UNAVAILABLE',
      clients: devices.registry.size,
      version: VERSION.version,
    });
    return { status: ready ? 200 : 503, body };
  };
}
