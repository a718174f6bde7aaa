/** What strangers send that is no request and no frame. All of it must end the connection, sooner or later. */
import { frameBytes, OPCODES } from '../support/raw-frames.ts';
import { putBytes } from '../support/raw-http.ts';

export interface MalformedRequest {
  readonly title: string;
  /** `url` is that of an endpoint, or of the devices' listener; a parser that lets the bytes through would have a PUT of version 1. */
  readonly bytes: (url: string) => string | Buffer;
}

const withHeader = (header: string) => (url: string) => putBytes(url, { headers: [header] });
const withHeaders =
  (...headers: readonly string[]) =>
  (url: string) =>
    putBytes(url, { headers });

export const MALFORMED_REQUESTS: readonly MalformedRequest[] = [
  { title: 'binary', bytes: () => Buffer.alloc(512, 0x80) },
  { title: 'a TLS handshake', bytes: () => Buffer.from('1603010200010001fc0303', 'hex') },
  { title: 'an HTTP/2 preface', bytes: () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' },
  { title: 'a method in lower case', bytes: (url) => putBytes(url, { method: 'put' }) },
  { title: 'an unknown version', bytes: (url) => putBytes(url).replace('HTTP/1.1', 'HTTP/9.9') },
  { title: 'no host', bytes: (url) => putBytes(url).replace(/Host:.*\r\n/, '') },
  { title: 'a header without colon', bytes: withHeader('nonsense') },
  { title: 'a blank before the colon', bytes: withHeader('X-Blank : 1') },
  { title: 'a folded header', bytes: withHeader('X-Folded: 1\r\n 2') },
  { title: 'a NUL in a header', bytes: withHeader('X-Nul: \0') },
  {
    title: 'a head that is too large',
    bytes: (url) => putBytes(url, { headers: ['X: '.padEnd(10_000, 'x')] }),
  },
  { title: 'two lengths', bytes: withHeaders('Content-Length: 9', 'Content-Length: 8') },
  { title: 'a negative length', bytes: withHeader('Content-Length: -9') },
  { title: 'a signed length', bytes: withHeader('Content-Length: +9') },
  { title: 'a length beyond all numbers', bytes: withHeader(`Content-Length: ${'9'.repeat(30)}`) },
  {
    title: 'a length and chunks',
    bytes: withHeaders('Content-Length: 9', 'Transfer-Encoding: chunked'),
  },
  {
    title: 'a chunk of no size',
    bytes: (url) => putBytes(url, { headers: ['Transfer-Encoding: chunked'], body: 'x\r\n' }),
  },
  {
    title: 'a chunk of a size beyond all numbers',
    bytes: (url) =>
      putBytes(url, { headers: ['Transfer-Encoding: chunked'], body: `${'f'.repeat(17)}\r\n` }),
  },
];

export interface MalformedFrame {
  readonly title: string;
  readonly bytes: Buffer;
}

/** Says of its payload that it has 2^63 bytes. */
const ENDLESS_FRAME = Buffer.from('81ff800000000000000000000000', 'hex');

export const MALFORMED_FRAMES: readonly MalformedFrame[] = [
  { title: 'a reserved bit', bytes: frameBytes('{}', { reserved: 4 }) },
  { title: 'an unknown opcode', bytes: frameBytes('{}', { opcode: 3 }) },
  { title: 'an unknown control opcode', bytes: frameBytes('', { opcode: 11 }) },
  { title: 'a continuation of nothing', bytes: frameBytes('', { opcode: OPCODES.continuation }) },
  {
    title: 'a message within a message',
    bytes: Buffer.concat([frameBytes('{', { isFinal: false }), frameBytes('{}')]),
  },
  { title: 'half a ping', bytes: frameBytes('', { opcode: OPCODES.ping, isFinal: false }) },
  { title: 'a ping of 126 bytes', bytes: frameBytes('x'.repeat(126), { opcode: OPCODES.ping }) },
  { title: 'a text that is not UTF-8', bytes: frameBytes(Buffer.of(0xff, 0xfe)) },
  { title: 'a length of 2^63', bytes: ENDLESS_FRAME },
  { title: 'half a close code', bytes: frameBytes('x', { opcode: OPCODES.close }) },
  { title: 'a close code of 999', bytes: frameBytes(Buffer.of(3, 231), { opcode: OPCODES.close }) },
  { title: 'no JSON', bytes: frameBytes('{') },
  { title: 'no object', bytes: frameBytes('[]') },
  { title: 'brackets within brackets', bytes: frameBytes('['.repeat(4000)) },
  { title: 'an unknown message', bytes: frameBytes('{"messageType":"__proto__"}') },
  { title: 'a register of no id', bytes: frameBytes('{"messageType":"register","channelID":{}}') },
];
