/**
 * One hanging HTTPS POST to an ActiveSync server (MS-ASHTTP): what the device would ask, asked in its place. One connection for each: the
 * answer takes minutes, so a handshake weighs nothing, and nothing of an older request can be left in it.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import type { Credentials, ExchangeRequest, MailFailure } from './account.ts';
import { Body, type ExchangeOutcome, judgeHead } from './activesync/answers.ts';
import { type ExchangeLocation, hostHeaderOf } from './activesync/location.ts';
import { failureOf } from './imap/failures.ts';
import { createTrust } from './trust.ts';

/** Bounds and trust, from the config. */
export interface ExchangeOptions {
  /** TCP and TLS together, and then a body that has begun, each at most this long. */
  readonly stepMsMax: number;
  /** Certificate authorities beside the system's, as PEM. */
  readonly ca: string | undefined;
  /** By default BODY_BYTES_MAX. */
  readonly bodyBytesMax?: number;
  /** Waits for milliseconds or the signal, without a timer of its own. Never rejects. */
  readonly wait: (waitMs: number, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
}

/** What to ask, and where. */
export interface Exchange {
  readonly location: ExchangeLocation;
  /** The one address that the egress guard has checked; this is dialled, and the host is only what TLS must prove. */
  readonly address: string;
  readonly credentials: Credentials;
  readonly request: ExchangeRequest;
  /** The server is who it should be, and has been asked. */
  readonly onAsked: () => void;
}

/** Never rejects; settles within the deadlines, and at once when `signal` is aborted. */
export type AskExchange = (exchange: Exchange, signal: AbortSignal) => Promise<ExchangeOutcome>;

/**
 * Longest answer. Nothing of it is kept, so this bounds only what a server can make us read; a Sync of many mails is long, and a bound that
 * cut it off would hide them.
 */
export const BODY_BYTES_MAX = 8_388_608;
/** Of an answer's head. */
export const HEAD_BYTES_MAX = 16_384;
/** Answers of the kind 1xx before the real one. */
export const INTERIM_ANSWERS_MAX = 8;
/** A server may be late by this part of what it was asked for, before it is taken for dead. */
const LATE_PART = 0.1;
/** Routers forget silent connections, and tell nobody: the kernel asks whether the other end is still there. */
const KEEP_ALIVE_MS = 60_000;

const ABORTED: MailFailure = { kind: 'network', detail: 'we let go of it' };
const ENDED: MailFailure = { kind: 'network', detail: 'the connection ended' };
const FLOODED: MailFailure = { kind: 'protocol', detail: 'the server says too much' };
const SILENT: MailFailure = { kind: 'network', detail: 'the server does not answer' };

/** One per process; the function it makes may run any number of times at once. */
export function createAskExchange(options: ExchangeOptions): AskExchange {
  const agent = new Agent({ keepAlive: false, secureContext: createTrust(options.ca) });
  return (exchange, signal) => {
    if (signal.aborted) return Promise.resolve({ kind: 'failed', failure: ABORTED });
    return new Promise((resolve) => {
      new HangingPost(exchange, { options, agent, signal, resolve }).begin();
    });
  };
}

interface PostDeps {
  readonly options: ExchangeOptions;
  readonly agent: Agent;
  readonly signal: AbortSignal;
  readonly resolve: (outcome: ExchangeOutcome) => void;
}

class HangingPost {
  readonly #exchange: Exchange;
  readonly #deps: PostDeps;
  readonly #onAbort = () => this.#fail(ABORTED);
  readonly #asked: ClientRequest;
  /** Of the step that is under way; aborted when it is done. */
  #deadline = new AbortController();
  #isOver = false;

  constructor(exchange: Exchange, deps: PostDeps) {
    this.#exchange = exchange;
    this.#deps = deps;
    this.#asked = request(optionsOf(exchange, deps.agent));
  }

