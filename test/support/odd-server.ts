/** A small SimplePush server with one fault, in this process, to see that smoke and abuse find it. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export type OddFault =
  | 'none'
  /** Answers 200 to a PUT with any token. */
  | 'takes-any-token'
  /** Takes whatever is written as a version for 1. */
  | 'takes-any-version'
  /** Gives a new id at every hello. */
  | 'forgets-devices'
  /** Keeps nothing for a device that is away. */
  | 'forgets-updates'
  /** An ack changes nothing. */
  | 'ignores-acks'
  /** Sends back what it is sent. */
  | 'echoes'
  /** Reads and never answers. */
  | 'hangs'
  /** Is gone for good once a device registers for the second time. */
  | 'dies'
  /** Is gone for good at a frame of more than 60,000 bytes. */
  | 'crashes-on-big-frames'
  /** Answers nobody any more once it was sent what is no JSON. */
  | 'starves-others'
  /** Announces endpoints on a machine that is not this one. */
  | 'announces-elsewhere';

export interface OddServer extends AsyncDisposable {
  readonly url: string;
  /** Of the endpoints, whatever it announces. */
  readonly endpointBase: string;
}

interface OddChannel {
  readonly id: string;
  readonly uaid: string;
  pending: number | undefined;
}

interface OddMessage {
  readonly messageType?: string;
  readonly uaid?: string;
  readonly channelID?: string;
  readonly updates?: readonly { readonly channelID: string; readonly version: number }[];
}

const BIG_FRAME_BYTES = 60_000;

/** Listens on a free port of this machine. */
export async function openOddServer(fault: OddFault): Promise<OddServer> {
  const server = new OddPush(fault);
  return await server.listen();
}

class OddPush {
  readonly #fault: OddFault;
  readonly #http = createServer((request, response) => this.#onRequest(request, response));
  readonly #sockets = new WebSocketServer({ server: this.#http });
  readonly #channels = new Map<string, OddChannel>();
  readonly #live = new Map<string, WebSocket>();
  #registers = 0;
  #isStarving = false;
  #base = '';

  constructor(fault: OddFault) {
    this.#fault = fault;
    this.#sockets.on('connection', (socket) => this.#onSocket(socket));
  }

  async listen(): Promise<OddServer> {
    await once(this.#http.listen(0, '127.0.0.1'), 'listening');
    const host = `127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    this.#base = this.#fault === 'announces-elsewhere' ? 'http://192.0.2.1' : `http://${host}`;
    return {
      url: `ws://${host}/`,
      endpointBase: `http://${host}`,
      [Symbol.asyncDispose]: () => this.#end(),
    };
  }

  async #end(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
    if (this.#http.listening) await once(this.#http.close(), 'close');
  }

  #onSocket(socket: WebSocket): void {
    let uaid = '';
    socket.on('error', () => undefined);
    socket.on('message', (bytes) => {
      const text = String(bytes);
      if (this.#fault === 'crashes-on-big-frames' && text.length > BIG_FRAME_BYTES)
        void this.#end();
      if (this.#fault === 'echoes') socket.send(text);
      if (this.#fault === 'hangs' || this.#fault === 'echoes' || this.#isStarving) return;
      const message = readMessage(text);
      this.#isStarving = message === undefined && this.#fault === 'starves-others';
      if (message === undefined) socket.close(1003);
      else if (message.messageType?.toLowerCase() === 'hello') uaid = this.#hello(socket, message);
      else this.#reply(socket, uaid, message);
    });
    socket.on('close', () => {
      if (this.#live.get(uaid) === socket) this.#live.delete(uaid);
    });
  }

  #hello(socket: WebSocket, { uaid: offered = '' }: OddMessage): string {
    const isNew = offered === '' || this.#fault === 'forgets-devices';
    const uaid = isNew ? randomBytes(16).toString('hex') : offered;
    this.#live.get(uaid)?.close(4000);
    this.#live.set(uaid, socket);
    socket.send(JSON.stringify({ messageType: 'hello', uaid, status: 200 }));
    for (const { id, pending, uaid: owner } of this.#channels.values()) {
      if (owner === uaid && pending !== undefined) notify(socket, id, pending);
    }
    return uaid;
  }

  #reply(socket: WebSocket, uaid: string, message: OddMessage): void {
    const { messageType = 'ping', channelID = '' } = message;
    switch (messageType) {
      case 'ping':
        socket.send('{}');
        return;
      case 'register':
        socket.send(JSON.stringify(this.#register(uaid, channelID)));
        return;
      case 'unregister':
        for (const [token, { id }] of this.#channels) {
          if (id === channelID) this.#channels.delete(token);
        }
        socket.send(JSON.stringify({ messageType, status: 200, channelID }));
        return;
      case 'ack':
        this.#ack(message);
        return;
      default:
        socket.close(1008);
    }
  }

  #register(uaid: string, channelID: string): object {
    this.#registers++;
    if (this.#fault === 'dies' && this.#registers > 1) void this.#end();
    const token = randomBytes(24).toString('base64url');
    this.#channels.set(token, { id: channelID, uaid, pending: undefined });
    const pushEndpoint = `${this.#base}/update/${token}`;
    return { messageType: 'register', uaid, status: 200, channelID, pushEndpoint };
  }

  #ack({ updates = [] }: OddMessage): void {
    if (this.#fault === 'ignores-acks') return;
    for (const channel of this.#channels.values()) {
      if (updates.some(({ channelID }) => channelID === channel.id)) channel.pending = undefined;
    }
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      if (this.#isStarving) return;
      const channel = this.#channels.get(`${request.url}`.slice('/update/'.length));
      if (channel !== undefined) response.statusCode = this.#put(channel, body);
      else if (this.#fault !== 'takes-any-token') response.statusCode = 404;
      response.end('{}');
    });
  }

  #put(channel: OddChannel, body: string): number {
    const text = new URLSearchParams(body).get('version') ?? `${Math.floor(Date.now() / 1000)}`;
    const isNumber = /^\d{1,15}$/.test(text);
    if (!isNumber && this.#fault !== 'takes-any-version') return 400;
    const version = isNumber ? Number(text) : 1;
    const socket = this.#live.get(channel.uaid);
    if (socket !== undefined || this.#fault !== 'forgets-updates') channel.pending = version;
    if (socket === undefined) return 202;
    notify(socket, channel.id, version);
    return 200;
  }
}

function notify(socket: WebSocket, channelID: string, version: number): void {
  socket.send(JSON.stringify({ messageType: 'notification', updates: [{ channelID, version }] }));
}

/** Undefined when the text is no JSON object. */
function readMessage(text: string): OddMessage | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
