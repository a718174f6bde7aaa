import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP relay on 127.0.0.1, whose connections a test freezes: they stay open, and nothing passes. */
export interface FreezableRelay extends AsyncDisposable {
  readonly port: number;
  /** The connections that are open now pass nothing any more. */
  freeze(): void;
}

/** `toPort` is asked at each connection. */
export async function openFreezableRelay(toPort: () => number): Promise<FreezableRelay> {
  const sockets = new Set<Socket>();
  const frozen = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(toPort(), '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => {
        if (!frozen.has(from)) to.write(bytes);
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    freeze() {
      for (const socket of sockets) frozen.add(socket);
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
