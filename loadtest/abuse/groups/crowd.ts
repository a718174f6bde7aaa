/** What the scenes share: strangers by the dozen, and those who behave meanwhile. */
import { WireConnection } from '../../wire/connection.ts';
import { WireDevice } from '../../wire/device.ts';
import { WireSocket } from '../../wire/web-socket.ts';
import type { SceneContext } from '../case.ts';

export type Listener = 'endpoint' | 'socket';

/** Where strangers go: the endpoint of those who behave, or the devices' listener. */
export async function urlOf(listener: Listener, { good, target }: SceneContext): Promise<URL> {
  return listener === 'endpoint'
    ? await good.endpoint()
    : new URL(target.url.href.replace(/^ws/, 'http'));
}

/** As many strangers as may come at once and leave room for others. */
export function crowdOf({ load }: SceneContext): number {
  return Math.floor(load.bounds.socketsMax / 2);
}

/** Opens `count` connections, lets `play` go on with them, and cuts them. */
export async function withConnections<T>(
  url: URL,
  count: number,
  { target, load }: SceneContext,
  play: (connections: readonly WireConnection[]) => Promise<T>,
): Promise<T> {
  const connections: WireConnection[] = [];
  try {
    for (let opened = 0; opened < count; opened++) {
      connections.push(await WireConnection.open(url, target, load));
    }
    return await play(connections);
  } finally {
    for (const connection of connections) connection.destroy();
  }
}

/** Opens `count` WebSockets, lets `play` go on with them, and cuts them. */
export async function withSockets<T>(
  count: number,
  { target, load }: SceneContext,
  play: (sockets: readonly WireSocket[]) => Promise<T>,
): Promise<T> {
  const sockets: WireSocket[] = [];
  try {
    for (let opened = 0; opened < count; opened++)
      sockets.push(await WireSocket.open(target, load));
    return await play(sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

/** Opens a device that has said hello, lets `play` go on with it, and cuts it. */
export async function withDevice<T>(
  { target, load }: SceneContext,
  play: (device: WireDevice) => Promise<T>,
): Promise<T> {
  const device = await WireDevice.open(target, load);
  try {
    await device.hello();
    return await play(device);
  } finally {
    device.destroy();
  }
}

/** Whether those who behave are served now: `others served`, or why not. */
export async function othersNow({ good }: SceneContext): Promise<string> {
  const served = await good.round();
  return served.kind === 'served' ? 'others served' : `others starve: ${served.why}`;
}
