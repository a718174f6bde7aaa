/** The app servers' side: PUTs over kept connections, each answered, cut off or given up in bounded time. */
import { Agent, type ClientRequest, type RequestOptions, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Endpoint } from './channel.ts';

/** How a PUT ended. */
export type PutEnd =
  | { readonly kind: 'answered'; readonly status: number }
  /** The wait was over. */
  | { readonly kind: 'unanswered' }
  /** The connection ended first. */
  | { readonly kind: 'cutOff' }
  /** A kept connection that the server had just given up: nobody's fault, and nobody knows whether it was read. */
  | { readonly kind: 'stale' };

interface InFlight {
  readonly sentMs: number;
  request: ClientRequest | undefined;
  isOverdue: boolean;
  mayBeStale: boolean;
}

export interface PutterDeps {
  /** PUTs at once, which is also how many connections there may be. */
  readonly inFlightMax: number;
  readonly answerWaitMs: number;
}

/** Servers give up connections that were idle for some seconds; one that was just used is not given up by a server at its right mind. */
const STALE_IDLE_MS_MIN = 1000;

export class Putter {
  readonly #deps: PutterDeps;
  readonly #inFlight = new Set<InFlight>();
  readonly #agent: Agent;
  readonly #tlsAgent: TlsAgent;
  /** When a kept connection was used last. */
  readonly #usedMs = new WeakMap<Socket, number>();
  readonly #targets = new Map<string, RequestOptions & { readonly isTls: boolean }>();

  constructor(deps: PutterDeps) {
    this.#deps = deps;
    const options = { keepAlive: true, maxSockets: deps.inFlightMax, scheduling: 'lifo' } as const;
    this.#agent = new Agent(options);
    this.#tlsAgent = new TlsAgent(options);
  }

  get inFlight(): number {
    return this.#inFlight.size;
  }

  get hasRoom(): boolean {
    return this.#inFlight.size < this.#deps.inFlightMax;
  }

  /** Only when it has room. `onEnd` is called once, later. */
  put({ origin, path }: Endpoint, body: string, onEnd: (end: PutEnd) => void): void {
    const { isTls, ...target } = this.#targetOf(origin);
    const entry: InFlight = {
      sentMs: performance.now(),
      request: undefined,
      isOverdue: false,
      mayBeStale: false,
    };
    const finish = (end: PutEnd) => {
      if (this.#inFlight.delete(entry)) onEnd(end);
    };
    const sent = (isTls ? tlsRequest : request)({
      ...target,
      method: 'PUT',
      path,
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        'Content-Length': body.length,
      },
    });
    entry.request = sent;
    this.#inFlight.add(entry);
    sent.on('socket', (socket) => {
      const idleMs = performance.now() - (this.#usedMs.get(socket) ?? performance.now());
      entry.mayBeStale = idleMs >= STALE_IDLE_MS_MIN;
    });
    sent.on('response', (response) => {
      const { socket } = response;
      response.resume();
      response.on('end', () => {
        this.#usedMs.set(socket, performance.now());
        finish({ kind: 'answered', status: response.statusCode ?? 0 });
      });
      response.on('close', () => finish({ kind: 'cutOff' }));
    });
    sent.on('error', () => {
      if (entry.isOverdue) finish({ kind: 'unanswered' });
      else finish({ kind: entry.mayBeStale ? 'stale' : 'cutOff' });
    });
    sent.end(body);
  }

  /** Gives up what has waited too long. To be called now and then: there is no timer for each. */
  sweep(nowMs: number): void {
    for (const entry of this.#inFlight) {
      // In order of sending, so all that follow are younger.
      if (nowMs - entry.sentMs < this.#deps.answerWaitMs) return;
      entry.isOverdue = true;
      entry.request?.destroy(new Error('no answer'));
    }
  }

  close(): void {
    this.#agent.destroy();
    this.#tlsAgent.destroy();
  }

  #targetOf(origin: string) {
    const known = this.#targets.get(origin);
    if (known !== undefined) return known;
    const { protocol, hostname, port } = new URL(origin);
    const isTls = protocol === 'https:';
    const target = {
      isTls,
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (isTls ? 443 : 80) : Number(port),
      agent: isTls ? this.#tlsAgent : this.#agent,
    };
    this.#targets.set(origin, target);
    return target;
  }
}
