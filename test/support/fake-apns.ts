/**
 * Apple's push service as a provider sees it: HTTP/2 over TLS, provider tokens with real signatures, every documented error, SETTINGS,
 * GOAWAY. Strict where Apple is. Without a test framework, so that tests with real processes and demonstrations can run it too.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { unreachable } from '../../src/assert.ts';
import {
  type ConnectionTokens,
  checkProviderToken,
  type FakeApnsEnvironment,
  type FakeApnsKey,
} from './fake-apns/provider-tokens.ts';
import { checkPush, checkRoute, type Push, type PushRequest } from './fake-apns/push-rules.ts';
import { type FakeApnsReason, STATUS_OF_REASON } from './fake-apns/reasons.ts';
import { type KickCertificates, makeKickCertificates } from './kick-certificates.ts';
import { within } from './within.ts';

/** How one request is answered. A request that breaks a rule is answered by the rule, whatever the script says. */
export type FakeApnsAnswer =
  | { readonly kind: 'taken' }
  | { readonly kind: 'error'; readonly reason: FakeApnsReason; readonly timestampMs?: number }
  /** As a proxy or another server might. */
  | { readonly kind: 'raw'; readonly status: number; readonly body: string }
  /** A head, some of the body, and no end. */
  | { readonly kind: 'half'; readonly status: number; readonly body: string }
  /** None, until `release`, which answers 200. */
  | { readonly kind: 'none' }
  /** RST_STREAM with this HTTP/2 error code. */
  | { readonly kind: 'reset'; readonly code: number }
  /** The connection ends without a word. */
  | { readonly kind: 'drop' };

export interface FakeApnsOptions {
  readonly keys: readonly FakeApnsKey[];
  /** Default: production. */
  readonly environment?: FakeApnsEnvironment;
  /** Default: made for the occasion. */
  readonly certificates?: KickCertificates;
  /** Default: any. */
  readonly port?: number;
  /** By SETTINGS; default 1000. */
  readonly streamsMax?: number;
  /** Whether SETTINGS allow one stream until credentials are proven, as Apple's do. Default: true. */
  readonly opensNarrow?: boolean;
  /** For the ages of tokens. Default: the machine's. */
  readonly nowMs?: () => number;
}

/** One request, and what it was answered. */
export interface FakeApnsRequest {
  readonly request: PushRequest;
  /** From 1, in the order in which they were opened. */
  readonly connection: number;
  readonly answer: FakeApnsAnswer;
  /** Of a request that broke no rule. */
  readonly wake: FakeApnsWake | undefined;
}

/** A push that Apple took, unless its answer says otherwise. */
export type FakeApnsWake = Push & { readonly key: FakeApnsKey; readonly connection: number };

export interface FakeApns {
  readonly url: string;
  readonly port: number;
  readonly ca: string;
  /** Taken, in order: those that were answered 200, and those whose 200 was held back or lost after they were taken. */
  readonly wakes: readonly FakeApnsWake[];
  readonly requests: readonly FakeApnsRequest[];
  /** Opened so far. */
  readonly connections: number;
  readonly pings: number;
  /** The most streams that were open at once on one connection. */
  readonly streamsOpenMax: number;
  /** The same, counted only while no answer had proven its credentials. */
  readonly streamsOpenBeforeProofMax: number;
  /** Requests without an answer so far. */
  readonly held: number;
  /** For the next requests, one each. */
  answerNext(...answers: readonly FakeApnsAnswer[]): void;
  /** For each request to this device; undefined takes it back. After `answerNext`. */
  answerDevice(deviceToken: string, answer: FakeApnsAnswer | undefined): void;
  /** For each other request. */
  answerEach(choose: (push: Push) => FakeApnsAnswer): void;
  /** Holds back every answer that would be 200, until `release`. */
  hang(): void;
  /** Answers 200 to all that is held back, and holds back no more. */
  release(): void;
  /** On every connection. Streams above `lastStreamId` are not processed; without one, all are that have come. */
  goAway(options?: { readonly code?: number; readonly lastStreamId?: number }): void;
  /** From now on, on every connection. */
  setStreamsMax(streamsMax: number): void;
  /** Ends every connection without a word. */
  dropConnections(): void;
  /** Resolves once `isSo`; asked after each request and each ping. Fails in words after `waitMsMax` (default 10 s). */
  until(isSo: () => boolean, wanted: string, waitMsMax?: number): Promise<void>;
  close(): Promise<void>;
}

const WAIT_MS_MAX = 10_000;
const TAKEN: FakeApnsAnswer = { kind: 'taken' };
const NONE: FakeApnsAnswer = { kind: 'none' };

/** Listens on 127.0.0.1. */
export async function startFakeApns(options: FakeApnsOptions): Promise<FakeApns> {
  const certificates = options.certificates ?? (await makeKickCertificates());
  const fake = new RunningFakeApns(options, certificates);
  await fake.listen(options.port ?? 0);
  return fake;
}

/** One connection and what is known of it. */
interface Peer {
  readonly number: number;
  readonly session: ServerHttp2Session;
  readonly tokens: ConnectionTokens;
  readonly open: Set<ServerHttp2Stream>;
  isProven: boolean;
  /** Streams above are not processed. */
  lastStreamId: number;
}

