/** One TCP or TLS connection whose bytes are the caller's own, right or wrong. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { UnreachableError } from './errors.ts';
import type { Load } from './load.ts';
import type { Target } from './target.ts';

/** What was read of the bytes that have arrived, and how many of them it took; undefined when they are too few. */
export type ReadBytes<T> = (
  bytes: Buffer,
) => { readonly value: T; readonly byteCount: number } | undefined;

/** `late`: the connection is open, and what was wanted did not come in time. */
export type Arrival<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'ended' }
  | { readonly kind: 'late' };

/** Bytes that may wait here to be read; beyond that the other end waits. */
const UNREAD_BYTES_MAX = 4 * 1024 * 1024;

const TLS_SCHEMES = ['wss:', 'https:'];
const HINTS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ' (trust it with --ca, or any with --insecure)',
  SELF_SIGNED_CERT_IN_CHAIN: ' (trust it with --ca, or any with --insecure)',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ' (trust it with --ca, or any with --insecure)',
};

export class WireConnection {
  readonly #socket: Socket;
  readonly #load: Load;
  readonly #watchers = new Set<() => void>();
  #arrived: Buffer = Buffer.alloc(0);
  #isEnded = false;

  /** Opens a connection to the host and port of `url`. @throws UnreachableError */
  static async open(url: URL, target: Target, load: Load): Promise<WireConnection> {
    await load.takeSocket();
    try {
      return new WireConnection(await openSocket(url, target), load);
    } catch (error) {
      load.returnSocket();
      throw error;
    }
  }

  private constructor(socket: Socket, load: Load) {
    this.#socket = socket;
    this.#load = load;
    // Each write is a segment of its own.
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#arrived = Buffer.concat([this.#arrived, chunk]);
      if (this.#arrived.length > UNREAD_BYTES_MAX) socket.pause();
      this.#tell();
    });
    // A reset is an end like any other.
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.#end());
    socket.on('close', () => {
      load.returnSocket();
      this.#end();
    });
  }

  /** Whether the other end has ended the connection, in whichever way. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /**
   * Sends `bytes`, which hold `sends` messages or requests, as soon as the load allows it. Does not wait for the other end to take them.
   * @throws LoadSpentError
   */
  async write(bytes: Buffer | string, { sends = 1 } = {}): Promise<void> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    await this.#load.takeSends(sends, buffer.length);
    if (!this.#socket.writable) return;
    this.#socket.write(buffer);
  }

  /** Takes what `read` makes of the next bytes, waiting for at most `waitMs`. */
  async take<T>(read: ReadBytes<T>, waitMs: number): Promise<Arrival<T>> {
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      const found = read(this.#arrived);
      if (found !== undefined) {
        this.#arrived = this.#arrived.subarray(found.byteCount);
        if (this.#arrived.length <= UNREAD_BYTES_MAX) this.#socket.resume();
        return { kind: 'value', value: found.value };
      }
      if (this.#isEnded) return { kind: 'ended' };
      if (!(await this.#change(deadlineMs - performance.now()))) return { kind: 'late' };
    }
  }

  /** Resolves to whether the other end has ended the connection within `waitMs`. */
  async ended(waitMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + waitMs;
    while (!this.#isEnded && (await this.#change(deadlineMs - performance.now())));
    return this.#isEnded;
  }

  /** Reads no more until `resume`: what a slow reader does. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends no more, and goes on to read. */
  halfClose(): void {
    this.#socket.end();
  }

  /** Leaves without a word: the other end is sent a reset. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #end(): void {
    this.#isEnded = true;
    this.#tell();
  }

  #tell(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves to whether anything happened within `waitMs`. */
  async #change(waitMs: number): Promise<boolean> {
    if (waitMs <= 0) return false;
    return await new Promise<boolean>((resolve) => {
      const settle = (happened: boolean) => {
        clearTimeout(timer);
        this.#watchers.delete(watcher);
        resolve(happened);
      };
      const watcher = () => settle(true);
      const timer = setTimeout(() => settle(false), waitMs);
      this.#watchers.add(watcher);
    });
  }
}

function openSocket(url: URL, { tls, timeoutMs }: Target): Promise<Socket> {
  const isTls = TLS_SCHEMES.includes(url.protocol);
  const port = Number(url.port) || (isTls ? 443 : 80);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket: Socket = isTls ? connectTls({ host, port, ...tls }) : connect({ host, port });
    const fail = (reason: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new UnreachableError(`cannot connect to ${url.host}: ${reason}`));
    };
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
    const onError = (error: NodeJS.ErrnoException) =>
      fail(`${error.message || error.code}${HINTS[error.code ?? ''] ?? ''}`);
    socket.once('error', onError);
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}
