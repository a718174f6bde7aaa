import { decodeServerReply, type ServerReply } from './codec.ts';
import type { Loss } from './loss.ts';
import type { Timers } from './timers.ts';
import {
  FRAME_CHARACTERS_MAX,
  type OpenSocket,
  SUB_PROTOCOL,
  type WebSocketLike,
} from './web-socket.ts';

/** From the attempt to connect to an open socket: several lost packets on a slow network, and no longer. */
export const CONNECT_MS_MAX = 20_000;

/** From a question to the next frame of the server, whichever it is. SimplePush clients have always waited this long. */
export const ANSWER_MS_MAX = 10_000;

/** Ours to close with: browsers allow it, and none of the codes that would say more. */
const NORMAL_CLOSE_CODE = 1000;

export interface ConnectionDeps {
  readonly url: string;
  readonly openSocket: OpenSocket;
  readonly timers: Timers;
  onOpen(): void;
  onReply(reply: ServerReply): void;
  /** At most once, and never after close(). */
  onLoss(loss: Loss): void;
}

type Phase =
  | { readonly kind: 'new' }
  | { readonly kind: 'begun'; readonly socket: WebSocketLike }
  | { readonly kind: 'ended' };

/** One socket, from the attempt to open it to its end: frames become messages, and silence where there should be an answer a loss. */
export class Connection {
  readonly #deps: ConnectionDeps;
  #phase: Phase = { kind: 'new' };
  #cancelDeadline: (() => void) | undefined;

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
  }

  /** Begins to connect; `onLoss` may be called before it returns. */
  open(): void {
    const { url, openSocket } = this.#deps;
    let socket: WebSocketLike;
    try {
      socket = openSocket(url, SUB_PROTOCOL);
    } catch (error) {
      this.#lose({ kind: 'failed', reason: error instanceof Error ? error.message : '' });
      return;
    }
    this.#phase = { kind: 'begun', socket };
    this.#expectWithin(CONNECT_MS_MAX);
    socket.addEventListener('open', () => {
      if (this.#phase.kind === 'ended') return;
      this.#stopExpecting();
      this.#deps.onOpen();
    });
    socket.addEventListener('message', ({ data }) => this.#onFrame(data));
    socket.addEventListener('error', (event) =>
      this.#lose({ kind: 'failed', reason: reasonIn(event) }),
    );
    socket.addEventListener('close', ({ code, reason }) =>
      this.#lose({ kind: 'closed', code, reason }),
    );
  }

  /** Only between `onOpen` and the end. */
  send(text: string): void {
    if (this.#phase.kind === 'begun') this.#phase.socket.send(text);
  }

  /** As send; the connection is lost when nothing at all comes back in time. */
  ask(text: string): void {
    this.send(text);
    if (this.#phase.kind === 'begun' && !this.#cancelDeadline) this.#expectWithin(ANSWER_MS_MAX);
  }

  close(reason: string): void {
    this.#stopExpecting();
    // Whatever the socket still does is not waited for: with a dead peer that can take minutes.
    if (this.#phase.kind === 'begun') this.#phase.socket.close(NORMAL_CLOSE_CODE, reason);
    this.#phase = { kind: 'ended' };
  }

  #onFrame(data: unknown): void {
    if (this.#phase.kind === 'ended') return;
    this.#stopExpecting();
    if (typeof data !== 'string' || data.length > FRAME_CHARACTERS_MAX) {
      this.#lose({ kind: 'malformed', reason: 'a frame was binary or too long' });
      return;
    }
    const decoded = decodeServerReply(data);
    if (decoded.ok) {
      this.#deps.onReply(decoded.reply);
    } else {
      // The frame may have been an update; a new connection brings it again.
      this.#lose({ kind: 'malformed', reason: decoded.reason });
    }
  }

  #expectWithin(waitedMs: number): void {
    this.#cancelDeadline = this.#deps.timers.after(waitedMs, () =>
      this.#lose({ kind: 'silent', waitedMs }),
    );
  }

  #stopExpecting(): void {
    this.#cancelDeadline?.();
    this.#cancelDeadline = undefined;
  }

  #lose(loss: Loss): void {
    if (this.#phase.kind === 'ended') return;
    this.close(loss.kind);
    this.#deps.onLoss(loss);
  }
}

/** The `ws` package says what went wrong; browsers keep it to themselves. */
function reasonIn(event: object): string {
  return 'message' in event && typeof event.message === 'string' ? event.message : '';
}
