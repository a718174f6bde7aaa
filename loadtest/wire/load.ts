/** What a suite may do to a server, at most: stated before it begins, and held here, where every socket is opened and every byte sent. */
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '../../src/assert.ts';

export interface LoadBounds {
  /** Sockets that may be open at once. */
  readonly socketsMax: number;
  /** Messages and requests in a second. */
  readonly sendsPerSecondMax: number;
  /** Bytes sent in the whole run. */
  readonly bytesMax: number;
}

/** A run that is asked to send more bytes than were stated. */
export class LoadSpentError extends Error {
  constructor(bytesMax: number) {
    super(`the run has sent the ${bytesMax} bytes that it may send`);
  }
}

/** Sends that may go out together after a pause, in milliseconds of the allowed rate. */
const BURST_MS = 50;

/** Holds one run to its bounds: sockets and sends wait for their turn, bytes beyond the bound are refused. */
export class Load {
  readonly bounds: LoadBounds;
  readonly #waiting: (() => void)[] = [];
  #socketsOpen = 0;
  #socketsPeak = 0;
  #sends = 0;
  #bytes = 0;
  #nextSendAtMs = 0;

  constructor(bounds: LoadBounds) {
    this.bounds = bounds;
  }

  /** What the run has used so far; `sockets` is the most that were open at once. */
  get used(): { readonly sockets: number; readonly sends: number; readonly bytes: number } {
    return { sockets: this.#socketsPeak, sends: this.#sends, bytes: this.#bytes };
  }

  /** Resolves when one more socket may be opened; the caller returns it with `returnSocket`. */
  async takeSocket(): Promise<void> {
    if (this.#socketsOpen >= this.bounds.socketsMax) {
      // Woken by the one that returns: the place is handed over, the count stays.
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return;
    }
    this.#socketsOpen++;
    this.#socketsPeak = Math.max(this.#socketsPeak, this.#socketsOpen);
  }

  returnSocket(): void {
    assert(this.#socketsOpen > 0, 'a socket is returned by who took it');
    const next = this.#waiting.shift();
    if (next === undefined) this.#socketsOpen--;
    else next();
  }

  /**
   * Resolves when `sends` messages or requests of `bytes` bytes together may go out.
   * @throws LoadSpentError
   */
  async takeSends(sends: number, bytes: number): Promise<void> {
    if (this.#bytes + bytes > this.bounds.bytesMax) throw new LoadSpentError(this.bounds.bytesMax);
    this.#bytes += bytes;
    this.#sends += sends;
    const nowMs = performance.now();
    const earliestMs = Math.max(this.#nextSendAtMs, nowMs - BURST_MS);
    this.#nextSendAtMs = earliestMs + (sends * 1000) / this.bounds.sendsPerSecondMax;
    const waitMs = this.#nextSendAtMs - nowMs;
    if (waitMs > 0) await sleep(waitMs);
  }
}
