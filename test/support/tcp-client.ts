/** A TCP connection whose bytes are the test's own: for what no HTTP or WebSocket library would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { ARRIVAL_WAIT_MS_MAX } from './arrivals.ts';
import { within } from './within.ts';

/** What was read of the bytes that have arrived, and how many of them it took; undefined when they are too few. */
export type ReadBytes<T> = (
  bytes: Buffer,
) => { readonly value: T; readonly byteCount: number } | undefined;

export class TcpClient {
  readonly socket: Socket;
  #arrived: Buffer = Buffer.alloc(0);
  #isEnded = false;

  constructor(socket: Socket) {
    this.socket = socket;
    // Each write is a segment of its own.
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#arrived = Buffer.concat([this.#arrived, chunk]);
    });
    // A reset is an end like any other.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#isEnded = true;
    });
    socket.on('end', () => {
      this.#isEnded = true;
    });
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** What has arrived and was not taken. */
  get unread(): Buffer {
    return this.#arrived;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** Takes what `read` makes of the next bytes, as soon as there are enough. Rejects when the other end leaves before, or after the longest wait. */
  take<T>(wanted: string, read: ReadBytes<T>): Promise<T> {
    return within(this.#take(wanted, read), { wanted, waitMsMax: ARRIVAL_WAIT_MS_MAX });
  }

  /** Resolves when the other end has ended the connection, in whichever way. `waitMsMax` bounds the wait. */
  async ended(waitMsMax = ARRIVAL_WAIT_MS_MAX): Promise<void> {
    const wanted = 'the end of the connection';
    while (!this.#isEnded) await within(this.#change(), { wanted, waitMsMax });
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #take<T>(wanted: string, read: ReadBytes<T>): Promise<T> {
    for (;;) {
      const found = read(this.#arrived);
      if (found !== undefined) {
        this.#arrived = this.#arrived.subarray(found.byteCount);
        return found.value;
      }
      if (this.#isEnded) {
        const unread = JSON.stringify(this.#arrived.toString('latin1'));
        throw new Error(`waited for ${wanted}: the connection ended (unread: ${unread})`);
      }
      await this.#change();
    }
  }

  /** Never rejects, as `once` of node:events does at a reset: what a reset means is for the caller to see. */
  #change(): Promise<void> {
    const { socket } = this;
    const events = ['data', 'end', 'close'];
    return new Promise((resolve) => {
      const settle = () => {
        for (const event of events) socket.off(event, settle);
        resolve();
      };
      for (const event of events) socket.on(event, settle);
    });
  }
}

/** Connects to the host and port of a URL. */
export async function openTcpClient(url: string): Promise<TcpClient> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  return new TcpClient(socket);
}

/** As openTcpClient, and shakes hands. Trusts any certificate; rejects when the two cannot agree. */
export async function openTlsClient(
  url: string,
  options: ConnectionOptions = {},
): Promise<TcpClient> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({
    host: hostname,
    port: Number(port),
    rejectUnauthorized: false,
    ...options,
  });
  await once(socket, 'secureConnect');
  return new TcpClient(socket);
}