/** One request that waits for its answer. */
interface Exchange {
  readonly stream: ServerHttp2Stream;
  readonly peer: Peer;
  readonly apnsId: string;
  /** Of a request that broke no rule. */
  readonly wake: FakeApnsWake | undefined;
}

class RunningFakeApns implements FakeApns {
  wakes: FakeApnsWake[] = [];
  readonly requests: FakeApnsRequest[] = [];
  readonly ca: string;
  connections = 0;
  pings = 0;
  streamsOpenMax = 0;
  streamsOpenBeforeProofMax = 0;
  readonly #options: FakeApnsOptions;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #peers = new Map<ServerHttp2Session, Peer>();
  readonly #held = new Set<Exchange>();
  readonly #next: FakeApnsAnswer[] = [];
  readonly #ofDevice = new Map<string, FakeApnsAnswer>();
  readonly #watchers = new Set<() => void>();
  #choose: (push: Push) => FakeApnsAnswer = () => TAKEN;
  #isHanging = false;
  #streamsMax: number;

  constructor(options: FakeApnsOptions, { ca, certificate, key }: KickCertificates) {
    this.#options = options;
    this.#streamsMax = options.streamsMax ?? 1000;
    this.ca = ca;
    const maxConcurrentStreams = this.#opensNarrow ? 1 : this.#streamsMax;
    const settings = { maxConcurrentStreams, enablePush: false };
    this.#server = createSecureServer({ cert: certificate, key, allowHTTP1: false, settings });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('session', (session) => this.#onSession(session));
    this.#server.on('sessionError', () => {
      // Connections that break are what these tests are about.
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  get held(): number {
    return this.#held.size;
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  answerNext(...answers: readonly FakeApnsAnswer[]): void {
    this.#next.push(...answers);
  }

  answerDevice(deviceToken: string, answer: FakeApnsAnswer | undefined): void {
    if (answer === undefined) this.#ofDevice.delete(deviceToken);
    else this.#ofDevice.set(deviceToken, answer);
  }

  answerEach(choose: (push: Push) => FakeApnsAnswer): void {
    this.#choose = choose;
  }

  hang(): void {
    this.#isHanging = true;
  }

  release(): void {
    this.#isHanging = false;
    for (const exchange of this.#held) this.#respond(exchange, TAKEN);
    this.#held.clear();
  }

  goAway({
    code = constants.NGHTTP2_NO_ERROR,
    lastStreamId,
  }: {
    readonly code?: number;
    readonly lastStreamId?: number;
  } = {}): void {
    for (const peer of this.#peers.values()) {
      const ids = Array.from(peer.open, ({ id }) => id ?? 0);
      peer.lastStreamId = lastStreamId ?? Math.max(0, ...ids);
      this.#peers.delete(peer.session);
      this.#unprocess(peer);
      peer.session.goaway(code, peer.lastStreamId);
    }
  }

  setStreamsMax(streamsMax: number): void {
    this.#streamsMax = streamsMax;
    for (const { session } of this.#peers.values()) {
      session.settings({ maxConcurrentStreams: streamsMax });
    }
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  until(isSo: () => boolean, wanted: string, waitMsMax = WAIT_MS_MAX): Promise<void> {
    let watcher: (() => void) | undefined;
    const so = new Promise<void>((resolve) => {
      watcher = () => {
        if (isSo()) resolve();
      };
      this.#watchers.add(watcher);
      watcher();
    });
    return within(so, { wanted, waitMsMax }).finally(() => {
      if (watcher !== undefined) this.#watchers.delete(watcher);
    });
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.dropConnections();
    await closed;
  }

  get #opensNarrow(): boolean {
    return this.#options.opensNarrow ?? true;
  }

  #nowMs(): number {
    return this.#options.nowMs?.() ?? Date.now();
  }

  #notify(): void {
    for (const watcher of this.#watchers) watcher();
  }

  #onSession(session: ServerHttp2Session): void {
    this.connections++;
    const peer: Peer = {
      number: this.connections,
      session,
      tokens: { tokenSinceMs: 0, isExpired: false },
      open: new Set(),
      isProven: false,
      lastStreamId: Number.POSITIVE_INFINITY,
    };
    this.#peers.set(session, peer);
    session.on(
      'stream',
      (
        stream: ServerHttp2Stream,
        headers: IncomingHttpHeaders,
        _flags: number,
        rawHeaders: readonly string[],
      ) => void this.#onStream(peer, stream, { headers, rawHeaders }),
    );
    session.on('ping', () => {
      this.pings++;
      this.#notify();
    });
    session.on('error', () => {
      // As above.
    });
    session.on('close', () => this.#peers.delete(session));
    this.#notify();
  }

  /** Never rejects. */
  async #onStream(peer: Peer, stream: ServerHttp2Stream, head: RequestHead): Promise<void> {
    stream.on('error', () => {
      // The client's right.
    });
    peer.open.add(stream);
    stream.on('close', () => {
      peer.open.delete(stream);
      for (const exchange of this.#held) {
        if (exchange.stream === stream) this.#held.delete(exchange);
      }
      this.#notify();
    });
    this.streamsOpenMax = Math.max(this.streamsOpenMax, peer.open.size);
    if (!peer.isProven) {
      this.streamsOpenBeforeProofMax = Math.max(this.streamsOpenBeforeProofMax, peer.open.size);
    }
    const body = await readBody(stream);
    if (body === undefined || (stream.id ?? 0) > peer.lastStreamId) return;
    this.#onRequest(stream, peer, toPushRequest(head, body));
    this.#notify();
  }

  #onRequest(stream: ServerHttp2Stream, peer: Peer, request: PushRequest): void {
    const push = this.#check(request, peer);
    const connection = peer.number;
    const wake = typeof push === 'string' ? undefined : { ...push, connection };
    const answer: FakeApnsAnswer =
      typeof push === 'string' ? { kind: 'error', reason: push } : this.#answerTo(push);
    this.requests.push({ request, connection, answer, wake });
    const isTaken = answer.kind === 'taken' || answer.kind === 'none';
    if (wake !== undefined && isTaken) this.wakes.push(wake);
    const apnsId = request.headers['apns-id'] ?? randomUUID();
    this.#respond({ stream, peer, apnsId, wake }, answer);
  }

