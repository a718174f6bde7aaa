import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Clock } from '../clock.ts';
import { type PartialAnswer, readAnswer } from './http2-answer-reader.ts';
import type { Http2Limits } from './http2-client.ts';
import type { Http2Answer, Http2Exchange } from './http2-exchange.ts';

/** What an answer means for its connection; `retires`: the next requests go to a new one. */
export type ConnectionEffect = 'none' | 'widens' | 'retires';

/** How a connection came to take no more requests: never open, open without any answer, or after some. */
export interface ConnectionEnd {
  readonly kind: 'unopened' | 'unanswered' | 'used';
  readonly reason: string;
}

export interface Http2ConnectionDeps {
  readonly origin: string;
  readonly ca?: string;
  readonly limits: Http2Limits;
  readonly opensNarrow: boolean;
  readonly effectOf: (answer: Http2Answer) => ConnectionEffect;
  /** After so many it is replaced. */
  readonly requestsPerConnectionMax: number;
  readonly clock: Clock;
  /** There may be room for more. */
  readonly onRoom: () => void;
  /** The peer surely did not process this one; it is the caller's again. */
  readonly onRefused: (exchange: Http2Exchange) => void;
  /** Called once: no more requests are taken; those in flight may still be answered. */
  readonly onRetired: (end: ConnectionEnd) => void;
  /** Called once, after onRetired: nothing is left of it. */
  readonly onGone: () => void;
}

/**
 * An idle connection is pinged this often, so that a firewall does not forget it and so that its loss is noticed before it is needed
 * (Apple suggests one ping an hour; five minutes is less than most firewalls wait).
 */
export const IDLE_PING_INTERVAL_MS = 300_000;
/** A ping is answered by the peer's front, without work: a connection whose ping waits longer is dead. */
export const PING_ANSWER_MS_MAX = 5000;
const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = constants;

type State =
  /** No request is sent before the peer's SETTINGS are known. */
  | { readonly kind: 'opening'; readonly sinceMs: number }
  | { readonly kind: 'ready' }
  /** Takes nothing new; finishes what is in flight. */
  | { readonly kind: 'retired' };

/** One HTTP/2 connection over TLS, and its streams in flight. Keeps the process alive only while it opens or has some. */
export class Http2Connection {
  readonly #deps: Http2ConnectionDeps;
  readonly #session: ClientHttp2Session;
  readonly #inFlight = new Map<Http2Exchange, ClientHttp2Stream>();
  readonly #gone: Promise<void>;
  #socket: { destroy(): void } | undefined;
  #state: State;
  #isNarrow: boolean;
  #streamsMax = 0;
  #sent = 0;
  #hasAnswered = false;
  /** The last stream that the peer may have processed, once it has said so. */
  #lastStreamId = Number.POSITIVE_INFINITY;
  #heardAtMs: number;
  #pingedAtMs: number | undefined;
  #endReason = 'the peer ended the connection';

