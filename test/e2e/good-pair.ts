import { expect } from 'chai';
import type { ChildServer } from '../support/child-server.ts';
import { putStatus } from '../support/put.ts';
import { notificationOf, type Subscription, subscribe } from '../support/subscription.ts';

/** Rounds that follow an abuse: enough to find a server that it left limping. */
const ROUNDS_AFTER = 20;

/** A device and its app server who do as they should, whatever others do to the server meanwhile. */
export class GoodPair {
  readonly #subscription: Subscription;
  #version = 0;

  static async open(server: ChildServer): Promise<GoodPair> {
    return new GoodPair(await subscribe(server));
  }

  private constructor(subscription: Subscription) {
    this.#subscription = subscription;
  }

  /** Strangers who know it must not get a version through by a request that is none: the pair would notice. */
  get endpoint(): string {
    return this.#subscription.endpoint;
  }

  /** Plays rounds while `abuse` goes on, and some more. Resolves to what the slowest took, in milliseconds. */
  async playDuring(abuse: () => Promise<unknown>): Promise<number> {
    let isOver = false;
    const play = async () => {
      let slowestMs = 0;
      for (let after = 0; after < ROUNDS_AFTER; ) {
        slowestMs = Math.max(slowestMs, await this.#round());
        if (isOver) after++;
      }
      return slowestMs;
    };
    const watched = abuse().finally(() => {
      isOver = true;
    });
    const [slowestMs] = await Promise.all([play(), watched]);
    return slowestMs;
  }

  leave(): void {
    this.#subscription.device.terminate();
  }

  /** A PUT, its answer, its notification and the ack. */
  async #round(): Promise<number> {
    const { device, channelID, endpoint } = this.#subscription;
    this.#version++;
    const begunMs = performance.now();
    const [status, message] = await Promise.all([
      putStatus(endpoint, { version: this.#version }),
      device.next(),
    ]);
    const tookMs = performance.now() - begunMs;
    expect(status).to.equal(200);
    expect(message).to.deep.equal(notificationOf(channelID, this.#version));
    device.send({ messageType: 'ack', updates: message.updates });
    return tookMs;
  }
}