  #check(request: PushRequest, { tokens }: Peer) {
    const { keys, environment = 'production' } = this.#options;
    const nowMs = this.#nowMs();
    const misrouted = checkRoute(request);
    if (misrouted !== undefined) return misrouted;
    const { authorization } = request.headers;
    const key = checkProviderToken(authorization, { keys, connection: tokens, environment, nowMs });
    if (typeof key === 'string') return key;
    const push = checkPush(request, { key, nowMs });
    return typeof push === 'string' ? push : { ...push, key };
  }

  #answerTo(push: Push): FakeApnsAnswer {
    const answer = this.#next.shift() ?? this.#ofDevice.get(push.deviceToken) ?? this.#choose(push);
    return this.#isHanging && answer.kind === 'taken' ? NONE : answer;
  }

  #respond(exchange: Exchange, answer: FakeApnsAnswer): void {
    const { stream, peer, apnsId } = exchange;
    if (stream.destroyed) return;
    switch (answer.kind) {
      case 'taken':
        this.#prove(peer);
        stream.respond({ ':status': 200, 'apns-id': apnsId }, { endStream: true });
        break;
      case 'error': {
        const { reason, timestampMs: timestamp } = answer;
        const status = STATUS_OF_REASON[reason];
        if (reason === 'ExpiredProviderToken') peer.tokens.isExpired = true;
        if (status === 400 || status === 410 || status === 413) this.#prove(peer);
        stream.respond({ ':status': status, 'apns-id': apnsId });
        stream.end(JSON.stringify({ reason, timestamp }));
        break;
      }
      case 'raw':
        stream.respond({ ':status': answer.status, 'content-type': 'text/html' });
        stream.end(answer.body);
        break;
      case 'half':
        stream.respond({ ':status': answer.status });
        stream.write(answer.body);
        break;
      case 'none':
        this.#held.add(exchange);
        break;
      case 'reset':
        stream.close(answer.code);
        break;
      case 'drop':
        this.#socketOf(peer)?.destroy();
        break;
      default:
        unreachable(answer);
    }
  }

  /** Good credentials are allowed more than one stream. */
  #prove(peer: Peer): void {
    if (peer.isProven) return;
    peer.isProven = true;
    if (this.#opensNarrow) peer.session.settings({ maxConcurrentStreams: this.#streamsMax });
  }

  /** What is held above the last stream was never taken. */
  #unprocess(peer: Peer): void {
    for (const exchange of this.#held) {
      if (exchange.peer !== peer || (exchange.stream.id ?? 0) <= peer.lastStreamId) continue;
      this.#held.delete(exchange);
      this.wakes = this.wakes.filter((wake) => wake !== exchange.wake);
    }
  }

  /** Through the session it would end with a GOAWAY. */
  #socketOf({ session }: Peer): Socket | undefined {
    const port = session.socket.remotePort;
    return Array.from(this.#sockets).find(({ remotePort }) => remotePort === port);
  }
}

interface RequestHead {
  readonly headers: IncomingHttpHeaders;
  /** Names and values by turns, as they came. */
  readonly rawHeaders: readonly string[];
}

function readBody(stream: ServerHttp2Stream): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve(stream.aborted ? undefined : Buffer.concat(chunks)));
    stream.on('close', () => resolve(undefined));
  });
}

function toPushRequest({ headers, rawHeaders }: RequestHead, body: Buffer): PushRequest {
  const names = rawHeaders.filter((_, at) => at % 2 === 0);
  const plain = Object.entries(headers).filter(([name]) => !name.startsWith(':'));
  return {
    method: headers[':method'] ?? '',
    path: headers[':path'] ?? '',
    headers: Object.fromEntries(plain.map(([name, value]) => [name, String(value)])),
    repeated: names.filter((name, at) => names.indexOf(name) !== at),
    body,
  };
}
