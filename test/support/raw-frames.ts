/** WebSocket frames by hand (RFC 6455, section 5), right or wrong. */
import { randomBytes } from 'node:crypto';
import { nextAnswer } from './raw-http.ts';
import { openTcpClient, type ReadBytes, type TcpClient } from './tcp-client.ts';

export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

export interface RawFrame {
  readonly opcode: number;
  readonly payload: Buffer;
  readonly isFinal: boolean;
}

export interface FrameOptions {
  readonly opcode?: number;
  readonly isFinal?: boolean;
  readonly isMasked?: boolean;
  /** The three reserved bits, as a number. */
  readonly reserved?: number;
}

/** A frame as clients send it, masked and final unless told otherwise. */
export function frameBytes(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = OPCODES.text, isFinal = true, isMasked = true, reserved = 0 } = options;
  const bytes = Buffer.from(payload);
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const maskBit = isMasked ? 0x80 : 0;
  const head = Buffer.from([first, ...lengthBytes(bytes.length, maskBit)]);
  if (!isMasked) return Buffer.concat([head, bytes]);
  const mask = randomBytes(4);
  return Buffer.concat([head, mask, bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

function lengthBytes(length: number, maskBit: number): readonly number[] {
  if (length < 126) return [maskBit | length];
  if (length < 65_536) return [maskBit | 126, length >> 8, length & 255];
  const long = Buffer.alloc(8);
  long.writeBigUInt64BE(BigInt(length));
  return [maskBit | 127, ...long];
}

/** A connection that has become a WebSocket, and the headers of the answer. */
export interface RawWebSocket {
  readonly client: TcpClient;
  readonly headers: ReadonlyMap<string, string>;
  nextFrame(): Promise<RawFrame>;
  /** The next frame's payload, which must be a whole text. */
  nextText(): Promise<string>;
}

/** The bytes of an upgrade request. */
export function upgradeBytes(url: string, headers: readonly string[] = []): string {
  const { host, pathname, search } = new URL(url);
  const lines = [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Connects and shakes hands. Rejects when the answer is not 101. */
export async function openRawWebSocket(
  url: string,
  headers: readonly string[] = [],
): Promise<RawWebSocket> {
  const client = await openTcpClient(url);
  client.write(upgradeBytes(url, headers));
  const answer = await nextAnswer(client);
  if (answer.status !== 101) throw new Error(`the server answered ${answer.status}`);
  const nextFrame = () => client.take('a frame', readFrame);
  return {
    client,
    headers: answer.headers,
    nextFrame,
    async nextText() {
      const { opcode, isFinal, payload } = await nextFrame();
      if (opcode !== OPCODES.text || !isFinal) throw new Error(`no whole text: opcode ${opcode}`);
      return payload.toString();
    },
  };
}

/** Reads a frame of a server: without a mask. */
const readFrame: ReadBytes<RawFrame> = (bytes) => {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const short = bytes.readUInt8(1) & 0x7f;
  const begin = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < begin) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const byteCount = begin + length;
  if (bytes.length < byteCount) return undefined;
  const payload = bytes.subarray(begin, byteCount);
  return {
    value: { opcode: first & 0x0f, isFinal: (first & 0x80) !== 0, payload },
    byteCount,
  };
};
