/**
 * The app-server side on node:http: the default, because what strangers send needs a strict parser. Every timeout and size of the
 * library is set; none is left at a default that waits for minutes.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { listen } from '../listen.ts';
import { REQUEST_ID_HEADER, type RequestId } from '../protocol/ids.ts';
import type { EndpointAnswer } from '../protocol/statuses.ts';
import type { TokenContent } from '../protocol/token.ts';
import {
  type EndpointListener,
  type EndpointListenerDeps,
  type EndpointListenerOptions,
  type ReadyAnswers,
  readyAnswers,
} from './endpoint-listener.ts';
import type { PutInHand } from './put-update.ts';
import { createRequestIds, type RequestIdOf } from './request-id.ts';

/** How often the library looks for requests that take too long; its own default is 30 s. */
const TIMEOUT_CHECK_INTERVAL_MS = 1000;
const NO_BODY = Buffer.alloc(0);

/** Listens for app servers. @throws Error when the address is taken. */
export async function listenOnNode(
  options: EndpointListenerOptions,
  deps: EndpointListenerDeps,
): Promise<EndpointListener> {
  const server = createHttpServer(options);
  const context: ExchangeContext = {
    options,
    deps,
    answers: readyAnswers(options, deps.metrics),
    requestIdOf: createRequestIds(),
  };
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    new Exchange(request, response, context).begin();
  });
  const port = await listen(server, options);
  return {
    transport: 'node',
    port,
    stopListening: () => {
      server.close();
      server.closeIdleConnections();
    },
    async close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface ExchangeContext {
  readonly options: EndpointListenerOptions;
  readonly deps: EndpointListenerDeps;
  readonly answers: ReadyAnswers;
  readonly requestIdOf: RequestIdOf;
}

/** One request and its answer. */
class Exchange implements PutInHand {
  readonly requestId: RequestId;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #context: ExchangeContext;
  #body: Buffer = NO_BODY;

  constructor(request: IncomingMessage, response: ServerResponse, context: ExchangeContext) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
    const offered = request.headers['x-request-id'];
    this.requestId = context.requestIdOf(typeof offered === 'string' ? offered : '');
  }

  begin(): void {
    const { method = '', url = '' } = this.#request;
    const queryAt = url.indexOf('?');
    const path = queryAt === -1 ? url : url.slice(0, queryAt);
    const routed = this.#context.deps.putUpdate.route(method, path);
    switch (routed.kind) {
      case 'put':
        this.#readBody(routed.content, queryAt === -1 ? '' : url.slice(queryAt + 1));
        return;
      case 'answer':
        this.onAnswer(routed.answer);
        return;
      case 'probe':
        this.#answerProbe(routed.path);
        return;
    }
  }

  #readBody(content: TokenContent, query: string): void {
    const request = this.#request;
    const { bodyBytesMax } = this.#context.options;
    request.on('data', (chunk: Buffer) => {
      if (this.#body.length + chunk.length > bodyBytesMax) {
        request.removeAllListeners('data').removeAllListeners('end');
        this.onAnswer('bodyTooLarge');
        return;
      }
      this.#body = this.#body.length === 0 ? chunk : Buffer.concat([this.#body, chunk]);
    });
    // A caller that goes away before that was promised nothing, and is owed nothing.
    request.on('end', () => this.#put(content, query));
  }

  #put(content: TokenContent, query: string): void {
    const contentType = this.#request.headers['content-type'] ?? '';
    const source = { body: this.#body, contentType, query };
    this.#context.deps.putUpdate.put(content, source, this);
  }

  onAnswer(name: EndpointAnswer): void {
    const { status, body, flatHeaders, given } = this.#context.answers[name];
    given.count++;
    this.#end(status, [REQUEST_ID_HEADER, this.requestId, ...flatHeaders], body);
  }

  #answerProbe(path: string): void {
    const { deps } = this.#context;
    const found = deps.probe(path);
    if (found === undefined) {
      this.onAnswer('notFound');
      return;
    }
    const flat = [
      'Content-Type',
      'application/json',
      'Content-Length',
      String(Buffer.byteLength(found.body)),
    ];
    this.#end(found.status, flat, found.body);
  }

  #end(status: number, headers: string[], body: string): void {
    const isKept = this.#request.complete || this.#isRestSmall();
    if (!isKept) headers.push('Connection', 'close');
    this.#response.writeHead(status, headers);
    this.#response.end(body);
    if (!isKept) this.#response.once('finish', () => this.#request.destroy());
  }

  /** The library reads and drops what is left of a body, so that another request can follow; we let it do so with no more than we would read. */
  #isRestSmall(): boolean {
    const { headers } = this.#request;
    const isMeasured = headers['transfer-encoding'] === undefined;
    const length = Number(headers['content-length'] ?? 0);
    return isMeasured && length <= this.#context.options.bodyBytesMax;
  }
}

function createHttpServer(options: EndpointListenerOptions): Server {
  const { tls, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = options;
  const limits = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
    maxHeaderSize: options.headerBytesMax,
    noDelay: true,
  };
  const server =
    tls === undefined
      ? createServer(limits)
      : createTlsServer({
          ...limits,
          cert: tls.certificatePem,
          key: tls.keyPem,
          minVersion: `TLSv${tls.minVersion}`,
        });
  server.maxConnections = options.connectionsMax;
  return server;
}
