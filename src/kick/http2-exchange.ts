/**
 * One HTTP/2 request to its one result. Settled once; whatever comes later, of a stream that was cancelled or a connection that
 * was thrown away, changes nothing.
 */

export interface Http2Request {
  readonly method: 'GET' | 'POST';
  /** With its query. */
  readonly path: string;
  /** Lower-case names; without those that begin with a colon. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Http2Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Cut off at the client's `answerBytesMax`. */
  readonly body: string;
}

/** Why a request surely was not processed by the peer. */
export type UnsentCause =
  /** `signal` was aborted before the request was sent. */
  | 'aborted'
  /** The client was closed before the request was sent. */
  | 'closed'
  /** As many requests as may wait do so. */
  | 'full'
  /** No connection: refused, TLS failed, or one failed a moment ago. */
  | 'unreachable'
  /** The peer refused the stream, twice. */
  | 'refused'
  /** The deadline came before there was a stream for it. */
  | 'overdue';

/** What became of a request. Reasons are for people and hold nothing of the request. */
export type Http2Result =
  | { readonly kind: 'answered'; readonly answer: Http2Answer }
  /** Surely not processed. */
  | { readonly kind: 'unsent'; readonly cause: UnsentCause; readonly reason: string }
  /** Sent, and no whole answer came: the peer may or may not have processed it. */
  | { readonly kind: 'unanswered'; readonly reason: string };

/** See the heading of this file. */
export class Http2Exchange {
  readonly request: Http2Request;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  /** Whether the peer has refused it before: it is sent a second time, and no third. */
  wasRefused = false;
  readonly #onSettled: (result: Http2Result) => void;
  #isSettled = false;

  /** `onSettled` is called once. */
  constructor({
    request,
    deadlineMs,
    onSettled,
  }: {
    readonly request: Http2Request;
    readonly deadlineMs: number;
    readonly onSettled: (result: Http2Result) => void;
  }) {
    this.request = request;
    this.deadlineMs = deadlineMs;
    this.#onSettled = onSettled;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  settle(result: Http2Result): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#onSettled(result);
  }
}