  begin(): void {
    const { signal, options } = this.#deps;
    const asked = this.#asked;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#mayTake(options.stepMsMax);
    let interims = 0;
    asked.on('information', () => {
      if (++interims > INTERIM_ANSWERS_MAX) this.#fail(FLOODED);
    });
    asked.on('socket', (socket) => socket.once('secureConnect', () => this.#onSecure()));
    const onClose = () => this.#fail(ENDED);
    asked.on('response', (answer) => {
      // The request is closed with the connection, when the last of the answer may not have been read yet.
      asked.off('close', onClose);
      this.#onHead(answer);
    });
    asked.on('error', (error) => this.#fail(toFailure(error)));
    asked.on('close', onClose);
    asked.setSocketKeepAlive(true, KEEP_ALIVE_MS);
    asked.end(Buffer.from(this.#exchange.request.requestData, 'base64'));
  }

  #onSecure(): void {
    if (this.#isOver) return;
    const { request: asked, onAsked } = this.#exchange;
    this.#mayTake(asked.responseTimeoutMs * (1 + LATE_PART));
    onAsked();
  }

  #onHead(answer: IncomingMessage): void {
    const { location, credentials } = this.#exchange;
    const { statusCode: status = 0, headers } = answer;
    const isOauth = credentials.kind === 'oauth';
    const judged = judgeHead(
      { status, headers },
      { location, isOauth, nowMs: this.#deps.options.clock.nowMs() },
    );
    if (judged === 'read-body') this.#readBody(answer);
    else this.#end(judged);
  }

  #readBody(answer: IncomingMessage): void {
    const { stepMsMax, bodyBytesMax = BODY_BYTES_MAX } = this.#deps.options;
    const { headers } = answer;
    this.#mayTake(stepMsMax);
    const body = new Body(this.#exchange.request);
    const isChunked = /\bchunked\b/i.test(headers['transfer-encoding'] ?? '');
    const isDelimited = isChunked || headers['content-length'] !== undefined;
    answer.on('data', (chunk: Buffer) => {
      body.add(chunk);
      if (body.length > bodyBytesMax) this.#fail(FLOODED);
    });
    answer.on('error', (error) => this.#fail(toFailure(error)));
    answer.on('end', () => this.#end(body.judge({ isDelimited })));
    answer.on('close', () => this.#fail(ENDED));
  }

  /** The step that begins now fails after `waitMsMax`. */
  #mayTake(waitMsMax: number): void {
    this.#deadline.abort();
    this.#deadline = new AbortController();
    const { signal } = this.#deadline;
    void this.#deps.options.wait(waitMsMax, signal).then(() => {
      if (!signal.aborted) this.#fail(SILENT);
    });
  }

  #fail(failure: MailFailure): void {
    this.#end({ kind: 'failed', failure });
  }

  #end(outcome: ExchangeOutcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline.abort();
    this.#deps.signal.removeEventListener('abort', this.#onAbort);
    this.#asked.destroy();
    this.#deps.resolve(outcome);
  }
}

function optionsOf({ location, address, credentials, request: asked }: Exchange, agent: Agent) {
  const { host, port, path } = location;
  return {
    method: 'POST',
    host: address,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    path,
    agent,
    maxHeaderSize: HEAD_BYTES_MAX,
    headers: {
      Host: hostHeaderOf(location),
      Authorization: authorizationOf(credentials),
      'Content-Type': 'application/vnd.ms-sync.wbxml',
      'Content-Length': Buffer.byteLength(asked.requestData, 'base64'),
      'MS-ASProtocolVersion': asked.protocolVersion,
      // What is compared is what the server means, and not a packed form of it.
      'Accept-Encoding': 'identity',
      ...(asked.policyKey === undefined ? {} : { 'X-MS-PolicyKey': asked.policyKey }),
      ...(asked.userAgent === undefined ? {} : { 'User-Agent': asked.userAgent }),
    },
  };
}

function authorizationOf(credentials: Credentials): string {
  if (credentials.kind === 'oauth') return `Bearer ${credentials.accessToken ?? ''}`;
  const { username, password } = credentials;
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Node's parser of HTTP names its complaints so. */
function toFailure(error: NodeJS.ErrnoException): MailFailure {
  const { code = '' } = error;
  if (code.startsWith('HPE_')) return { kind: 'protocol', detail: code };
  return failureOf(error, { isOauth: false });
}
