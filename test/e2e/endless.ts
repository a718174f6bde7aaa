/** Strangers who go on until the server has had enough: what they send, and how. */
import { frameBytes, OPCODES, upgradeBytes } from '../support/raw-frames.ts';
import { putBytes } from '../support/raw-http.ts';
import type { TcpClient } from '../support/tcp-client.ts';

export interface Endless {
  readonly title: string;
  /** A fresh connection to one of the listeners, or one that has become a WebSocket. */
  readonly to: 'endpoint' | 'socket' | 'webSocket';
  /** Sent first and at once; `url` is that of the endpoint or listener. */
  readonly begin: (url: string) => string | Buffer;
  readonly more: Buffer;
}

const FILLER = Buffer.alloc(65_536, 'x');
const HEADERS = Buffer.from('X-More: and more\r\n'.repeat(1_000));
const CHUNK = Buffer.from(`${FILLER.length.toString(16)}\r\n${FILLER}\r\n`);
const FRAGMENT = { opcode: OPCODES.continuation, isFinal: false };

export const HELLO = frameBytes('{"messageType":"hello","uaid":"","channelIDs":[]}');
const REGISTERS = messages(
  '{"messageType":"register","channelID":"d9b74644-4f97-46aa-b8fa-9393985cd6cd"}',
);
/** Says of its payload that it has a TiB. */
const HUGE_FRAME = Buffer.from('81ff0000010000000000', 'hex');

function messages(text: string): Buffer {
  return Buffer.concat(Array.from({ length: 1_000 }, () => frameBytes(text)));
}

function withoutEnd(request: string): string {
  return request.slice(0, request.indexOf('\r\n\r\n') + 2);
}

/** Sent as fast as the server takes it. */
export const FLOODS: readonly Endless[] = [
  { title: 'a URL', to: 'endpoint', begin: () => 'PUT /update/', more: FILLER },
  { title: 'a head', to: 'endpoint', begin: (url) => withoutEnd(putBytes(url)), more: HEADERS },
  {
    title: 'a body of a length',
    to: 'endpoint',
    begin: (url) => putBytes(url, { headers: ['Content-Length: 1000000000000'], body: '' }),
    more: FILLER,
  },
  {
    title: 'a body of chunks',
    to: 'endpoint',
    begin: (url) => putBytes(url, { headers: ['Transfer-Encoding: chunked'], body: '' }),
    more: CHUNK,
  },
  { title: 'a URL', to: 'socket', begin: () => 'GET /', more: FILLER },
  { title: 'a head', to: 'socket', begin: (url) => withoutEnd(upgradeBytes(url)), more: HEADERS },
  {
    title: 'a body',
    to: 'socket',
    begin: (url) => putBytes(url, { headers: ['Content-Length: 1000000000000'], body: '' }),
    more: FILLER,
  },
  {
    title: 'a frame',
    to: 'webSocket',
    begin: () => Buffer.concat([HELLO, HUGE_FRAME]),
    more: FILLER,
  },
  {
    title: 'fragments',
    to: 'webSocket',
    begin: () => Buffer.concat([HELLO, frameBytes('{', { isFinal: false })]),
    more: frameBytes('x'.repeat(1_000), FRAGMENT),
  },
  { title: 'registers', to: 'webSocket', begin: () => HELLO, more: REGISTERS },
];

/** Sent one byte at a time. */
export const DRIPS: readonly Endless[] = [
  { title: 'a head', to: 'endpoint', begin: (url) => withoutEnd(putBytes(url)), more: HEADERS },
  {
    title: 'a body',
    to: 'endpoint',
    begin: (url) => putBytes(url, { headers: ['Content-Length: 10000'], body: '' }),
    more: FILLER,
  },
  { title: 'a head', to: 'socket', begin: (url) => withoutEnd(upgradeBytes(url)), more: HEADERS },
  { title: 'a first frame', to: 'webSocket', begin: () => HUGE_FRAME, more: FILLER },
];

/** A server that takes this much of one message or request has no limit. */
const FLOOD_BYTES_MAX = 64 * 1024 * 1024;

/** Sends `more` again and again, and reads nothing, until the server ends the connection. Rejects when the server takes it all. */
export async function flood(client: TcpClient, more: Buffer): Promise<void> {
  const { socket } = client;
  socket.pause();
  for (let sent = 0; !socket.destroyed; sent += more.length) {
    if (sent > FLOOD_BYTES_MAX) throw new Error(`the server took ${sent} bytes and wants more`);
    await sendWhole(client, more);
  }
}

/** Sends `more` byte by byte, with a pause after each, until the server ends the connection. */
export async function drip(client: TcpClient, more: Buffer, pauseMs: number): Promise<void> {
  for (const byte of more) {
    await sendWhole(client, Buffer.of(byte));
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    if (client.isEnded) return;
  }
}

/** Resolves when the system has taken the bytes, or the connection is no more. */
async function sendWhole({ socket }: TcpClient, bytes: Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    socket.write(bytes, () => resolve());
  });
  // What the system takes at once is done within this turn, and so would be all that follows: others want to run too.
  await new Promise(setImmediate);
}
