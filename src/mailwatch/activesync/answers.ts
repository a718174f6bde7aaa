/** What an ActiveSync server's answer means, without a socket. */
import { parseRetryAfter } from '../../client/put.ts';
import type { ExchangeRequest, MailFailure } from '../account.ts';
import { type ExchangeLocation, parseLocation } from './location.ts';

/** How one hanging POST ended. */
export type ExchangeOutcome =
  /** Nothing is new. */
  | { readonly kind: 'quiet' }
  | { readonly kind: 'news' }
  /** The mailbox is elsewhere; nothing was asked there yet. */
  | { readonly kind: 'moved'; readonly to: ExchangeLocation }
  /** `retryAfterMs` is at least how long to wait, when the server said so. */
  | { readonly kind: 'failed'; readonly failure: MailFailure; readonly retryAfterMs?: number };

/** The part of an answer before its body. */
export interface AnswerHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface HeadContext {
  readonly location: ExchangeLocation;
  /** Whether a token was shown, and no password. */
  readonly isOauth: boolean;
  readonly nowMs: number;
}

/** The outcome, or that the body decides. Statuses are those of MS-ASHTTP, section 2.2.2.1. */
export function judgeHead(
  { status, headers }: AnswerHead,
  { location, isOauth, nowMs }: HeadContext,
): ExchangeOutcome | 'read-body' {
  switch (status) {
    case 200:
      // A login page in between is no mail server's answer, so it is no mail either.
      return /^text\//i.test(textOf(headers['content-type'])) ? NO_EXCHANGE : 'read-body';
    case 401:
      return failed({ kind: isOauth ? 'oauth' : 'auth', detail: 'HTTP 401' });
    // Whatever the password: the user or the device may not, until somebody does something about it.
    case 403:
      return failed({ kind: 'auth', detail: 'HTTP 403: not this user or device' });
    case 449:
      return failed({ kind: 'auth', detail: 'HTTP 449: the device must be provisioned' });
    case 451: {
      const to = parseLocation(textOf(headers['x-ms-location']), location);
      return to === undefined ? NO_LOCATION : { kind: 'moved', to };
    }
    default:
      return judgeRefusal(status, parseRetryAfter(textOf(headers['retry-after']), nowMs));
  }
}

function judgeRefusal(status: number, retryAfterMs: number | undefined): ExchangeOutcome {
  const detail = `HTTP ${status}`;
  const waiting = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (status === 429 || (status === 503 && retryAfterMs !== undefined)) {
    return { ...failed({ kind: 'limited', detail }), ...waiting };
  }
  // Redirects among them: only a 451 names the user's own server, anything else leads where nobody has looked.
  return failed({ kind: status >= 500 ? 'network' : 'protocol', detail });
}

/** How a body came to its end. */
export interface BodyEnd {
  /** Whether its length or chunks said that this is all. Otherwise the end of the connection did, which a cut one has too. */
  readonly isDelimited: boolean;
}

/**
 * A body as it comes, compared and counted, and not kept: an answer with news may be long, and what is in it is the device's business. It
 * means nothing before it is whole, so pieces of "nothing new" never look like news.
 */
export class Body {
  readonly #isSync: boolean;
  readonly #noChange: Buffer | undefined;
  #length = 0;
  #isBeginning = true;

  constructor({ isSync, noChangeReply }: ExchangeRequest) {
    this.#isSync = isSync;
    this.#noChange = noChangeReply === undefined ? undefined : Buffer.from(noChangeReply, 'base64');
  }

  /** Bytes that have come. */
  get length(): number {
    return this.#length;
  }

  add(chunk: Uint8Array): void {
    const same = this.#noChange?.subarray(this.#length, this.#length + chunk.length);
    this.#isBeginning &&= same?.equals(chunk) === true;
    this.#length += chunk.length;
  }

  /** What it means, now that nothing more comes. */
  judge({ isDelimited }: BodyEnd): ExchangeOutcome {
    if (this.#isSync && this.#length === 0) return QUIET;
    if (this.#isBeginning && this.#noChange !== undefined) {
      if (this.#length === this.#noChange.length) return QUIET;
      if (!isDelimited) return CUT;
    }
    return NEWS;
  }
}

function failed(failure: MailFailure): ExchangeOutcome & { readonly kind: 'failed' } {
  return { kind: 'failed', failure };
}

/** The first of several is as good as any: none of ours comes twice from a server that is in order. */
function textOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' ? header : (header?.[0] ?? '');
}

const QUIET: ExchangeOutcome = { kind: 'quiet' };
const NEWS: ExchangeOutcome = { kind: 'news' };
const CUT = failed({ kind: 'network', detail: 'the answer was cut off' });
const NO_EXCHANGE = failed({ kind: 'protocol', detail: 'the answer is no ActiveSync' });
const NO_LOCATION = failed({ kind: 'protocol', detail: 'HTTP 451 to no https URL' });
