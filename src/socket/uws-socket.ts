/**
 * The device side on uWebSockets.js: the default, because an idle socket costs a quarter of what it costs elsewhere. Its rules, which
 * this file keeps so that no other needs to know them:
 * - a request and the bytes of a message are gone when the handler returns: what is needed is copied before;
 * - a socket is ours from `open` to `close`; every method throws after it;
 * - `close` comes with the close frame, when the peer may still hold the connection;
 * - `send` answers 0, 1 or 2, and 2 means that nothing was sent;
 * - a throw out of an HTTP handler ends the process;
 * - when file descriptors run out it spins, so sockets are refused before that.
 */
import {
  App,
  type AppOptions,
  type HttpRequest,
  type HttpResponse,
  LIBUS_LISTEN_EXCLUSIVE_PORT,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
  type us_socket_context_t,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';
import { listenOnPort } from '../listen.ts';
import { type Origin, originOf } from '../origin.ts';
import { CLOSE_CODES, type Close } from '../protocol/close-codes.ts';
import type { Refusal } from './admission.ts';
import type { Connection } from './connection.ts';
import {
  chooseSubprotocol,
  type DeviceListener,
  type DeviceListenerDeps,
  type DeviceListenerOptions,
  isOriginAllowed,
  REFUSALS_IN_HAND_MAX,
  REFUSED_STATUS,
  RETRY_AFTER_SECS,
} from './device-listener.ts';
import type { DeviceSocket, SendResult } from './device-socket.ts';
import { LingeringSockets } from './lingering-sockets.ts';

/** What the package has and its typings lack; endpoint/uws-endpoint.ts uses it too. */
declare module 'uWebSockets.js' {
  const LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  interface TemplatedApp {
    listen(
      host: string,
      port: number,
      options: number,
      onListening: (listening: us_listen_socket | false) => void,
    ): TemplatedApp;
  }
}

/** What `send` of uWebSockets.js answers, by number. */
const SEND_RESULTS: readonly SendResult[] = ['queued', 'sent', 'dropped'];

/** Told for a connection that ended without a close frame (RFC 6455, section 7.1.5). */
const NO_CLOSE_FRAME = 1006;

/** Lives on the socket itself: the library copies the members of what `upgrade` was given onto it. */
interface SocketData {
  readonly origin: Origin;
  /** Set in `open`. */
  connection?: Connection;
  socket?: UwsDeviceSocket;
}

class UwsDeviceSocket implements DeviceSocket {
  #webSocket: WebSocket<SocketData> | undefined;

  constructor(webSocket: WebSocket<SocketData>) {
    this.#webSocket = webSocket;
  }

  send(text: string): SendResult {
    return this.#webSocket === undefined
      ? 'dropped'
      : (SEND_RESULTS[this.#webSocket.send(text)] ?? 'dropped');
  }

  close(close: Close): void {
    this.#webSocket?.end(CLOSE_CODES[close.cause], close.reason);
  }

  terminate(): void {
    this.#webSocket?.close();
  }

  /** The library has taken the socket back. */
  onClosed(): void {
    this.#webSocket = undefined;
  }
}

/** Listens for devices. @throws Error when the address is taken or the certificate is not readable. */
export async function listenOnUws(
  options: DeviceListenerOptions,
  deps: DeviceListenerDeps,
): Promise<DeviceListener> {
  const app = openApp(options);
  const http = { open: 0 };
  const lingering = new LingeringSockets(deps.clock);
  limitSockets(app, { http, lingering }, options, deps);
  app.ws<SocketData>('/*', {
    // No compression: it is off unless asked for, and would cost a window per socket.
    // Twice our own limit: between the two a message still gets its 1009; beyond, the library ends the connection by itself.
    maxPayloadLength: 2 * options.messageBytesMax,
    maxBackpressure: options.sendBufferBytesMax,
    idleTimeout: options.idleTimeoutSecs,
    sendPingsAutomatically: true,
    upgrade: (response, request, context) => {
      if (upgrade(response, request, context, options, deps)) http.open--;
    },
    open(webSocket) {
      const data = webSocket.getUserData();
      data.socket = new UwsDeviceSocket(webSocket);
      data.connection = deps.connect(data.socket);
    },
    message(webSocket, message) {
      const { connection } = webSocket.getUserData();
      if (message.byteLength > options.messageBytesMax) connection?.onOversizedFrame();
      else connection?.onFrame(textOf(message));
    },
    close(webSocket, code) {
      const { origin, connection, socket } = webSocket.getUserData();
      socket?.onClosed();
      if (code !== NO_CLOSE_FRAME) lingering.add();
      deps.admission.leave(origin);
      connection?.onClose();
    },
  });
  app.any('/*', (response, request) => answerPlain(response, request, deps));
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

function openApp({ tls }: DeviceListenerOptions): TemplatedApp {
  if (tls === undefined) return App();
  const options: AppOptions = {
    cert_file_name: tls.certificatePath,
    key_file_name: tls.keyPath,
    ssl_prefer_low_memory_usage: true,
  };
  return SSLApp(options);
}

/** Sockets that have not been upgraded hold a file descriptor too. The library reports each, but not that one became a WebSocket. */
function limitSockets(
  app: TemplatedApp,
  { http, lingering }: { http: { open: number }; lingering: LingeringSockets },
  { socketsMax, descriptorsMax }: DeviceListenerOptions,
  { admission }: DeviceListenerDeps,
): void {
  const mayStay = () => {
    const open = http.open + admission.open - REFUSALS_IN_HAND_MAX;
    return open <= socketsMax && open + lingering.count <= descriptorsMax;
  };
  const count = (response: HttpResponse, change: number): void => {
    http.open += change > 0 ? 1 : -1;
    if (change > 0 && !mayStay()) response.close();
  };
  app.filter(count);
}

/** Answers whether the request became a WebSocket. */
function upgrade(
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
  { path, origins }: DeviceListenerOptions,
  { admission }: DeviceListenerDeps,
): boolean {
  if (request.getUrl() !== path) {
    answer(response, '404 Not Found', '"Not Found"');
    return false;
  }
  if (!isWebSocketRequest(request)) {
    answer(response, '426 Upgrade Required', '"Upgrade Required"');
    return false;
  }
  const origin = originOf(new Uint8Array(response.getRemoteAddress()));
  const refusal: Refusal | undefined = isOriginAllowed(origins, request.getHeader('origin'))
    ? admission.enter(origin)
    : admission.refuseOrigin();
  if (refusal !== undefined) {
    refuse(response, refusal);
    return false;
  }
  const data: SocketData = { origin };
  response.upgrade(
    data,
    request.getHeader('sec-websocket-key'),
    chooseSubprotocol(request.getHeader('sec-websocket-protocol')),
    '',
    context,
  );
  return true;
}

const WEBSOCKET_VERSION = '13';

/** RFC 6455, section 4.2.1, points 3, 4 and 6. The library takes any request that has a Sec-WebSocket-Key. */
function isWebSocketRequest(request: HttpRequest): boolean {
  return (
    hasWord(request.getHeader('upgrade'), 'websocket') &&
    hasWord(request.getHeader('connection'), 'upgrade') &&
    request.getHeader('sec-websocket-version') === WEBSOCKET_VERSION
  );
}

/** Whether the list in a header has the word, in any case. */
function hasWord(header: string, word: string): boolean {
  const list = header.toLowerCase();
  return list === word || list.split(',').some((part) => part.trim() === word);
}

function refuse(response: HttpResponse, refusal: Refusal): void {
  response.cork(() => {
    response.writeStatus(REFUSED_STATUS[refusal]);
    if (refusal !== 'origin') response.writeHeader('Retry-After', String(RETRY_AFTER_SECS));
    response.end('', true);
  });
}

function answerPlain(
  response: HttpResponse,
  request: HttpRequest,
  { probe }: DeviceListenerDeps,
): void {
  // As at the endpoints' listener: 200 to a PUT would mean that something was stored.
  const isProbing = /^(?:get|head)$/.test(request.getMethod());
  const found = isProbing ? probe(request.getUrl()) : undefined;
  if (found)
    answer(response, found.status === 200 ? '200 OK' : '503 Service Unavailable', found.body);
  else answer(response, '426 Upgrade Required', '"Upgrade Required"');
}

function answer(response: HttpResponse, status: string, body: string): void {
  response.cork(() => {
    response.writeStatus(status).writeHeader('Content-Type', 'application/json').end(body, true);
  });
}

function textOf(message: ArrayBuffer): string {
  return Buffer.from(message).toString('utf8');
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
