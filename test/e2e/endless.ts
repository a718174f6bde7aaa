/** What never ends: senders who go on until the server has had enough. */
import type { TcpClient } from '../support/tcp-client.ts';

/** A server that takes this much of one message or request has no limit. */
const FLOOD_BYTES_MAX = 64 * 1024 * 1024;

/** Sends `bytes` again and again until the server ends the connection. Rejects when the server takes it all. */
export async function flood(client: TcpClient, bytes: Buffer): Promise<void> {
  for (let sent = 0; !client.isEnded; sent += bytes.length) {
    if (sent > FLOOD_BYTES_MAX) throw new Error(`the server took ${sent} bytes and wants more`);
    await sendWhole(client, bytes);
  }
}

/** Sends `bytes` one by one, with a pause after each, until the server ends the connection. Rejects when nothing is left to send. */
export async function drip(client: TcpClient, bytes: Buffer, pauseMs: number): Promise<void> {
  for (const byte of bytes) {
    await sendWhole(client, Buffer.of(byte));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (client.isEnded) return;
  }
  throw new Error(`the server waited for all of ${bytes.length} bytes`);
}

/** Resolves when the system has taken the bytes, or the connection is no more. */
function sendWhole({ socket }: TcpClient, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.write(bytes, () => resolve());
  });
}
