import type { Server } from 'node:net';
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
