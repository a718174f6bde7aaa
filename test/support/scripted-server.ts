/** A SimplePush server for tests of devices: says what it is told, well-formed or not, and misses no frame. */
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { Arrivals } from './arrivals.ts';

/** What a device may send; a test looks at the members it is about. */
export interface DeviceFrame {
  readonly messageType?: string;
  readonly uaid?: string;
  readonly channelIDs?: readonly string[];
  readonly channelID?: string;
  readonly updates?: readonly { readonly channelID: string; readonly version: number }[];
  readonly connect?: unknown;
}

/** The server's end of one connection. */
export class ScriptedPeer {
  readonly socket: WebSocket;
  /** The sub-protocol that was agreed on; empty when none. */
  readonly protocol: string;
  readonly #frames = new Arrivals<string>();
  readonly #closes = new Arrivals<{ readonly code: number; readonly reason: string }>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    this.protocol = socket.protocol;
    socket.on('message', (bytes) => this.#frames.push(bytes.toString()));
    socket.on('error', (error) => this.#frames.end(error.message));
    socket.on('close', (code, bytes) => {
      this.#frames.end(`the device closed with ${code}`);
      this.#closes.push({ code, reason: bytes.toString() });
    });
  }

  /** A string as it is, bytes as a binary frame, anything else as JSON. */
  send(message: unknown): void {
    const isRaw = typeof message === 'string' || Buffer.isBuffer(message);
    this.socket.send(isRaw ? message : JSON.stringify(message));
  }

  async next(): Promise<DeviceFrame> {
    return JSON.parse(await this.#frames.next('a frame of the device'));
  }

  /** What has arrived and was not read. Takes it. */
  takeUnread(): readonly DeviceFrame[] {
    return this.#frames.takeUnread().map((text) => JSON.parse(text));
  }

  /** Expects a hello, and answers it with 200 and `uaid`. */
  async welcome(uaid: string): Promise<DeviceFrame> {
    const hello = await this.next();
    this.send({ messageType: 'hello', uaid, status: 200 });
    return hello;
  }

  /** Expects a register, and confirms it. */
  async confirm(): Promise<DeviceFrame> {
    const register = await this.next();
    const pushEndpoint = endpointOf(register.channelID ?? '');
    this.send({ ...register, status: 200, pushEndpoint });
    return register;
  }

  notify(channelID: string, version: number, data?: string): void {
    this.send({ messageType: 'notification', updates: [{ channelID, version, data }] });
  }

  /** How the device closed. */
  nextClose(): Promise<{ readonly code: number; readonly reason: string }> {
    return this.#closes.next('a close by the device');
  }

  close(code: number, reason = ''): void {
    this.socket.close(code, reason);
  }
}

/** The endpoint that a scripted server gives a channel. */
export function endpointOf(channelId: string): string {
  return `http://push.test/update/${channelId}`;
}

export interface ScriptedServer {
  readonly url: string;
  /** The next device that has connected and not been taken. */
  nextPeer(): Promise<ScriptedPeer>;
  /** Cuts every connection and stops listening. */
  close(): Promise<void>;
}

/** Listens on a free port of this machine. */
export async function openScriptedServer(): Promise<ScriptedServer> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  const peers = new Arrivals<ScriptedPeer>();
  server.on('connection', (socket) => peers.push(new ScriptedPeer(socket)));
  await new Promise((resolve, reject) => {
    server.on('listening', resolve).on('error', reject);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/`,
    nextPeer: () => peers.next('a device to connect'),
    close: async () => {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
