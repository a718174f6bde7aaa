/**
 * The device side on the package `ws`, for where uWebSockets.js has no binary. Three to four times the memory per idle socket; the same
 * answers, held to by the same tests.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../clock.ts';
import { listen } from '../listen.ts';
import { addressBytes, type Origin, originOf } from '../origin.ts';
import { CLOSE_CODES, type Close } from '../protocol/close-codes.ts';
import type { Refusal } from './admission.ts';
import { Deadlines } from './deadlines.ts';
import {
  chooseSubprotocol,
  type DeviceListener,
  type DeviceListenerDeps,
  type DeviceListenerOptions,
  isOriginAllowed,
  REFUSALS_IN_HAND_MAX,
  REFUSED_STATUS,
  RETRY_AFTER_SECS,
  SUBPROTOCOL,
} from './device-listener.ts';
import type { DeviceSocket, SendResult } from './device-socket.ts';

/** Long enough for any upgrade; what takes longer is no device. */
const HEADERS_TIMEOUT_MS = 10_000;
const HEADER_BYTES_MAX = 8192;

class WsDeviceSocket implements DeviceSocket {
  readonly #webSocket: WebSocket;
  readonly #sendBufferBytesMax: number;

  constructor(webSocket: WebSocket, sendBufferBytesMax: number) {
    this.#webSocket = webSocket;
    this.#sendBufferBytesMax = sendBufferBytesMax;
  }

  send(text: string): SendResult {
    const webSocket = this.#webSocket;
    if (webSocket.readyState !== webSocket.OPEN) return 'dropped';
    // The package itself would buffer without end. As uWebSockets.js does it: what is too much already takes no more, so a message
    // larger than the bound still reaches a device that reads.
    if (webSocket.bufferedAmount > this.#sendBufferBytesMax) return 'dropped';
    webSocket.send(text);
    return webSocket.bufferedAmount === 0 ? 'sent' : 'queued';
  }

  close(close: Close): void {
    this.#webSocket.close(CLOSE_CODES[close.cause], close.reason);
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}

/** Listens for devices. @throws Error when the address is taken. */
export async function listenOnWs(
  options: DeviceListenerOptions,
  deps: DeviceListenerDeps,
): Promise<DeviceListener> {
  const server = createHttpServer(options);
  const webSockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: options.messageBytesMax,
    handleProtocols: (offered) =>
      chooseSubprotocol([...offered].join(',')) === '' ? false : SUBPROTOCOL,
  });
  const liveness = watchLiveness(options, deps.clock);
  server.on('request', (request, response) => {
    const isProbing = request.method === 'GET' || request.method === 'HEAD';
    // As at the endpoints' listener: 200 to a PUT would mean that something was stored.
    const found = isProbing ? deps.probe(pathOf(request)) : undefined;
    response.writeHead(found?.status ?? 426, {
      'Content-Type': 'application/json',
      Connection: 'close',
    });
    response.end(found?.body ?? '"Upgrade Required"');
  });
  server.on('upgrade', (request, duplex, head) => {
    // A peer that resets before the upgrade is through is no event.
    duplex.on('error', () => duplex.destroy());
    const origin = originOf(addressBytes(request.socket.remoteAddress ?? ''));
    const refusal = refusalOf(request, origin, options, deps);
    if (refusal !== undefined) {
      refuseUpgrade(duplex, refusal);
      return;
    }
    // Counted from here on, whether or not the handshake succeeds.
    request.socket.once('close', () => deps.admission.leave(origin));
    webSockets.handleUpgrade(request, duplex, head, (webSocket) => {
      liveness.watch(webSocket);
      converse(webSocket, options, deps);
    });
  });
  const port = await listen(server, options);
  return {
    transport: 'ws',
    port,
    stopListening: () => {
      server.close();
    },
    async close() {
      liveness.stop();
      for (const webSocket of webSockets.clients) webSocket.terminate();
      server.close();
      server.closeAllConnections();
    },
  };
}

function converse(
  webSocket: WebSocket,
  options: DeviceListenerOptions,
  deps: DeviceListenerDeps,
): void {
  const connection = deps.connect(new WsDeviceSocket(webSocket, options.sendBufferBytesMax));
  webSocket.on('message', (data) => connection.onFrame(textOf(data)));
  // The package closes with the code that RFC 6455 names (1002, 1007, 1009) and then reports the close.
  webSocket.on('error', () => connection.onClose());
  webSocket.on('close', () => connection.onClose());
}

/** Pings every socket within the idle timeout and ends those that stayed silent: one sweep, no timer per socket. */
function watchLiveness({ idleTimeoutSecs }: DeviceListenerOptions, clock: Clock) {
  const halfMs = (idleTimeoutSecs * 1000) / 2;
  const silent = new Map<WebSocket, boolean>();
  const due = new Deadlines<WebSocket>(clock, (webSocket) => {
    if (silent.get(webSocket)) {
      webSocket.terminate();
      return;
    }
    silent.set(webSocket, true);
    webSocket.ping();
    due.add(webSocket, due.nowMs + halfMs);
  });
  const watch = (webSocket: WebSocket) => {
    const heard = () => silent.set(webSocket, false);
    heard();
    webSocket.on('pong', heard).on('message', heard).on('ping', heard);
    webSocket.once('close', () => {
      silent.delete(webSocket);
      due.delete(webSocket);
    });
    due.add(webSocket, due.nowMs + halfMs);
  };
  return { watch, stop: () => due.stop() };
}

function refusalOf(
  request: IncomingMessage,
  origin: Origin,
  { path, origins }: DeviceListenerOptions,
  { admission }: DeviceListenerDeps,
): Refusal | 'path' | undefined {
  if (pathOf(request) !== path) return 'path';
  if (!isOriginAllowed(origins, request.headers.origin ?? '')) return admission.refuseOrigin();
  return admission.enter(origin);
}

function refuseUpgrade(duplex: Duplex, refusal: Refusal | 'path'): void {
  const status = refusal === 'path' ? '404 Not Found' : REFUSED_STATUS[refusal];
  const retry =
    refusal === 'path' || refusal === 'origin' ? '' : `Retry-After: ${RETRY_AFTER_SECS}\r\n`;
  duplex.end(`HTTP/1.1 ${status}\r\n${retry}Connection: close\r\nContent-Length: 0\r\n\r\n`);
}

function createHttpServer({ tls, socketsMax }: DeviceListenerOptions): Server {
  const limits = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: HEADERS_TIMEOUT_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
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
  server.maxConnections = socketsMax + REFUSALS_IN_HAND_MAX;
  return server;
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? '';
  const query = url.indexOf('?');
  return query === -1 ? url : url.slice(0, query);
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return (data instanceof ArrayBuffer ? Buffer.from(data) : data).toString('utf8');
}
