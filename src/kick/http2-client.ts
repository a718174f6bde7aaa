import type { Clock } from '../clock.ts';
import { AbortWatch } from './abort-watch.ts';
import { type ConnectionEffect, type ConnectionEnd, Http2Connection } from './http2-connection.ts';
import {
  type Http2Answer,
  Http2Exchange,
  type Http2Request,
  type Http2Result,
  type UnsentCause,
} from './http2-exchange.ts';

export interface Http2Limits {
  /** Streams open at once; fewer when the peer's SETTINGS allow fewer. */
  readonly inFlightMax: number;
  /** Requests that may wait for a stream; one more is `unsent` at once. Those that the peer refused wait beside them. */
  readonly waitingMax: number;
  /** From the call to its result, the wait for a connection and a stream included. */
  readonly requestTimeoutMs: number;
  /** A connection with streams in flight that was not heard of for so long is pinged. */
  readonly pingIntervalMs: number;
}

export interface Http2ClientDeps {
  /** `https://host:port`. */
  readonly origin: string;
  /** PEM of the only authorities to trust; absent: those that Node.js comes with. */
  readonly ca?: string;
  readonly limits: Http2Limits;
  /**
   * Whether only one stream may be open until an answer `widens` the connection. APNs asks for that before it has seen good
   * credentials.
   */
  readonly opensNarrow: boolean;
  /** What an answer means for its connection. */
  readonly effectOf: (answer: Http2Answer) => ConnectionEffect;
  /** After so many requests a connection is replaced; absent: REQUESTS_PER_CONNECTION_MAX. */
  readonly requestsPerConnectionMax?: number;
  readonly clock: Clock;
}

/** After a connection that failed, requests are refused untried for so long: nobody knocks a thousand times a second. */
export const PAUSE_AFTER_FAILURE_MS = 1000;
/** Stream ids end at 2^31, and each request takes two: a connection is replaced long before. */
export const REQUESTS_PER_CONNECTION_MAX = 500_000_000;
/** How exact deadlines and pings are. */
const SWEEP_INTERVAL_MS = 250;
/** Connections in a row that ended before any answer, from which on the peer is taken to be away. */
const FRUITLESS_CONNECTIONS_MAX = 2;

/**
 * HTTP/2 requests to one origin over one connection at a time: opened when first needed, shared by all requests, replaced
 * when the peer says goodbye or vanishes. Written for push providers, which want few long connections, and which tell by GOAWAY
 * and REFUSED_STREAM what they have not processed (RFC 9113, sections 6.8 and 8.7): that is sent once more.
 */
export class Http2Client {
  readonly #deps: Http2ClientDeps;
  /** The current one, and those that only finish what they have in flight: each for one `requestTimeoutMs` at most. */
  readonly #connections = new Set<Http2Connection>();
  readonly #aborts = new AbortWatch<Http2Exchange>((exchange) => this.#onAbort(exchange));
  #current: Http2Connection | undefined;
  #waiting: Http2Exchange[] = [];
  #fruitless = 0;
  #pause: { readonly untilMs: number; readonly reason: string } | undefined;
  #stopSweep: (() => void) | undefined;
  #isClosed = false;

  /** Opens nothing yet. */
  constructor(deps: Http2ClientDeps) {
    this.#deps = deps;
  }

  /**
   * Settles within `requestTimeoutMs`, as seen by a sweep four times a second, and at once when `signal` is aborted. Never rejects.
   */
  request(request: Http2Request, signal: AbortSignal): Promise<Http2Result> {
    const refusal = this.#refusal(signal);
    if (refusal !== undefined) return Promise.resolve(refusal);
    return new Promise((resolve) => {
      const deadlineMs = this.#deps.clock.monotonicMs() + this.#deps.limits.requestTimeoutMs;
      const onSettled = (result: Http2Result) => {
        this.#aborts.remove(signal, exchange);
        resolve(result);
      };
      const exchange = new Http2Exchange({ request, deadlineMs, onSettled });
      this.#aborts.add(signal, exchange);
      this.#waiting.push(exchange);
      this.#stopSweep ??= this.#deps.clock.every(SWEEP_INTERVAL_MS, () => this.#sweep());
      this.#sendWaiting();
    });
  }

