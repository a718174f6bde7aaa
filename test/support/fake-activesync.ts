/** A strict ActiveSync server on this machine, over TLS: holds every request to what MS-ASHTTP asks, and answers as the test says. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import { within } from './within.ts';

/** What the server does with a request. */
export type FakeReaction =
  /** Holds the answer back until `answer` is called. */
  | { readonly kind: 'hang' }
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: Uint8Array;
    }
  /** These bytes as they are, each piece by itself; then the connection ends, unless it stays open. */
  | {
      readonly kind: 'raw';
      readonly pieces: readonly (string | Uint8Array)[];
      readonly staysOpen?: boolean;
    }
  | { readonly kind: 'cut' };

/** One request that was in order. */
export interface FakeAsk {
  readonly path: string;
  readonly authorization: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The name that the client asked for in TLS. */
  readonly servername: string;
  readonly answer: (reaction: FakeReaction) => void;
  /** Resolves when the connection is gone. */
  readonly gone: Promise<unknown>;
}

export const HANG: FakeReaction = { kind: 'hang' };
export const CUT: FakeReaction = { kind: 'cut' };

/** 200 with this body, whole and with its length. */
export function answerOf(body: Uint8Array): FakeReaction {
  const headers = { 'Content-Type': WBXML_TYPE };
  return { kind: 'answer', status: 200, headers, body };
}

/** A status without a body. */
export function statusOf(status: number, headers: Record<string, string> = {}): FakeReaction {
  return { kind: 'answer', status, headers };
}

const WBXML_TYPE = 'application/vnd.ms-sync.wbxml';
const VERSIONS = new Set(['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1']);
const COMMON_HEADERS = [
  ...['host', 'authorization', 'content-type', 'content-length', 'ms-asprotocolversion'],
  ...['accept-encoding', 'connection', 'x-ms-policykey', 'user-agent'],
];
const WAIT_MS_MAX = 10_000;

export class FakeActiveSync {
  /** Every request that was in order, and in which one. */
  readonly asks: FakeAsk[] = [];
  /** What was wrong with the others. */
  readonly faults: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #reactions: FakeReaction[] = [];
  #onAsk: (() => void) | undefined;

  constructor(pem: { readonly certificate: string; readonly key: string }) {
    this.#server = createServer({ cert: pem.certificate, key: pem.key }, (request, response) => {
      void this.#onRequest(request, response);
    });
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    // A client that does not trust us, or has left.
    this.#server.on('tlsClientError', () => {});
  }

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get openCount(): number {
    return this.#sockets.size;
  }

  /** What to do with the next requests; after these, hang. */
  reactWith(...reactions: readonly FakeReaction[]): void {
    this.#reactions.push(...reactions);
  }

  /** The `count`th request in order, counted from one, as soon as it is there. */
  async asked(count: number): Promise<FakeAsk> {
    const wanted = `request ${count}, faults: ${this.faults.join()}`;
    for (;;) {
      const ask = this.asks[count - 1];
      if (ask !== undefined) return ask;
      const next = new Promise<void>((resolve) => {
        this.#onAsk = resolve;
      });
      await within(next, { wanted, waitMsMax: WAIT_MS_MAX });
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #onRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const fault = faultOf(request, body);
    if (fault !== undefined) {
      this.faults.push(fault);
      response.writeHead(400).end();
      return;
    }
    const { url: path = '', headers, socket } = request;
    const answer = (reaction: FakeReaction) => void react(reaction, response, socket);
    const servername = socket instanceof TLSSocket ? String(socket.servername) : '';
    const gone = once(socket, 'close');
    const { authorization = '' } = headers;
    this.asks.push({ path, authorization, headers, body, servername, answer, gone });
    answer(this.#reactions.shift() ?? HANG);
    this.#onAsk?.();
  }
}

/** What is wrong with a request, if something is. */
function faultOf({ method, url = '', headers }: IncomingMessage, body: Buffer): string | undefined {
  if (method !== 'POST') return `method ${method}`;
  if (!/^\/[!-~]+\?[!-~]*\bCmd=(?:Ping|Sync)\b/.test(url)) return `path ${url}`;
  if (headers['content-type'] !== WBXML_TYPE) return 'content-type';
  if (headers['content-length'] !== String(body.length)) return 'content-length';
  if (!VERSIONS.has(String(headers['ms-asprotocolversion']))) return 'version';
  if (!/^(?:Basic [A-Za-z0-9+/]+=*|Bearer [!-~]+)$/.test(headers.authorization ?? '')) {
    return 'authorization';
  }
  const unknown = Object.keys(headers).filter((name) => !COMMON_HEADERS.includes(name));
  return unknown.length > 0 ? `headers ${unknown.join()}` : undefined;
}

async function react(
  reaction: FakeReaction,
  response: ServerResponse,
  socket: Socket,
): Promise<void> {
  switch (reaction.kind) {
    case 'hang':
      return;
    case 'answer': {
      const { status, headers = {}, body = new Uint8Array() } = reaction;
      response.writeHead(status, { ...headers, 'Content-Length': body.length }).end(body);
      return;
    }
    case 'raw':
      socket.setNoDelay(true);
      for (const piece of reaction.pieces) {
        if (socket.destroyed) return;
        // Written out before the next one, so that the client reads them apart.
        await new Promise((resolve) => socket.write(piece, resolve));
        await nextTurn();
      }
      if (reaction.staysOpen !== true) socket.end();
      return;
    case 'cut':
      socket.destroy();
  }
}
