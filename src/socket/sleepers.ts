import type { Clock } from '../clock.ts';
import type { KickTarget } from '../protocol/connect.ts';
import { Deadlines } from './deadlines.ts';
import type { Session } from './session.ts';

/**
 * The sessions of devices that a datagram wakes: one that has been silent for `sleepAfterMs`, with nothing on its way to it, is closed with
 * 4774, so that the device may switch its radio off (protocol.md, "Waking a device"). Others are not listed, and cost nothing here.
 */
export class Sleepers {
  readonly #deadlines: Deadlines<Session>;
  readonly #sleepAfterMs: number;

  /** `sleepAfterMs` 0: nobody is sent to sleep. */
  constructor(clock: Clock, sleepAfterMs: number) {
    this.#sleepAfterMs = sleepAfterMs;
    this.#deadlines = new Deadlines(clock, (session) => this.#onDue(session));
  }

  /** How many sessions are listed; bounded by the number of sockets. */
  get size(): number {
    return this.#deadlines.size;
  }

  /** The session's hello was answered. */
  watch(session: Session, targetType: KickTarget['type'] | undefined): void {
    if (targetType === 'udp' && this.#sleepAfterMs > 0) this.#wait(session);
    else this.delete(session);
  }

  /** A message of the device came. */
  onHeard(session: Session): void {
    if (this.#deadlines.size > 0 && this.#deadlines.has(session)) this.#wait(session);
  }

  delete(session: Session): void {
    this.#deadlines.delete(session);
  }

  /** Ends the timer. */
  stop(): void {
    this.#deadlines.stop();
  }

  #wait(session: Session): void {
    this.#deadlines.add(session, this.#deadlines.nowMs + this.#sleepAfterMs);
  }

  #onDue(session: Session): void {
    if (session.isIdle) session.sleep();
    else this.#wait(session);
  }
}
