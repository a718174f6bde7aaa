import { expect } from 'chai';

/**
 * What one channel was promised, as far as somebody outside the server can know: the whole model of kill.test.ts.
 *
 * App servers PUT 1, 2, 3 … to it, each version once, several at a time; so what may ever be delivered is any version that has been
 * PUT. Two numbers say what must be delivered:
 *
 *  - `accepted`, the highest version that was answered 200 or 202: it may not be lost any more;
 *  - `acked`, the highest version in an ack that was given to a socket. Whether it arrived is not known, so nothing at or below it is
 *    owed, and nothing at or below it is forbidden either.
 *
 * A device that comes back is owed the accepted version, or a higher one that was PUT, if and only if `accepted` is above `acked`.
 */
export class PromisedChannel {
  readonly channelID: string;
  readonly endpoint: string;
  #put = 0;
  #accepted = 0;
  #acked = 0;
  /** What was owed when the device came back, and the highest version that has been delivered since. */
  #owed = 0;
  #delivered = 0;

  constructor(channelID: string, endpoint: string) {
    this.channelID = channelID;
    this.endpoint = endpoint;
  }

  /** The version to PUT next; from now on it may be delivered. */
  takeVersion(): number {
    this.#put++;
    return this.#put;
  }

  /** A PUT was answered 200 or 202. */
  onAccepted(version: number): void {
    this.#accepted = Math.max(this.#accepted, version);
  }

  /** An ack is about to be sent. */
  onAck(version: number): void {
    this.#acked = Math.max(this.#acked, version);
  }

  /** The device is about to say hello. */
  onHello(): void {
    this.#owed = this.#accepted > this.#acked ? this.#accepted : 0;
    this.#delivered = 0;
  }

  /** Fails on a version that nobody PUT. */
  onDelivered(version: number): void {
    expect(version, `a version of ${this.channelID}`).to.be.within(1, this.#put);
    this.#delivered = Math.max(this.#delivered, version);
  }

  /** Fails when less was delivered than was owed at the hello. */
  expectDelivered(): void {
    expect(this.#delivered, `the version of ${this.channelID}`).to.be.at.least(this.#owed);
  }
}
