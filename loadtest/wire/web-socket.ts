/** A WebSocket by hand: it sends whatever it is told, and says what came. */
import { createHash, randomBytes } from 'node:crypto';
import { type Arrival, WireConnection } from './connection.ts';
import { WireError } from './errors.ts';
import { closePayload, frameBytes, OPCODES, readFrame, type ServerFrame } from './frames.ts';
import { type HttpAnswer, readAnswer } from './http.ts';
import type { Load } from './load.ts';
import type { Target } from './target.ts';

export type SocketEvent =
  | { readonly kind: 'text'; readonly text: string }
  /** 1005 when the frame had no code. */
  | { readonly kind: 'close'; readonly code: number; readonly reason: string }
  | { readonly kind: 'pong'; readonly payload: Buffer }
  /** The connection ended without a close frame. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'late' }
  /** The server broke RFC 6455. */
  | { readonly kind: 'broken'; readonly why: string };

const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const NO_CODE = 1005;
/** Of one message, in however many fragments; no server has that much to say. */
const MESSAGE_CHARACTERS_MAX = 4 * 1024 * 1024;

export class WireSocket {
  readonly connection: WireConnection;
  /** The answer to the upgrade. */
  readonly answer: HttpAnswer;
  #fragments = '';

  /**
   * Connects and upgrades.
   * @throws WireError when the server refuses
   * @throws UnreachableError
   */
  static async open(target: Target, load: Load): Promise<WireSocket> {
    const key = randomBytes(16).toString('base64');
    const connection = await WireConnection.open(target.url, target, load);
    try {
      await connection.write(upgradeText(target, { key }));
      const arrival = await connection.take(readAnswer(), target.timeoutMs);
      if (arrival.kind !== 'value') throw new WireError(unanswered(arrival.kind, target));
      checkUpgrade(arrival.value, key);
      return new WireSocket(connection, arrival.value);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  private constructor(connection: WireConnection, answer: HttpAnswer) {
    this.connection = connection;
    this.answer = answer;
  }

  async sendText(text: string): Promise<void> {
    await this.connection.write(frameBytes(text));
  }

  async close(code: number): Promise<void> {
    await this.connection.write(frameBytes(closePayload(code), { opcode: OPCODES.close }));
  }

  /** What happens next within `waitMs`. PINGs of the server are answered on the way. */
  async next(waitMs: number): Promise<SocketEvent> {
    const deadlineMs = performance.now() + waitMs;
    for (;;) {
      const arrival = await this.connection.take(readFrame, deadlineMs - performance.now());
      if (arrival.kind !== 'value') return arrival;
      const event = await this.#read(arrival.value);
      if (event !== undefined) return event;
    }
  }

  destroy(): void {
    this.connection.destroy();
  }

  /** Undefined when the frame alone says nothing to the caller. */
  async #read({
    opcode,
    payload,
    isFinal,
    isLegal,
  }: ServerFrame): Promise<SocketEvent | undefined> {
    if (!isLegal) return { kind: 'broken', why: 'a frame with a mask or a reserved bit' };
    switch (opcode) {
      case OPCODES.ping:
        await this.connection.write(frameBytes(payload, { opcode: OPCODES.pong }));
        return undefined;
      case OPCODES.pong:
        return { kind: 'pong', payload };
      case OPCODES.close: {
        const code = payload.length < 2 ? NO_CODE : payload.readUInt16BE(0);
        return { kind: 'close', code, reason: payload.toString('utf8', 2) };
      }
      case OPCODES.text:
      case OPCODES.binary:
      case OPCODES.continuation: {
        this.#fragments += payload.toString('utf8');
        if (this.#fragments.length > MESSAGE_CHARACTERS_MAX) {
          return { kind: 'broken', why: 'a message without end' };
        }
        if (!isFinal) return undefined;
        const text = this.#fragments;
        this.#fragments = '';
        return { kind: 'text', text };
      }
      default:
        return { kind: 'broken', why: `a frame with opcode ${opcode}` };
    }
  }
}

/** The bytes of an upgrade request. `headers` are whole lines and come last. */
export function upgradeText(
  { url, subprotocol }: Target,
  { key = randomBytes(16).toString('base64'), headers = [] as readonly string[] } = {},
): string {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
    ...(subprotocol === '' ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function checkUpgrade({ status, headers }: HttpAnswer, key: string): void {
  if (status !== 101) throw new WireError(`the server answered the upgrade with ${status}`);
  const accept = createHash('sha1').update(`${key}${ACCEPT_GUID}`).digest('base64');
  if (headers.get('sec-websocket-accept') !== accept) {
    throw new WireError('the answer to the upgrade has a wrong Sec-WebSocket-Accept');
  }
}

function unanswered(kind: Exclude<Arrival<HttpAnswer>['kind'], 'value'>, target: Target): string {
  return kind === 'ended'
    ? 'the server ended the connection instead of answering the upgrade'
    : `no answer to the upgrade within ${target.timeoutMs} ms`;
}
