/** Which library carries which listener (docs/decisions/transports.md). */
import type { Config } from '../config/config.ts';
import type { TlsMaterial } from '../config/tls-material.ts';
import type {
  EndpointListener,
  EndpointListenerDeps,
  EndpointListenerOptions,
} from '../endpoint/endpoint-listener.ts';
import { listenOnNode } from '../endpoint/node-endpoint.ts';
import type { Log } from '../log.ts';
import type {
  DeviceListener,
  DeviceListenerDeps,
  DeviceListenerOptions,
} from '../socket/device-listener.ts';
import { listenOnWs } from '../socket/ws-socket.ts';
import type { DescriptorShares } from './fd-limit.ts';

/** What each public listener was given; undefined speaks plain, for use behind a proxy. */
export interface ServerTls {
  readonly socket: TlsMaterial | undefined;
  readonly endpoint: TlsMaterial | undefined;
}

type SocketDeps = DeviceListenerDeps &
  Pick<DescriptorShares, 'socketsMax' | 'socketDescriptorsMax'> & { readonly log: Log };

/** The device side: uWebSockets.js where its binary loads, else `ws`; or the one that the config names. */
export async function listenForDevices(
  config: Config,
  material: TlsMaterial | undefined,
  deps: SocketDeps,
): Promise<DeviceListener> {
  const { transport, ...socket } = config.socket;
  const options: DeviceListenerOptions = {
    ...socket,
    socketsMax: deps.socketsMax,
    descriptorsMax: deps.socketDescriptorsMax,
    tls: material && { ...tlsPaths(socket), ...material },
  };
  // uWebSockets.js cannot be told to refuse TLS 1.2.
  const isTooStrict = material !== undefined && socket.tlsMinVersion === '1.3';
  if (transport === 'ws' || (transport === 'auto' && isTooStrict)) return listenOnWs(options, deps);
  const uws = await importUws(
    () => import('../socket/uws-socket.ts'),
    transport === 'auto',
    deps.log,
  );
  return uws === undefined ? listenOnWs(options, deps) : uws.listenOnUws(options, deps);
}

/** The app-server side: node:http, or uWebSockets.js where the operator asks for it. */
export async function listenForAppServers(
  config: Config,
  material: TlsMaterial | undefined,
  deps: EndpointListenerDeps & Pick<DescriptorShares, 'connectionsMax'>,
): Promise<EndpointListener> {
  const { endpoint } = config;
  const options: EndpointListenerOptions = {
    ...endpoint,
    connectionsMax: deps.connectionsMax,
    tls: material && { ...tlsPaths(endpoint), ...material },
  };
  if (endpoint.transport === 'node') return listenOnNode(options, deps);
  const { listenOnUws } = await import('../endpoint/uws-endpoint.ts');
  return listenOnUws(options, deps);
}

function tlsPaths(section: {
  tlsCertificatePath: string;
  tlsKeyPath: string;
  tlsMinVersion: '1.2' | '1.3';
}) {
  return {
    certificatePath: section.tlsCertificatePath,
    keyPath: section.tlsKeyPath,
    minVersion: section.tlsMinVersion,
  };
}

/** The module, or undefined where its binary does not load and there is another way. */
async function importUws<Module>(
  load: () => Promise<Module>,
  hasFallback: boolean,
  log: Log,
): Promise<Module | undefined> {
  try {
    return await load();
  } catch (error) {
    if (!hasFallback) throw error;
    log.warn({ reason: 'uWebSockets.js has no binary for this Node' }, 'socket.transport.fallback');
    return undefined;
  }
}
