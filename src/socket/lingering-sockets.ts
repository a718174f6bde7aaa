import type { Clock } from '../clock.ts';

/** How long uWebSockets.js waits, once a close frame went either way, for the peer to end the connection: 4, 8 or 16 s by the idle timeout. */
export const LINGER_SECS_MAX = 16;

/**
 * How many sockets have been reported as closed and may hold a file descriptor all the same, because their peer does not end the
 * connection. Nobody tells when it does, so each counts for as long as it may take: a number for each second, and nothing per socket.
 */
export class LingeringSockets {
  readonly #clock: Clock;
  /** By the second in which they were closed, in turn; the second that is running makes one more. */
  readonly #closedIn = new Array<number>(LINGER_SECS_MAX + 1).fill(0);
  #second: number;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#second = secondOf(clock);
  }

  get count(): number {
    this.#forget();
    return this.#count;
  }

  /** A close was reported. */
  add(): void {
    this.#forget();
    const slot = this.#second % this.#closedIn.length;
    this.#closedIn[slot] = (this.#closedIn[slot] ?? 0) + 1;
    this.#count++;
  }

  /** Forgets the seconds whose slots come to be used again. */
  #forget(): void {
    const now = secondOf(this.#clock);
    const first = Math.max(this.#second + 1, now - LINGER_SECS_MAX);
    for (let second = first; second <= now; second++) {
      const slot = second % this.#closedIn.length;
      this.#count -= this.#closedIn[slot] ?? 0;
      this.#closedIn[slot] = 0;
    }
    this.#second = now;
  }
}

function secondOf(clock: Clock): number {
  return Math.floor(clock.monotonicMs() / 1000);
}