  /** Begins to connect. */
  constructor(deps: Http2ConnectionDeps) {
    this.#deps = deps;
    this.#isNarrow = deps.opensNarrow;
    this.#heardAtMs = deps.clock.monotonicMs();
    this.#state = { kind: 'opening', sinceMs: this.#heardAtMs };
    const trust = deps.ca === undefined ? {} : { ca: deps.ca };
    this.#session = connect(deps.origin, { ...trust, settings: { enablePush: false } });
    this.#session.on('remoteSettings', ({ maxConcurrentStreams }) => {
      this.#onSettings(maxConcurrentStreams ?? Number.POSITIVE_INFINITY);
    });
    this.#session.on('goaway', (code, lastStreamId) => this.#onGoaway(code, lastStreamId));
    this.#session.once('connect', (_, socket) => {
      this.#socket = socket;
    });
    this.#session.on('error', (error) => {
      this.#endReason = `the connection failed: ${wordsOf(error)}`;
    });
    this.#gone = new Promise((resolve) => {
      this.#session.on('close', () => {
        this.#onClose();
        resolve();
      });
    });
  }

  /** How many requests it takes now. */
  get room(): number {
    // The library knows of an end before it tells.
    if (this.#state.kind !== 'ready' || this.#session.closed || this.#session.destroyed) return 0;
    const max = this.#isNarrow ? 1 : this.#deps.limits.inFlightMax;
    return Math.min(max, this.#streamsMax) - this.#inFlight.size;
  }

  /** Only while there is room. */
  send(exchange: Http2Exchange): void {
    const { method, path, headers, body } = exchange.request;
    const stream = this.#session.request(
      { ...headers, ':method': method, ':path': path },
      { endStream: false },
    );
    this.#inFlight.set(exchange, stream);
    if (this.#inFlight.size === 1) this.#session.ref();
    readAnswer(stream, (partial) => this.#onStreamClose(exchange, stream, partial));
    stream.end(body);
    this.#sent++;
    if (this.#sent >= this.#deps.requestsPerConnectionMax) {
      this.#retire('enough requests for one connection');
    }
  }

  /** Gives up waiting for the answer to a request, if it is in flight here. */
  cancel(exchange: Http2Exchange, reason: string): void {
    const stream = this.#inFlight.get(exchange);
    if (stream === undefined) return;
    exchange.settle({ kind: 'unanswered', reason });
    stream.close(NGHTTP2_CANCEL);
  }

  /** Ends what waits too long: the connection itself, its requests, an answer to a ping. */
  sweep(nowMs: number): void {
    if (this.#session.destroyed) return;
    const { requestTimeoutMs } = this.#deps.limits;
    if (this.#state.kind === 'opening') {
      const isOverdue = nowMs - this.#state.sinceMs >= requestTimeoutMs;
      if (isOverdue) this.#destroy(`no connection within ${requestTimeoutMs} ms`);
      return;
    }
    for (const exchange of this.#inFlight.keys()) {
      if (exchange.deadlineMs <= nowMs) {
        this.cancel(exchange, `no answer within ${requestTimeoutMs} ms`);
      }
    }
    if (this.#pingedAtMs !== undefined) {
      if (nowMs - this.#pingedAtMs >= PING_ANSWER_MS_MAX) this.#destroy('no answer to a ping');
    } else if (nowMs - this.#heardAtMs >= this.#pingIntervalMs) {
      this.#ping(nowMs);
    }
  }

  /** Settles what is in flight as unanswered; resolves once the socket is gone. */
  close(): Promise<void> {
    this.#destroy('closed by us');
    return this.#gone;
  }

  get #pingIntervalMs(): number {
    return this.#inFlight.size > 0 ? this.#deps.limits.pingIntervalMs : IDLE_PING_INTERVAL_MS;
  }

  #onSettings(streamsMax: number): void {
    this.#streamsMax = streamsMax;
    if (this.#state.kind === 'opening') {
      this.#state = { kind: 'ready' };
      this.#heardAtMs = this.#deps.clock.monotonicMs();
      this.#session.unref();
    }
    this.#deps.onRoom();
  }

  /** The library closes the session itself, and at once when the code is an error. */
  #onGoaway(code: number, lastStreamId: number): void {
    this.#lastStreamId = lastStreamId;
    this.#retire(`the peer said goodbye (GOAWAY ${code})`);
  }

  #retire(reason: string): void {
    if (this.#state.kind === 'retired') return;
    const kind =
      this.#state.kind === 'opening' ? 'unopened' : this.#hasAnswered ? 'used' : 'unanswered';
    this.#state = { kind: 'retired' };
    this.#endReason = reason;
    this.#deps.onRetired({ kind, reason });
    this.#closeIfFinished();
    this.#deps.onRoom();
  }

  /** Our own goodbye comes last: to one that comes before their streams have ended some servers answer by refusing them. */
  #closeIfFinished(): void {
    if (this.#state.kind === 'retired' && this.#inFlight.size === 0) this.#session.close();
  }

  #destroy(reason: string): void {
    for (const exchange of this.#inFlight.keys()) exchange.settle({ kind: 'unanswered', reason });
    this.#retire(reason);
    this.#endReason = reason;
    this.#session.destroy();
    // The library ends the socket and waits for the peer to do so too, which one that has said goodbye may never do.
    this.#socket?.destroy();
  }

  #onClose(): void {
    for (const exchange of this.#inFlight.keys()) {
      exchange.settle({ kind: 'unanswered', reason: this.#endReason });
    }
    this.#inFlight.clear();
    this.#retire(this.#endReason);
    this.#deps.onGone();
  }

  #ping(nowMs: number): void {
    this.#pingedAtMs = nowMs;
    this.#session.ping(() => {
      this.#pingedAtMs = undefined;
      this.#heardAtMs = this.#deps.clock.monotonicMs();
    });
  }

  #onStreamClose(exchange: Http2Exchange, stream: ClientHttp2Stream, partial: PartialAnswer): void {
    this.#inFlight.delete(exchange);
    if (partial.isWhole) {
      this.#onAnswer(exchange, partial);
    } else if (this.#isUnprocessed(stream)) {
      if (!exchange.isSettled) this.#deps.onRefused(exchange);
    } else {
      exchange.settle({ kind: 'unanswered', reason: this.#streamEndReason(stream) });
    }
    if (this.#inFlight.size === 0) this.#session.unref();
    this.#closeIfFinished();
    this.#deps.onRoom();
  }

  #onAnswer(exchange: Http2Exchange, { status, headers, body }: PartialAnswer): void {
    const answer: Http2Answer = { status, headers, body };
    this.#hasAnswered = true;
    this.#heardAtMs = this.#deps.clock.monotonicMs();
    const effect = this.#deps.effectOf(answer);
    if (effect === 'widens') this.#isNarrow = false;
    exchange.settle({ kind: 'answered', answer });
    if (effect === 'retires') this.#retire('the peer asked for another connection');
  }

  #isUnprocessed({ rstCode, id }: ClientHttp2Stream): boolean {
    return rstCode === NGHTTP2_REFUSED_STREAM || (id !== undefined && id > this.#lastStreamId);
  }

  #streamEndReason({ rstCode }: ClientHttp2Stream): string {
    if (this.#session.destroyed) return this.#endReason;
    return `the peer ended the stream (HTTP/2 error ${rstCode})`;
  }
}

function wordsOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