  /** Lets go. Requests in flight settle as `unanswered`, those that wait as `unsent`. Resolves when every socket is gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#failWaiting('closed', 'closed by us');
    await Promise.all(Array.from(this.#connections, (connection) => connection.close()));
    this.#stopSweepWhenIdle();
  }

  #refusal(signal: AbortSignal): Http2Result | undefined {
    if (this.#isClosed) return unsent('closed', 'closed by us');
    if (signal.aborted) return unsent('aborted', 'aborted');
    if (this.#waiting.length >= this.#deps.limits.waitingMax) {
      return unsent('full', 'too many requests wait');
    }
    if (this.#pause === undefined) return undefined;
    if (this.#deps.clock.monotonicMs() < this.#pause.untilMs) {
      return unsent('unreachable', this.#pause.reason);
    }
    this.#pause = undefined;
    return undefined;
  }

  #sendWaiting(): void {
    if (this.#isClosed || this.#waiting.length === 0) return;
    this.#current ??= this.#open();
    // Sending may lose the connection, and with it the current one.
    while (this.#current !== undefined && this.#current.room > 0) {
      const exchange = this.#waiting.shift();
      if (exchange === undefined) return;
      this.#current.send(exchange);
    }
  }

  #open(): Http2Connection {
    const connection: Http2Connection = new Http2Connection({
      requestsPerConnectionMax: REQUESTS_PER_CONNECTION_MAX,
      ...this.#deps,
      onRoom: () => this.#sendWaiting(),
      onRefused: (exchange) => this.#onRefused(exchange),
      onRetired: (end) => this.#onRetired(connection, end),
      onGone: () => {
        this.#connections.delete(connection);
        this.#stopSweepWhenIdle();
      },
    });
    this.#connections.add(connection);
    return connection;
  }

  #onAbort(exchange: Http2Exchange): void {
    const at = this.#waiting.indexOf(exchange);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      exchange.settle(unsent('aborted', 'aborted'));
    } else {
      for (const connection of this.#connections) connection.cancel(exchange, 'aborted');
    }
  }

  #onRefused(exchange: Http2Exchange): void {
    if (this.#isClosed) {
      exchange.settle(unsent('closed', 'closed by us'));
    } else if (exchange.wasRefused) {
      exchange.settle(unsent('refused', 'the peer refused the stream twice'));
    } else {
      exchange.wasRefused = true;
      this.#waiting.push(exchange);
    }
  }

  /** The connection takes no more requests. What waits goes to a new one, unless the peer seems to be away. */
  #onRetired(connection: Http2Connection, { kind, reason }: ConnectionEnd): void {
    if (this.#current === connection) this.#current = undefined;
    this.#fruitless = kind === 'used' ? 0 : this.#fruitless + 1;
    const isAway = kind === 'unopened' || this.#fruitless >= FRUITLESS_CONNECTIONS_MAX;
    if (isAway && !this.#isClosed) {
      this.#pause = { untilMs: this.#deps.clock.monotonicMs() + PAUSE_AFTER_FAILURE_MS, reason };
      this.#failWaiting('unreachable', reason);
    }
  }

  #sweep(): void {
    const nowMs = this.#deps.clock.monotonicMs();
    for (const connection of this.#connections) connection.sweep(nowMs);
    const overdue = this.#waiting.filter(({ deadlineMs }) => deadlineMs <= nowMs);
    if (overdue.length > 0) {
      this.#waiting = this.#waiting.filter(({ deadlineMs }) => deadlineMs > nowMs);
      for (const exchange of overdue) {
        exchange.settle(unsent('overdue', 'waited too long for a stream'));
      }
    }
    this.#sendWaiting();
    this.#stopSweepWhenIdle();
  }

  #stopSweepWhenIdle(): void {
    if (this.#connections.size > 0 || this.#waiting.length > 0) return;
    this.#stopSweep?.();
    this.#stopSweep = undefined;
  }

  #failWaiting(cause: UnsentCause, reason: string): void {
    for (const exchange of this.#waiting.splice(0)) exchange.settle(unsent(cause, reason));
  }
}

function unsent(cause: UnsentCause, reason: string): Http2Result {
  return { kind: 'unsent', cause, reason };
}
