/** WebSocket frames by hand (RFC 6455, section 5), right or wrong. */
import { randomBytes } from 'node:crypto';
import type { ReadBytes } from './connection.ts';

export const OPCODES = {
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

export interface FrameOptions {
  readonly opcode?: number;
  readonly isFinal?: boolean;
  readonly isMasked?: boolean;
  /** Four bytes; by chance when there are none. */
  readonly mask?: Buffer;
  /** The three reserved bits, as a number from 0 to 7. */
  readonly reserved?: number;
  /** What the head says of the payload's length, true or not. */
  readonly claimedLength?: bigint;
  /** Bytes that tell the length; by default the fewest that can. */
  readonly lengthBytes?: 1 | 2 | 8;
}

/** A frame as clients send it: masked, final and honest unless told otherwise. */
export function frameBytes(payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const { opcode = OPCODES.text, isFinal = true, isMasked = true, reserved = 0 } = options;
  const bytes = Buffer.from(payload);
  const first = (isFinal ? 0x80 : 0) | (reserved << 4) | opcode;
  const length = options.claimedLength ?? BigInt(bytes.length);
  const maskBit = isMasked ? 0x80 : 0;
  const head = Buffer.concat([
    Buffer.of(first),
    lengthOf(length, maskBit, options.lengthBytes ?? fewestBytes(length)),
  ]);
  if (!isMasked) return Buffer.concat([head, bytes]);
  const mask = options.mask ?? randomBytes(4);
  return Buffer.concat([head, mask, bytes.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(reason)]);
}

function fewestBytes(length: bigint): 1 | 2 | 8 {
  if (length < 126n) return 1;
  return length < 65_536n ? 2 : 8;
}

function lengthOf(length: bigint, maskBit: number, lengthBytes: 1 | 2 | 8): Buffer {
  if (lengthBytes === 1) return Buffer.of(maskBit | Number(length));
  const bytes = Buffer.alloc(1 + lengthBytes);
  bytes[0] = maskBit | (lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) bytes.writeUInt16BE(Number(length), 1);
  else bytes.writeBigUInt64BE(length, 1);
  return bytes;
}

export interface ServerFrame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
  /** Servers must not mask, and set no bit that nobody agreed on. */
  readonly isLegal: boolean;
}

/** Reads a frame of a server. */
export const readFrame: ReadBytes<ServerFrame> = (bytes) => {
  if (bytes.length < 2) return undefined;
  const first = bytes.readUInt8(0);
  const second = bytes.readUInt8(1);
  const short = second & 0x7f;
  const begin = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < begin) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const byteCount = begin + length;
  if (bytes.length < byteCount) return undefined;
  const value = {
    opcode: first & 0x0f,
    isFinal: (first & 0x80) !== 0,
    payload: bytes.subarray(begin, byteCount),
    isLegal: second < 0x80 && (first & 0x70) === 0,
  };
  return { value, byteCount };
};
