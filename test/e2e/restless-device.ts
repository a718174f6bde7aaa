import { randomUUID } from 'node:crypto';
import { AssertionError, expect } from 'chai';
import type { Random } from '../support/random.ts';
import type { RawDevice, RawMessage } from '../support/raw-device.ts';
import { PromisedChannel } from './promised-channel.ts';

const CHANNELS_MAX = 3;
const PROBABILITIES = { reconnect: 0.05, register: 0.2, unregister: 0.05, ack: 0.6 };

/** A device that never rests, and holds the server to what was promised, over any number of connections. */
export class RestlessDevice {
  readonly #random: Random;
  #uaid = '';
  #channels: readonly PromisedChannel[] = [];
  /** An unregister was sent and not answered: updates may come, and need not. */
  #leaving: readonly PromisedChannel[] = [];
  #unregistered: readonly PromisedChannel[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** Channels whose register was answered, and that are to stay. */
  get channels(): readonly PromisedChannel[] {
    return this.#channels;
  }

  /** Channels whose unregister was answered. */
  get unregistered(): readonly PromisedChannel[] {
    return this.#unregistered;
  }

  /** Connects again and again, and in between does what devices do. Rejects when a connection ends or a promise is broken. */
  async live(connect: () => Promise<RawDevice>): Promise<never> {
    for (;;) {
      const socket = await connect();
      await this.comeBack(socket);
      while (!this.#random.chance(PROBABILITIES.reconnect)) await this.#step(socket);
      socket.terminate();
    }
  }

  /** Says hello, and finds everything as it was promised. */
  async comeBack(socket: RawDevice): Promise<void> {
    for (const channel of this.#channels) channel.onHello();
    const channelIDs = this.#channels.map(({ channelID }) => channelID);
    const hello = await socket.hello({ uaid: this.#uaid, channelIDs });
    if (this.#uaid === '') this.#uaid = hello.uaid ?? '';
    expect(hello).to.deep.equal({ messageType: 'hello', uaid: this.#uaid, status: 200 });
    // What was pending is sent together with the reply, so it has come when the pong comes.
    await this.#request(socket, {});
    for (const channel of this.#channels) channel.expectDelivered();
    for (const channel of this.#leaving) await this.#unregister(socket, channel);
  }

  async #step(socket: RawDevice): Promise<void> {
    const random = this.#random;
    const { length } = this.#channels;
    const channel = random.pick(this.#channels);
    if (channel === undefined || (length < CHANNELS_MAX && random.chance(PROBABILITIES.register))) {
      await this.#register(socket);
    } else if (length > 1 && random.chance(PROBABILITIES.unregister)) {
      await this.#unregister(socket, channel);
    } else {
      this.#onNotification(socket, await socket.next());
    }
  }

  async #register(socket: RawDevice): Promise<void> {
    const channelID = randomUUID();
    const reply = await this.#request(socket, { messageType: 'register', channelID });
    expect(reply).to.include({ messageType: 'register', status: 200, channelID });
    const channel = new PromisedChannel(channelID, reply.pushEndpoint ?? '');
    this.#channels = [...this.#channels, channel];
  }

  async #unregister(socket: RawDevice, channel: PromisedChannel): Promise<void> {
    const { channelID } = channel;
    this.#channels = this.#channels.filter((other) => other !== channel);
    this.#leaving = [...this.#leaving.filter((other) => other !== channel), channel];
    const reply = await this.#request(socket, { messageType: 'unregister', channelID });
    expect(reply).to.deep.equal({ messageType: 'unregister', status: 200, channelID });
    this.#leaving = this.#leaving.filter((other) => other !== channel);
    this.#unregistered = [...this.#unregistered, channel];
  }

  /** Sends a message and resolves to its reply; notifications that come before are taken as such. */
  async #request(socket: RawDevice, message: object): Promise<RawMessage> {
    socket.send(message);
    for (;;) {
      const reply = await socket.next();
      if (reply.messageType !== 'notification') return reply;
      this.#onNotification(socket, reply);
    }
  }

  #onNotification(socket: RawDevice, message: RawMessage): void {
    const { messageType, updates = [], expired = [] } = message;
    expect(messageType).to.equal('notification');
    expect(expired, 'channels that the server has lost').to.deep.equal([]);
    const isAcked = this.#random.chance(PROBABILITIES.ack);
    for (const { channelID, version } of updates) {
      const known = [...this.#channels, ...this.#leaving];
      const channel = known.find((other) => other.channelID === channelID);
      if (channel === undefined)
        throw new AssertionError(`an update of ${channelID}, which was unregistered`);
      channel.onDelivered(version);
      if (isAcked) channel.onAck(version);
    }
    if (isAcked) socket.send({ messageType: 'ack', updates });
  }
}
