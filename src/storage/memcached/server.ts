import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { StoreUnavailableError } from '../store.ts';
import { type ConnectionLimits, MemcachedConnection } from './connection.ts';
import {
  GetRequest,
  type MemcachedRequest,
  type Seen,
  SetRequest,
  type Stamp,
  type Write,
} from './requests.ts';

export interface ServerAddress {
  /** A name or an IP address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface ServerDeps {
  readonly address: ServerAddress;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  readonly log: Log;
  /** From 0 to 1, as Math.random. */
  readonly random: () => number;
}

/** The first wait before connecting again is at most this; each next one at most twice the last. */
export const RECONNECT_WAIT_FIRST_MS = 50;
/** No wait before connecting again is longer. Short: a try costs little, and devices wait for the server. */
export const RECONNECT_WAIT_MS_MAX = 2_000;

type State =
  | { readonly kind: 'ready'; readonly connection: MemcachedConnection; readonly sinceMs: number }
  | { readonly kind: 'opening'; readonly connection: MemcachedConnection }
  | { readonly kind: 'waiting'; readonly untilMs: number }
  | { readonly kind: 'closed' };

/**
 * One memcached, with the connection to it renewed for ever. While there is none, every request fails at once: whoever asks
 * is better served by a quick "later" than by a queue in front of a dead server.
 */
export class MemcachedServer {
  /** `host:port`; for people, and for placing records. */
  readonly name: string;
  /** Resolves when the first attempt to connect has ended, well or not. */
  readonly firstAttempt: Promise<void>;
  readonly #deps: ServerDeps;
  #endFirstAttempt: () => void = () => {};
  #state: State;
  /** Why requests fail while there is no connection. One error for all of them: there may be thousands a second. */
  #error: StoreUnavailableError;
  #connections = 0;
  /** Losses in a row without a lasting connection between them. */
  #failures = 0;

  /** Begins to connect. */
  constructor(deps: ServerDeps) {
    const { host, port } = deps.address;
    this.name = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    this.#deps = deps;
    this.#error = new StoreUnavailableError(`memcached ${this.name}: not connected yet`);
    this.firstAttempt = new Promise((resolve) => {
      this.#endFirstAttempt = resolve;
    });
    this.#state = { kind: 'opening', connection: this.#connect() };
  }

  /** @throws StoreUnavailableError */
  get(key: string): Promise<Seen> {
    return new Promise((resolve, reject) => {
      this.#submit(new GetRequest(key, resolve, reject));
    });
  }

  /**
   * Writes if the item still is what it was when it was `seen`, or still is absent. Undefined when it is not, or when that
   * cannot be told because the connection is another by now: read again.
   * @throws StoreUnavailableError
   */
  compareAndSet(seen: Stamp, write: Write): Promise<Stamp | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#state.kind === 'ready' && this.#state.connection.id !== seen.connectionId) {
        resolve(undefined);
        return;
      }
      this.#submit(new SetRequest(write, seen.cas, resolve, reject));
    });
  }

  /**
   * Writes over whatever stands there. If it fails, it may still be done much later, by a server that was only asleep.
   * @throws StoreUnavailableError
   */
  set(write: Write): Promise<Stamp | undefined> {
    return new Promise((resolve, reject) => {
      this.#submit(new SetRequest(write, undefined, resolve, reject));
    });
  }

  /** To be called every few milliseconds: ends a connection that has gone silent, and connects again when it is time. */
  tick(nowMs: number): void {
    if (this.#state.kind === 'ready' || this.#state.kind === 'opening') {
      this.#state.connection.endIfOverdue(nowMs);
    } else if (this.#state.kind === 'waiting' && nowMs >= this.#state.untilMs) {
      this.#state = { kind: 'opening', connection: this.#connect() };
    }
  }

  /** Rejects what is in flight. Resolves once the socket is gone. */
  async close(): Promise<void> {
    const state = this.#state;
    this.#state = { kind: 'closed' };
    this.#error = new StoreUnavailableError(`memcached ${this.name}: closed by us`);
    if (state.kind === 'ready' || state.kind === 'opening') await state.connection.close();
  }

  #submit(request: MemcachedRequest): void {
    if (this.#state.kind === 'ready') this.#state.connection.submit(request);
    else request.reject(this.#error);
  }

  #connect(): MemcachedConnection {
    this.#connections += 1;
    const connection: MemcachedConnection = new MemcachedConnection({
      ...this.#deps.address,
      name: this.name,
      id: this.#connections,
      limits: this.#deps.limits,
      clock: this.#deps.clock,
      onReady: () => this.#onReady(connection),
      onLost: (error) => this.#onLost(error),
    });
    return connection;
  }

  #onReady(connection: MemcachedConnection): void {
    this.#state = { kind: 'ready', connection, sinceMs: this.#deps.clock.monotonicMs() };
    this.#deps.log.info({ server: this.name }, 'store.memcached.connected');
    this.#endFirstAttempt();
  }

  #onLost(error: StoreUnavailableError): void {
    this.#endFirstAttempt();
    const state = this.#state;
    if (state.kind === 'closed') return;
    const nowMs = this.#deps.clock.monotonicMs();
    // A server that takes connections only to drop them must not be asked again and again without pause.
    const lasted = state.kind === 'ready' && nowMs - state.sinceMs > RECONNECT_WAIT_MS_MAX;
    this.#failures = lasted ? 1 : this.#failures + 1;
    if (state.kind === 'ready' || this.#failures === 1) {
      this.#deps.log.warn({ server: this.name, err: error }, 'store.memcached.lost');
    }
    this.#error = error;
    this.#state = { kind: 'waiting', untilMs: nowMs + this.#waitMs() };
  }

  /** Full jitter: the nodes of a cluster must not all come back in the same instant. */
  #waitMs(): number {
    const doubledMs = RECONNECT_WAIT_FIRST_MS * 2 ** (this.#failures - 1);
    return this.#deps.random() * Math.min(RECONNECT_WAIT_MS_MAX, doubledMs);
  }
}
