/**
 * What a memcached answers to the meta commands that requests.ts sends (memcached's doc/protocol.txt, "Meta Commands";
 * tried against 1.6.18). Pure: bytes in, replies out.
 */

/** One answer. `opaque` is the number that the request carried and `cas` the unique number of the item's present state. */
export type Reply =
  /** VA: the item and its value, each byte one character. */
  | {
      readonly kind: 'value';
      readonly opaque: number;
      readonly cas: number;
      readonly value: string;
    }
  /** HD: done. */
  | { readonly kind: 'done'; readonly opaque: number; readonly cas: number }
  /** EN or NF: there is no such item. */
  | { readonly kind: 'missing'; readonly opaque: number }
  /** NS or EX: the item is there although it must not be, or is not as it must be. */
  | { readonly kind: 'differs'; readonly opaque: number }
  /** MN: the answer to a command that does nothing. */
  | { readonly kind: 'alive' }
  /** SERVER_ERROR: understood, and not done. It names no request; it takes its place in the order of replies. */
  | { readonly kind: 'refused'; readonly reason: string };

/** The bytes are no reply to what was asked. Nothing after them can be trusted, so the connection ends. */
export class MemcachedProtocolError extends Error {
  override readonly name = 'MemcachedProtocolError';
}

/** Our longest reply line has some 50 bytes; what remains is room for the text of a SERVER_ERROR. */
export const REPLY_LINE_BYTES_MAX = 512;

/** Half of the largest item that memcached takes by default; the longest record we write has a limit below it. */
export const VALUE_BYTES_MAX = 524_288;

/** A number of a reply has at most as many digits as every integer that a double keeps exactly. */
const NUMBER_DIGITS_MAX = 15;

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const FLAG_OPAQUE = 'O'.charCodeAt(0);
const FLAG_CAS = 'c'.charCodeAt(0);
const SERVER_ERROR = 'SERVER_ERROR ';
const EMPTY = Buffer.alloc(0);

/** The two letters that begin a reply, as one number. */
const letters = (text: string): number => (text.charCodeAt(0) << 8) | text.charCodeAt(1);
const VA = letters('VA');
const HD = letters('HD');
const EN = letters('EN');
const NF = letters('NF');
const NS = letters('NS');
const EX = letters('EX');
const MN = letters('MN');

/** Cuts the bytes of one connection into replies, however they arrive. Of no use any more once it has thrown. */
export class ReplyReader {
  readonly #onReply: (reply: Reply) => void;
  /** The first bytes of a reply whose last ones have not come; at most one line and one value. */
  #rest: Buffer = EMPTY;
  #bytes: Buffer = EMPTY;
  #at = 0;
  #cas = 0;
  #opaque = 0;

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
  }

  /**
   * Hands on each reply that is complete. `chunk` may be used again by the caller afterwards.
   * @throws MemcachedProtocolError, and whatever `onReply` throws.
   */
  read(chunk: Buffer): void {
    this.#bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#at = 0;
    let restAt = 0;
    while (this.#readReply()) restAt = this.#at;
    this.#rest = restAt === this.#bytes.length ? EMPTY : Buffer.from(this.#bytes.subarray(restAt));
    this.#bytes = EMPTY;
  }

  /** Returns false when the reply is not complete; where it began is then for the caller to know. */
  #readReply(): boolean {
    const end = this.#findLineEnd();
    if (end === undefined) return false;
    const code = (this.#byteAt(this.#at) << 8) | this.#byteAt(this.#at + 1);
    switch (code) {
      case HD:
        this.#readFlags(this.#at + 2, end);
        this.#onReply({ kind: 'done', opaque: this.#opaque, cas: this.#cas });
        return true;
      case VA:
        return this.#readValue(end);
      case EN:
      case NF:
        this.#readFlags(this.#at + 2, end);
        this.#onReply({ kind: 'missing', opaque: this.#opaque });
        return true;
      case NS:
      case EX:
        this.#readFlags(this.#at + 2, end);
        this.#onReply({ kind: 'differs', opaque: this.#opaque });
        return true;
      case MN:
        this.#readFlags(this.#at + 2, end);
        this.#onReply({ kind: 'alive' });
        return true;
      default:
        this.#onReply(this.#readRefusal(end));
        return true;
    }
  }

  /** The place of the line's CR; undefined while its LF has not come. */
  #findLineEnd(): number | undefined {
    const limit = Math.min(this.#bytes.length, this.#at + REPLY_LINE_BYTES_MAX);
    for (let at = this.#at; at < limit; at++) {
      if (this.#bytes[at] !== LF) continue;
      // A line of fewer than two letters would be read into the one before it.
      if (at < this.#at + 3 || this.#bytes[at - 1] !== CR) throw this.#failure('a broken line');
      return at - 1;
    }
    if (limit === this.#at + REPLY_LINE_BYTES_MAX) throw this.#failure('an endless line');
    return undefined;
  }

  /** Reads ` c<cas>` and ` O<opaque>` in any order; we ask for no other flag. */
  #readFlags(from: number, end: number): void {
    this.#cas = 0;
    this.#opaque = 0;
    this.#at = from;
    while (this.#at < end) {
      if (this.#byteAt(this.#at) !== SPACE) throw this.#failure('a reply of an unknown form');
      const flag = this.#byteAt(this.#at + 1);
      this.#at += 2;
      const number = this.#readNumber(end);
      if (flag === FLAG_OPAQUE) this.#opaque = number;
      else if (flag === FLAG_CAS) this.#cas = number;
      else throw this.#failure('an unknown flag');
    }
    this.#at = end + 2;
  }

  #readNumber(end: number): number {
    const from = this.#at;
    let value = 0;
    for (; this.#at < end; this.#at++) {
      const byte = this.#byteAt(this.#at);
      if (byte === SPACE) break;
      if (byte < DIGIT_0 || byte > DIGIT_9) throw this.#failure('a number with other characters');
      value = value * 10 + (byte - DIGIT_0);
    }
    const digits = this.#at - from;
    if (digits === 0 || digits > NUMBER_DIGITS_MAX) throw this.#failure('a number of no use');
    return value;
  }

  #readValue(end: number): boolean {
    if (this.#byteAt(this.#at + 2) !== SPACE) throw this.#failure('a value without a length');
    this.#at += 3;
    const length = this.#readNumber(end);
    if (length > VALUE_BYTES_MAX) throw this.#failure('a value too long');
    this.#readFlags(this.#at, end);
    const valueEnd = this.#at + length;
    if (this.#bytes.length < valueEnd + 2) return false;
    if (this.#bytes[valueEnd] !== CR || this.#bytes[valueEnd + 1] !== LF) {
      throw this.#failure('a value longer than it says');
    }
    const value = this.#bytes.toString('latin1', this.#at, valueEnd);
    this.#at = valueEnd + 2;
    this.#onReply({ kind: 'value', opaque: this.#opaque, cas: this.#cas, value });
    return true;
  }

  #readRefusal(end: number): Reply {
    const line = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 2;
    if (line.startsWith(SERVER_ERROR)) {
      return { kind: 'refused', reason: line.slice(SERVER_ERROR.length) };
    }
    // ERROR and CLIENT_ERROR: the server did not understand what we sent, so we do not know what it will take the next bytes for.
    throw this.#failure(`"${line.slice(0, 80)}"`);
  }

  #byteAt(at: number): number {
    return this.#bytes[at] ?? 0;
  }

  #failure(what: string): MemcachedProtocolError {
    return new MemcachedProtocolError(`memcached sent ${what}`);
  }
}
