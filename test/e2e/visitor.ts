import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { ChildServer } from '../support/child-server.ts';
import type { RawDevice, RawMessage } from '../support/raw-device.ts';

const CHANNELS = 2;

/** A device that comes, takes what there is, and leaves; it holds the server to its id and its endpoints. */
export class Visitor {
  readonly #server: ChildServer;
  readonly #uaid: string;
  readonly #endpoints: ReadonlyMap<string, string>;
  #channelsLost = 0;

  /** A new device with its channels. */
  static async open(server: ChildServer): Promise<Visitor> {
    const device = await server.connect();
    const { uaid = '' } = await device.hello();
    const endpoints = new Map<string, string>();
    while (endpoints.size < CHANNELS) {
      const channelID = randomUUID();
      const { pushEndpoint = '' } = await device.register(channelID);
      endpoints.set(channelID, pushEndpoint);
    }
    device.terminate();
    return new Visitor(server, uaid, endpoints);
  }

  private constructor(server: ChildServer, uaid: string, endpoints: ReadonlyMap<string, string>) {
    this.#server = server;
    this.#uaid = uaid;
    this.#endpoints = endpoints;
  }

  /** Of the first channel, for app servers. The other is left alone, so that nobody but the device renews it. */
  get endpoint(): string {
    const [first = ''] = this.#endpoints.values();
    return first;
  }

  /** How often it was told that a channel is not known any more, and registered it again. */
  get channelsLost(): number {
    return this.#channelsLost;
  }

  /** One connection, from hello to end. Resolves to 503 when the store was away at any moment of it, else to 200. */
  async visit(): Promise<200 | 503> {
    const device = await this.#server.connect();
    try {
      return await this.#converse(device);
    } finally {
      device.terminate();
    }
  }

  async #converse(device: RawDevice): Promise<200 | 503> {
    const channelIDs = [...this.#endpoints.keys()];
    const greeting = { messageType: 'hello', uaid: this.#uaid, channelIDs };
    const [hello, ...pending] = await exchange(device, [greeting]);
    expect(hello?.uaid).to.equal(this.#uaid);
    if (hello?.status === 503 || pending.some(({ status }) => status === 503)) return 503;
    const updates = pending.flatMap((message) => message.updates ?? []);
    const expired = pending.flatMap((message) => message.expired ?? []);
    this.#channelsLost += expired.length;
    const replies = await exchange(device, [
      ...(updates.length > 0 ? [{ messageType: 'ack', updates }] : []),
      ...expired.map((channelID) => ({ messageType: 'register', channelID })),
    ]);
    for (const { channelID = '', pushEndpoint } of replies) {
      if (pushEndpoint !== undefined) expect(pushEndpoint).to.equal(this.#endpoints.get(channelID));
    }
    return replies.some(({ status }) => status === 503) ? 503 : 200;
  }
}

/**
 * Sends `requests` and resolves to all that the server says up to a ping after them, or up to its 503 and close. A close alone, which is for
 * a store that fails while the server looks for what is pending (protocol.md, "Close codes"), is a 503 too.
 */
async function exchange(
  device: RawDevice,
  requests: readonly object[],
): Promise<readonly RawMessage[]> {
  for (const request of [...requests, {}]) device.send(request);
  const messages: RawMessage[] = [];
  for (;;) {
    const message = await nextOrClose(device);
    if (Object.keys(message).length === 0) return messages;
    messages.push(message);
    if (message.status !== 503) continue;
    expect(await device.nextClose()).to.include({ code: 1013 });
    return messages;
  }
}

async function nextOrClose(device: RawDevice): Promise<RawMessage> {
  try {
    return await device.next();
  } catch (error) {
    const { code } = await device.nextClose();
    if (code !== 1013) throw error;
    return { status: 503 };
  }
}
