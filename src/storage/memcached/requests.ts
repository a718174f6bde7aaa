/**
 * The commands we send to a memcached, as objects that wait for their reply: `mg` with `c` and `v`, `ms` with `c` and one of `C` and `ME`,
 * and `mn` (memcached's doc/protocol.txt, "Meta Commands"). Objects and not closures: there may be tens of thousands.
 */
import type { Reply } from './replies.ts';

/** What stood under a key when we read or wrote it: what compareAndSet compares with. */
export interface Stamp {
  /**
   * The connection it was seen over. A restarted memcached counts `cas` from 1 again, so that an old number could by accident be
   * that of another item; but no connection outlives the process at its other end. Compared over the same
   * connection only, a number names one state of one item for ever (a flush does not reset the count).
   */
  readonly connectionId: number;
  /** ABSENT when nothing stood there. */
  readonly cas: number;
}

/** memcached never gives this number to an item, unless it runs with `--disable-cas`; such a server is refused. */
export const ABSENT = 0;

/** A stamp and the value it belongs to; undefined when nothing stood there. */
export interface Seen extends Stamp {
  readonly value: string | undefined;
}

/** Where and for how long a value is written. */
export interface Write {
  /** Of our own alphabet (letters, digits, `-`, `_`), at most 250 bytes; never text from outside. */
  readonly key: string;
  /** No character above U+00FF: each becomes one byte. */
  readonly value: string;
  /** As the protocol has it: seconds from now up to 30 days, or else a time in seconds since the epoch. */
  readonly exptime: number;
}

/** One request, until its reply comes. Linked to the next one of its connection. */
export abstract class MemcachedRequest {
  /** Comes back in the reply: a reply that belongs to another request is noticed. */
  opaque = 0;
  /** On the monotonic clock, when it was handed to the connection. */
  sentAtMs = 0;
  next: MemcachedRequest | undefined;
  readonly #reject: (error: Error) => void;

  constructor(reject: (error: Error) => void) {
    this.#reject = reject;
  }

  /** What goes over the wire; each character is one byte. */
  abstract encode(): string;

  /** Takes the reply and settles. Returns false when it is none to this request; the connection is then of no use. */
  abstract accept(reply: Reply, connectionId: number): boolean;

  reject(error: Error): void {
    this.#reject(error);
  }
}

/** Reads an item. */
export class GetRequest extends MemcachedRequest {
  readonly #key: string;
  readonly #resolve: (seen: Seen) => void;

  constructor(key: string, resolve: (seen: Seen) => void, reject: (error: Error) => void) {
    super(reject);
    this.#key = key;
    this.#resolve = resolve;
  }

  override encode(): string {
    return `mg ${this.#key} c v O${this.opaque}\r\n`;
  }

  override accept(reply: Reply, connectionId: number): boolean {
    if (reply.kind === 'value' && reply.opaque === this.opaque && reply.cas !== ABSENT) {
      this.#resolve({ connectionId, cas: reply.cas, value: reply.value });
      return true;
    }
    if (reply.kind === 'missing' && reply.opaque === this.opaque) {
      this.#resolve({ connectionId, cas: ABSENT, value: undefined });
      return true;
    }
    return false;
  }
}

/** Writes an item if it still is what it was, or whatever it is. Resolves to its new stamp; undefined when it is another by now. */
export class SetRequest extends MemcachedRequest {
  readonly #write: Write;
  /** Undefined writes over whatever stands there. */
  readonly #cas: number | undefined;
  readonly #resolve: (written: Stamp | undefined) => void;

  constructor(
    write: Write,
    cas: number | undefined,
    resolve: (written: Stamp | undefined) => void,
    reject: (error: Error) => void,
  ) {
    super(reject);
    this.#write = write;
    this.#cas = cas;
    this.#resolve = resolve;
  }

  override encode(): string {
    const { key, value, exptime } = this.#write;
    return `ms ${key} ${value.length} T${exptime} c${this.#condition()} O${this.opaque}\r\n${value}\r\n`;
  }

  override accept(reply: Reply, connectionId: number): boolean {
    if (reply.kind === 'done' && reply.opaque === this.opaque && reply.cas !== ABSENT) {
      this.#resolve({ connectionId, cas: reply.cas });
      return true;
    }
    const isOther = reply.kind === 'missing' || reply.kind === 'differs';
    if (isOther && reply.opaque === this.opaque && this.#cas !== undefined) {
      this.#resolve(undefined);
      return true;
    }
    return false;
  }

  #condition(): string {
    if (this.#cas === undefined) return '';
    return this.#cas === ABSENT ? ' ME' : ` C${this.#cas}`;
  }
}

/** Does nothing; answered by a server that lives and speaks the meta protocol. */
export class NoopRequest extends MemcachedRequest {
  readonly #resolve: () => void;

  constructor(resolve: () => void, reject: (error: Error) => void) {
    super(reject);
    this.#resolve = resolve;
  }

  override encode(): string {
    return 'mn\r\n';
  }

  override accept(reply: Reply): boolean {
    if (reply.kind !== 'alive') return false;
    this.#resolve();
    return true;
  }
}
