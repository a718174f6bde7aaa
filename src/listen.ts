import { createServer, type Server } from 'node:net';
import { assert } from './assert.ts';

/**
 * Opens a server of node:http or node:https. Resolves to the port in use: with port 0 the free one that was taken.
 * @throws Error when the address is taken or not of this machine.
 */
export function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      assert(typeof address === 'object' && address !== null, 'a TCP server has a port');
      resolve(address.port);
    });
  });
}

/** How often a port that was free a moment ago may be taken by somebody else before it is ours. */
const FREE_PORT_TRIES_MAX = 10;

/**
 * Opens a server of another library, which takes port 0 for a free one but cannot have the same again soon: uWebSockets.js sets
 * SO_REUSEADDR for a given port alone, and without it the system keeps a port from everybody for a minute after its connections.
 * So the free port is found here, and `open` is called with it. @throws what `open` throws
 */
export async function listenOnPort<Listening>(
  { host, port }: { readonly host: string; readonly port: number },
  open: (port: number) => Promise<Listening>,
): Promise<Listening> {
  if (port !== 0) return open(port);
  for (let triesLeft = FREE_PORT_TRIES_MAX; ; triesLeft--) {
    try {
      return await open(await findFreePort(host));
    } catch (error) {
      if (triesLeft === 1) throw error;
    }
  }
}

async function findFreePort(host: string): Promise<number> {
  const server = createServer();
  const port = await listen(server, { host, port: 0 });
  await new Promise((resolve) => server.close(resolve));
  return port;
}
