/**
 * One device's WebSocket between its library and its session: frames in order and one at a time, texts to messages and back, failures
 * to replies and close codes. The rims (uws-socket.ts, ws-socket.ts) call it; it never throws into them.
 */
import { unreachable } from '../assert.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Close } from '../protocol/close-codes.ts';
import { decodeClientMessage, encodeServerMessage, encodeUpdate } from '../protocol/codec.ts';
import type { ClientMessage, Received, SentUpdate, ServerMessage } from '../protocol/messages.ts';
import type { ErrorStatus } from '../protocol/statuses.ts';
import { StoreUnavailableError } from '../storage/store.ts';
import { CLOSES } from './closes.ts';
import type { Deadlines } from './deadlines.ts';
import type { DeviceSocket, SendResult } from './device-socket.ts';
import { Session } from './session.ts';
import type { Outlet, SessionDeps } from './session-deps.ts';
import { SessionError } from './session-error.ts';

export interface ConnectionDeps extends SessionDeps {
  /** Sockets that have not said hello, and until when they may stay so. */
  readonly helloDeadlines: Deadlines<Connection>;
  readonly helloTimeoutMs: number;
  /** Frames one device may have waiting while an earlier one is in hand; a device that sends more does not read our answers. */
  readonly inboxFramesMax: number;
  /** Characters of those frames together. */
  readonly inboxCharactersMax: number;
  readonly metrics: Metrics;
  readonly log: Log;
}

const NOTHING_RECEIVED: Received = Object.freeze({});

export class Connection implements Outlet {
  readonly #deps: ConnectionDeps;
  readonly #socket: DeviceSocket;
  readonly #session: Session;
  /** Frames that wait; undefined while none ever did, which is most connections. */
  #waiting: string[] | undefined;
  #isBusy = false;
  #isClosing = false;

  constructor(deps: ConnectionDeps, socket: DeviceSocket) {
    this.#deps = deps;
    this.#socket = socket;
    this.#session = new Session(deps, this);
    deps.metrics.socketsOpened.count++;
    deps.helloDeadlines.add(this, deps.helloDeadlines.nowMs + deps.helloTimeoutMs);
  }

  /** Whether the device's hello was answered. */
  get isIdentified(): boolean {
    return this.#session.deviceId !== undefined;
  }

  /** One message, reassembled. */
  onFrame(text: string): void {
    if (this.#isClosing) return;
    if (!this.#isBusy) {
      this.#work(text);
      return;
    }
    this.#waiting ??= [];
    if (!this.#hasRoomFor(text, this.#waiting)) {
      this.close(CLOSES.inboxFull);
      return;
    }
    this.#waiting.push(text);
  }

  #hasRoomFor(text: string, waiting: readonly string[]): boolean {
    const { inboxFramesMax, inboxCharactersMax } = this.#deps;
    if (waiting.length >= inboxFramesMax) return false;
    // Counted anew instead of kept: frames rarely wait, and every session would pay for the number.
    return waiting.reduce((sum, frame) => sum + frame.length, text.length) <= inboxCharactersMax;
  }

  /** A message longer than `message_bytes_max`; its text was not read. */
  onOversizedFrame(): void {
    this.close(CLOSES.tooLarge);
  }

  /** The socket has closed, for whatever reason. Idempotent. */
  onClose(): void {
    if (!this.#isClosing) this.#deps.metrics.closes.peer.count++;
    this.#leave();
  }

  /** The node drains before this device said hello. */
  goAway(): void {
    this.close(CLOSES.goingAway);
  }

  onHelloOverdue(): void {
    this.close(CLOSES.helloMissing);
  }

  send(message: ServerMessage): SendResult {
    return this.#write(encodeServerMessage(message));
  }

  sendUpdate(update: SentUpdate): SendResult {
    return this.#write(encodeUpdate(update));
  }

  /** Closes once; what was sent before goes out first. The session leaves at once: a closing socket takes no more updates. */
  close(close: Close): void {
    if (this.#isClosing) return;
    this.#deps.metrics.closes[close.cause].count++;
    this.#leave();
    this.#socket.close(close);
  }

  #write(text: string): SendResult {
    if (this.#isClosing) return 'dropped';
    const result = this.#socket.send(text);
    if (result === 'dropped') this.#onSlowReader();
    return result;
  }

  /** The device does not read: what it should have had stays in the store, and the memory it holds is taken back at once. */
  #onSlowReader(): void {
    if (this.#isClosing) return;
    this.#deps.metrics.closes.slow_reader.count++;
    this.#leave();
    this.#socket.terminate();
  }

  #leave(): void {
    this.#isClosing = true;
    this.#waiting = undefined;
    this.#deps.helloDeadlines.delete(this);
    this.#session.onClose();
  }

  /**
   * Works off `first` and whatever comes to wait meanwhile; goes on by itself when the session waits for something. Not async, nor is the
   * way of an ack below it: that cost each ack three promises and as many turns.
   */
  #work(first: string): void {
    this.#isBusy = true;
    let text: string | undefined = first;
    while (text !== undefined && !this.#isClosing) {
      const message = this.#read(text);
      const waitsFor = message && this.#begin(message);
      if (waitsFor !== undefined) return;
      text = this.#waiting?.shift();
    }
    this.#isBusy = false;
  }

  /** Hands the message to the session. Undefined when it is done with already; else this connection stays busy until it is. */
  #begin(message: ClientMessage): Promise<void> | undefined {
    try {
      const done = this.#session.onMessage(message);
      return done?.then(
        () => this.#onDone(message),
        (error) => {
          this.#onFailure(error, message);
          this.#onDone(message);
        },
      );
    } catch (error) {
      this.#onFailure(error, message);
      return undefined;
    }
  }

  #onDone(message: ClientMessage): void {
    if (message.type === 'hello' && this.isIdentified) this.#deps.helloDeadlines.delete(this);
    const next = this.#waiting?.shift();
    if (next === undefined) this.#isBusy = false;
    else this.#work(next);
  }

  /** The message in a frame; undefined when there is none, which has been answered by then. */
  #read(text: string): ClientMessage | undefined {
    const { frames } = this.#deps.metrics;
    const decoded = decodeClientMessage(text);
    switch (decoded.kind) {
      case 'message':
        frames[decoded.message.type].count++;
        return decoded.message;
      case 'refused':
        frames.refused.count++;
        this.#refuse(decoded.received, 401, { cause: 'policy', reason: decoded.reason });
        return undefined;
      case 'malformed':
        frames.malformed.count++;
        this.close(CLOSES.malformed);
        return undefined;
      default:
        return unreachable(decoded);
    }
  }

  #onFailure(error: unknown, message: ClientMessage): void {
    const { metrics } = this.#deps;
    const received = message.type === 'purge' ? NOTHING_RECEIVED : message.received;
    if (error instanceof SessionError) {
      this.#refuse(received, error.status, error.close);
    } else if (error instanceof StoreUnavailableError) {
      metrics.storeErrors.message.count++;
      if (message.type === 'hello') metrics.hellos.failed.count++;
      this.#refuse(received, 503, CLOSES.storeAway);
    } else {
      this.#deps.log.error({ err: error }, 'session.failed');
      this.#refuse(received, 500, CLOSES.ownFault);
    }
  }

  #refuse(received: Received, status: ErrorStatus, close: Close): void {
    this.send({ type: 'error', received, status, reason: close.reason });
    this.close(close);
  }
}
