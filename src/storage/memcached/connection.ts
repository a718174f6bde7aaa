import { connect, type Socket } from 'node:net';
import type { Clock } from '../../clock.ts';
import { StoreUnavailableError } from '../store.ts';
import { MemcachedProtocolError, type Reply, ReplyReader } from './replies.ts';
import { type MemcachedRequest, NoopRequest } from './requests.ts';

/** What one connection may take upon itself. */
export interface ConnectionLimits {
  /** How long a reply, or the connection itself, may take. */
  readonly requestTimeoutMs: number;
  /** Requests without a reply; one more is refused at once. */
  readonly requestsInFlightMax: number;
  /** Bytes that the server has not yet taken from us; a request beyond is refused at once. */
  readonly unsentBytesMax: number;
}

export interface ConnectionDeps {
  readonly host: string;
  readonly port: number;
  /** For messages to people. */
  readonly name: string;
  /** Unlike that of every other connection to this server. */
  readonly id: number;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  /** The server lives and speaks the meta protocol: requests are taken from now on. */
  readonly onReady: () => void;
  /** Called once, also before onReady: every request has been rejected with this error, and no more is taken. */
  readonly onLost: (error: StoreUnavailableError) => void;
}

/** One read takes at most this much; larger than a burst of replies needs. */
const READ_BYTES = 65_536;
/** Idle connections are asked by the kernel whether the other end is still there. */
const KEEP_ALIVE_DELAY_MS = 30_000;
/** Opaque numbers start again after this one: short on the wire, and far more of them than requests in flight. */
const OPAQUE_MAX = 99_999_999;

/**
 * One TCP connection to a memcached. All requests of one turn of the event loop leave in one write; replies come in the order of
 * requests. Whatever goes wrong (a late reply, a reply that makes no sense, an end) ends it as a whole: a stream of
 * replies that may be out of step is of no use.
 */
export class MemcachedConnection {
  readonly id: number;
  readonly #deps: ConnectionDeps;
  readonly #socket: Socket;
  readonly #reader: ReplyReader;
  readonly #openedAtMs: number;
  readonly #closed: Promise<void>;
  #state: 'opening' | 'ready' | 'lost' = 'opening';
  #oldest: MemcachedRequest | undefined;
  #newest: MemcachedRequest | undefined;
  #inFlight = 0;
  #opaque = 0;
  /** What leaves at the end of this turn of the event loop, and when its first request came. */
  #batch = '';
  #batchAtMs = 0;

  /** Begins to connect. */
  constructor(deps: ConnectionDeps) {
    this.id = deps.id;
    this.#deps = deps;
    this.#openedAtMs = deps.clock.monotonicMs();
    this.#reader = new ReplyReader((reply) => this.#onReply(reply));
    // One buffer for all reads: replies are short and are taken out at once.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    this.#socket = connect({
      host: deps.host,
      port: deps.port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
      onread: { buffer, callback: (bytes) => this.#onRead(buffer.subarray(0, bytes)) },
    });
    this.#socket.on('connect', () => this.#onConnect());
    this.#socket.on('error', (cause) => this.#lose('the connection broke', cause));
    this.#socket.on('end', () => this.#lose('the server ended the connection'));
    this.#closed = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#lose('the connection is closed');
        resolve();
      });
    });
  }

  /** Takes a request, or rejects it at once when a bound is reached. Only while ready. */
  submit(request: MemcachedRequest): void {
    if (this.#inFlight >= this.#deps.limits.requestsInFlightMax) {
      request.reject(this.#failure('too many requests in flight'));
      return;
    }
    this.#opaque = this.#opaque === OPAQUE_MAX ? 1 : this.#opaque + 1;
    request.opaque = this.#opaque;
    const text = request.encode();
    const unsentBytes = this.#socket.writableLength + this.#batch.length + text.length;
    if (unsentBytes > this.#deps.limits.unsentBytesMax) {
      request.reject(this.#failure('too many bytes wait to be sent'));
      return;
    }
    this.#addToBatch(text);
    request.sentAtMs = this.#batchAtMs;
    this.#enqueue(request);
  }

  /** Ends the connection if the oldest request, or the connection itself, has waited too long. */
  endIfOverdue(nowMs: number): void {
    const sinceMs = this.#state === 'opening' ? this.#openedAtMs : this.#oldest?.sentAtMs;
    const { requestTimeoutMs } = this.#deps.limits;
    if (sinceMs !== undefined && nowMs - sinceMs >= requestTimeoutMs) {
      this.#lose(`no answer within ${requestTimeoutMs} ms`);
    }
  }

  /** Rejects what is in flight; resolves once the socket is gone. */
  close(): Promise<void> {
    this.#lose('closed by us');
    return this.#closed;
  }

  #onConnect(): void {
    const request = new NoopRequest(
      () => {
        this.#state = 'ready';
        this.#deps.onReady();
      },
      () => {
        // onLost tells the owner.
      },
    );
    this.submit(request);
  }

  #addToBatch(text: string): void {
    if (this.#batch === '') {
      // One look at the clock for all requests of this turn.
      this.#batchAtMs = this.#deps.clock.monotonicMs();
      setImmediate(() => this.#sendBatch());
    }
    this.#batch += text;
  }

  #sendBatch(): void {
    const batch = this.#batch;
    this.#batch = '';
    if (this.#state !== 'lost' && batch !== '') this.#socket.write(batch, 'latin1');
  }

  #enqueue(request: MemcachedRequest): void {
    if (this.#newest === undefined) this.#oldest = request;
    else this.#newest.next = request;
    this.#newest = request;
    this.#inFlight += 1;
  }

  #dequeue(): MemcachedRequest | undefined {
    const request = this.#oldest;
    if (request === undefined) return undefined;
    this.#oldest = request.next;
    if (this.#oldest === undefined) this.#newest = undefined;
    // A chain of settled requests would keep the younger ones from being collected early.
    request.next = undefined;
    this.#inFlight -= 1;
    return request;
  }

  /** Returns true to go on reading. */
  #onRead(chunk: Buffer): boolean {
    if (this.#state === 'lost') return false;
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (!(error instanceof MemcachedProtocolError)) throw error;
      this.#lose('an answer of no sense', error);
    }
    return this.#isUp();
  }

  #onReply(reply: Reply): void {
    const request = this.#dequeue();
    if (request === undefined) {
      throw new MemcachedProtocolError('memcached answered what was not asked');
    }
    if (reply.kind === 'refused') {
      request.reject(this.#failure(reply.reason));
      return;
    }
    if (!request.accept(reply, this.id)) {
      request.reject(this.#failure('an answer to something else'));
      throw new MemcachedProtocolError('memcached answered something else than was asked');
    }
  }

  #lose(what: string, cause?: Error): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#socket.destroy();
    const error = this.#failure(what, cause);
    for (let lost = this.#dequeue(); lost !== undefined; lost = this.#dequeue()) lost.reject(error);
    this.#deps.onLost(error);
  }

  #isUp(): boolean {
    return this.#state !== 'lost';
  }

  #failure(what: string, cause?: Error): StoreUnavailableError {
    const options = cause === undefined ? undefined : { cause };
    return new StoreUnavailableError(`memcached ${this.#deps.name}: ${what}`, options);
  }
}
