/** The gate's listener: where devices register mailboxes. Bounded in everything, since whoever asks is a stranger. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { listen } from '../../listen.ts';
import type { Log } from '../../log.ts';
import { badRequest, type GateAnswer, NOT_JSON, TOO_LARGE, tooMany } from './answers.ts';
import { type Cors, createCors, preflightAnswer } from './cors.ts';
import type { FindRoute, Route } from './routes.ts';
import { addressOf } from './throttle.ts';

/** Address, bounds and TLS, from the config. */
export interface GateOptions {
  readonly host: string;
  readonly port: number;
  readonly bodyBytesMax: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  readonly connectionsMax: number;
  /** Origins whose pages may call; "*" is all of them, and none at all has no CORS headers sent. */
  readonly allowedOrigins: readonly string[];
  readonly tls:
    | {
        readonly certificatePem: string;
        readonly keyPem: string;
        readonly minVersion: '1.2' | '1.3';
      }
    | undefined;
}

export interface GateDeps {
  readonly findRoute: FindRoute;
  /** 0 when a request of this address may pass, else how long to wait. */
  readonly throttle: (address: string) => number;
  readonly isTrustedProxy: (address: string) => boolean;
  readonly onAnswer: (status: number) => void;
  readonly log: Log;
}

/** The gate while it is open. */
export interface GateListener {
  readonly port: number;
  close(): Promise<void>;
}

const HEADER_BYTES_MAX = 8192;
const KEEP_ALIVE_MS = 5000;
const TIMEOUT_CHECK_INTERVAL_MS = 1000;
/** With or without a charset, which JSON does not have (RFC 8259, section 11) but clients write. */
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

const NO_OBJECT = badRequest([{ field: 'body', expected: 'a JSON object' }]);

/** Listens for devices. @throws Error when the address is taken. */
export async function listenForRegistrations(
  options: GateOptions,
  deps: GateDeps,
): Promise<GateListener> {
  const server = createHttpServer(options);
  const context: Context = { options, deps, cors: createCors(options.allowedOrigins) };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void serve(request, response, context);
  });
  const port = await listen(server, options);
  return {
    port,
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function createHttpServer({ tls, requestTimeoutMs, connectionsMax }: GateOptions): Server {
  const bounds = {
    maxHeaderSize: HEADER_BYTES_MAX,
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
  };
  const server =
    tls === undefined
      ? createServer(bounds)
      : createTlsServer({
          ...bounds,
          cert: tls.certificatePem,
          key: tls.keyPem,
          minVersion: tls.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
          handshakeTimeout: requestTimeoutMs,
        });
  server.maxConnections = connectionsMax;
  return server;
}

interface Context {
  readonly options: GateOptions;
  readonly deps: GateDeps;
  readonly cors: Cors;
}

/** Never rejects: whatever happens, the caller gets an answer without a stack trace, or no answer when it is gone. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  context: Context,
): Promise<void> {
  const { deps, cors } = context;
  let answer: GateAnswer;
  try {
    answer = await answerTo(request, context);
  } catch (err) {
    deps.log.error({ err }, 'mail.gate.failed');
    answer = { status: 500, body: { error: 'the gate has failed' } };
  }
  deps.onAnswer(answer.status);
  const headers = { ...answer.headers, ...cors.headersFor(request.headers.origin ?? '') };
  send(response, { ...answer, headers }, request.complete);
}

async function answerTo(
  request: IncomingMessage,
  { options, deps, cors }: Context,
): Promise<GateAnswer> {
  const { method = '', url = '', headers } = request;
  const preflightMethod = cors.methodAskedIn(request);
  const found = deps.findRoute(preflightMethod ?? method, url.replace(/\?.*$/, ''));
  if (!isRoute(found)) return found;
  // Not counted, as a 404 is not: it asks nothing of the backend. And a browser tells no page why a preflight was refused, so
  // that 429 would reach it without its Retry-After.
  if (preflightMethod !== undefined) return preflightAnswer(found.method);
  const forwardedFor = headers['x-forwarded-for'];
  const address = addressOf(
    request.socket.remoteAddress ?? '',
    typeof forwardedFor === 'string' ? forwardedFor : '',
    deps.isTrustedProxy,
  );
  const waitMs = found.isFree ? 0 : deps.throttle(address);
  if (waitMs > 0) return tooMany(waitMs);
  const authorization = headers.authorization ?? '';
  if (found.method === 'GET') return await found.answer({ body: undefined, authorization });
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) return NOT_JSON;
  const text = await readText(request, options.bodyBytesMax);
  if (text === undefined) return TOO_LARGE;
  const body = parseJson(text);
  return body === undefined ? NO_OBJECT : await found.answer({ body, authorization });
}

function isRoute(found: Route | GateAnswer): found is Route {
  return 'answer' in found;
}

/** The body; undefined when it is larger than it may be. Never settles for a caller who goes away, and nothing waits for it then. */
function readText(request: IncomingMessage, bytesMax: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > bytesMax) {
        request.removeAllListeners('data');
        resolve(undefined);
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
  });
}

/** Undefined when it is no JSON; `null` is JSON, and no object. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller is told what was expected; where his text breaks he can see himself.
    return undefined;
  }
}

function send(
  response: ServerResponse,
  { status, headers, body }: GateAnswer,
  isBodyRead: boolean,
): void {
  const text = body === undefined ? '' : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    ...(body === undefined
      ? {}
      : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }),
    // Answers hold tokens and states of mailboxes.
    'Cache-Control': 'no-store',
    // What is left of a body that was not read would be taken for the next request.
    ...(isBodyRead ? {} : { Connection: 'close' }),
    ...headers,
  });
  response.end(text);
}
