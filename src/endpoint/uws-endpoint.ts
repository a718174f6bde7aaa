/**
 * The app-server side on uWebSockets.js: half the CPU per PUT, for use behind a normalising proxy or with a current official build,
 * because the HTTP parser of the packaged build is lenient and loses answers when a request line arrives in pieces (docs/decisions/
 * transports.md). A throw out of a handler ends the process, so every handler catches; a request is gone when its handler
 * returns, so what is needed of it is copied before.
 */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  LIBUS_LISTEN_EXCLUSIVE_PORT,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  us_socket_local_port,
} from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { listenOnPort } from '../listen.ts';
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

interface ExchangeContext {
  readonly options: EndpointListenerOptions;
  readonly deps: EndpointListenerDeps;
  readonly answers: ReadyAnswers;
  readonly requestIdOf: RequestIdOf;
}

const NO_BODY = Buffer.alloc(0);

/** Listens for app servers. @throws Error when the address is taken or the certificate is not readable. */
export async function listenOnUws(
  options: EndpointListenerOptions,
  deps: EndpointListenerDeps,
): Promise<EndpointListener> {
  const app = openApp(options);
  const context: ExchangeContext = {
    options,
    deps,
    answers: readyAnswers(options, deps.metrics),
    requestIdOf: createRequestIds(),
  };
  limitConnections(app, options.connectionsMax);
  app.any('/*', (response, request) => {
    const exchange = new Exchange(response, request, context);
    try {
      exchange.begin(request);
    } catch {
      // Nothing here throws but the library itself, on a response it has taken back; there is nobody left to answer.
      exchange.abandon();
    }
  });
  const listening = await listenOnPort(options, (port) => listen(app, options.host, port));
  return {
    transport: 'uws',
    port: us_socket_local_port(listening),
    stopListening: () => us_listen_socket_close(listening),
    async close() {
      app.close();
    },
  };
}

/** One request and its answer. */
class Exchange implements PutInHand {
  readonly requestId: RequestId;
  readonly #response: HttpResponse;
  readonly #context: ExchangeContext;
  readonly #method: string;
  #isOpen = true;

  constructor(response: HttpResponse, request: HttpRequest, context: ExchangeContext) {
    this.#response = response;
    this.#context = context;
    this.requestId = context.requestIdOf(request.getHeader('x-request-id'));
    this.#method = request.getCaseSensitiveMethod();
    response.onAborted(() => {
      this.#isOpen = false;
    });
  }

  begin(request: HttpRequest): void {
    const { putUpdate, probe } = this.#context.deps;
    const routed = putUpdate.route(this.#method, request.getUrl());
    switch (routed.kind) {
      case 'put':
        this.#readBody(routed.content, request.getHeader('content-type'), request.getQuery());
        return;
      case 'answer':
        this.onAnswer(routed.answer);
        return;
      case 'probe': {
        const found = probe(routed.path);
        if (found === undefined) this.onAnswer('notFound');
        else this.#write(found.status, found.body, [['Content-Type', 'application/json']], false);
        return;
      }
    }
  }

  /** Ends the connection without an answer. */
  abandon(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#response.close();
  }

  #readBody(content: TokenContent, contentType: string, query: string): void {
    const { bodyBytesMax } = this.#context.options;
    let body: Buffer = NO_BODY;
    this.#response.onData((chunk, isLast) => {
      if (!this.#isOpen) return;
      if (body.length + chunk.byteLength > bodyBytesMax) {
        this.#answer('bodyTooLarge', true);
        return;
      }
      // A whole body is read, or copied by the multipart parser, before this returns; a part of one is copied out of the library's
      // buffer here.
      if (isLast && body.length === 0) body = Buffer.from(chunk);
      else body = Buffer.concat([body, new Uint8Array(chunk)]);
      if (isLast) this.#context.deps.putUpdate.put(content, { body, contentType, query }, this);
    });
  }

  onAnswer(name: EndpointAnswer): void {
    this.#answer(name, false);
  }

  #answer(name: EndpointAnswer, closes: boolean): void {
    const { status, body, headers, given } = this.#context.answers[name];
    given.count++;
    this.#write(status, body, headers, closes);
  }

  #write(
    status: number,
    body: string,
    headers: readonly (readonly [name: string, value: string])[],
    closes: boolean,
  ): void {
    // The caller may have gone while the store worked.
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const response = this.#response;
    response.cork(() => {
      // 200 is what the library writes by itself; each text that is handed over costs a copy.
      if (status !== 200) response.writeStatus(statusLine(status));
      response.writeHeader(REQUEST_ID_HEADER, this.requestId);
      for (const [name, value] of headers) response.writeHeader(name, value);
      // With a length the library would wait for that many bytes, and end the connection at the next request.
      if (this.#method === 'HEAD') response.endWithoutBody();
      else response.end(body, closes);
    });
  }
}

function statusLine(status: number): string {
  return `${status} ${STATUS_CODES[status] ?? ''}`;
}

function openApp({ tls }: EndpointListenerOptions): TemplatedApp {
  if (tls === undefined) return App();
  return SSLApp({ cert_file_name: tls.certificatePath, key_file_name: tls.keyPath });
}

/** Refuses connections beyond the bound: the library spins when file descriptors run out. */
function limitConnections(app: TemplatedApp, connectionsMax: number): void {
  let open = 0;
  const count = (response: HttpResponse, change: number): void => {
    open += change > 0 ? 1 : -1;
    if (change > 0 && open > connectionsMax) response.close();
  };
  app.filter(count);
}

function listen(app: TemplatedApp, host: string, port: number): Promise<us_listen_socket> {
  return new Promise((resolve, reject) => {
    // Exclusive, or a second process of the same user would get the same port and, unnoticed, half of the connections.
    app.listen(host, port, LIBUS_LISTEN_EXCLUSIVE_PORT, (listening) => {
      if (listening) resolve(listening);
      else
        reject(
          new Error(
            `cannot listen on ${host}:${port}: the address is taken or not of this machine`,
          ),
        );
    });
  });
}
