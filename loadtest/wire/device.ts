/** A SimplePush device by hand: hello, register, updates, acks, and nothing that only one server knows. */
import { randomUUID } from 'node:crypto';
import { WireError } from './errors.ts';
import type { Load } from './load.ts';
import { endpointOf, type Target } from './target.ts';
import { WireSocket } from './web-socket.ts';

/** What a server may send; who reads it looks at the members it is about. */
export interface WireMessage {
  readonly messageType?: unknown;
  readonly status?: unknown;
  readonly uaid?: unknown;
  readonly channelID?: unknown;
  readonly pushEndpoint?: unknown;
  readonly updates?: unknown;
  readonly error?: unknown;
  readonly reason?: unknown;
}

export interface WireUpdate {
  readonly channelID: string;
  /** Some servers write it as a text. */
  readonly version: number | string;
  readonly data?: unknown;
}

/** A channel that was registered, and where its updates are PUT. */
export interface WireChannel {
  readonly channelID: string;
  readonly endpoint: URL;
}

/** Updates that may wait here to be read; a server that sends more says the same again and again. */
const UNREAD_UPDATES_MAX = 10_000;

export class WireDevice {
  readonly socket: WireSocket;
  readonly #target: Target;
  /** Updates that came while something else was awaited, oldest first. */
  readonly #updates: WireUpdate[] = [];
  #uaid = '';

  /** @throws WireError @throws UnreachableError */
  static async open(target: Target, load: Load): Promise<WireDevice> {
    return new WireDevice(await WireSocket.open(target, load), target);
  }

  private constructor(socket: WireSocket, target: Target) {
    this.socket = socket;
    this.#target = target;
  }

  /** '' before the hello was answered. */
  get uaid(): string {
    return this.#uaid;
  }

  /** Says hello and resolves to the UAID of the reply. @throws WireError */
  async hello(uaid = '', channelIDs: readonly string[] = []): Promise<string> {
    await this.send({ messageType: 'hello', uaid, channelIDs });
    const reply = await this.next('the hello reply', isOf('hello'));
    // Some servers send no status when all is well.
    if (!isSuccess(reply.status ?? 200)) throw refusal('hello', reply);
    if (typeof reply.uaid !== 'string' || reply.uaid === '') {
      throw new WireError('the hello reply has no uaid');
    }
    this.#uaid = reply.uaid;
    return reply.uaid;
  }

  /** Registers a channel, a new one unless told otherwise. @throws WireError */
  async register(channelID: string = randomUUID()): Promise<WireChannel> {
    await this.send({ messageType: 'register', channelID });
    const reply = await this.next('the register reply', isOf('register'));
    if (!isSuccess(reply.status)) throw refusal('register', reply);
    const endpoint = endpointOf(this.#target, `${reply.pushEndpoint}`);
    if (endpoint === undefined) throw new WireError('pushEndpoint is no http or https URL');
    return { channelID, endpoint };
  }

  /** Resolves to the status of the reply. @throws WireError */
  async unregister(channelID: string): Promise<unknown> {
    await this.send({ messageType: 'unregister', channelID });
    const reply = await this.next('the unregister reply', isOf('unregister'));
    if (!isSuccess(reply.status ?? 200)) throw refusal('unregister', reply);
    return reply.status;
  }

  async ack(updates: readonly WireUpdate[]): Promise<void> {
    const acked = updates.map(({ channelID, version }) => ({ channelID, version }));
    await this.send({ messageType: 'ack', updates: acked });
  }

  async send(message: object): Promise<void> {
    await this.socket.sendText(JSON.stringify(message));
  }

  /** The next update that was not read yet. @throws WireError */
  async nextUpdate(wanted = 'a notification'): Promise<WireUpdate> {
    const deadlineMs = performance.now() + this.#target.timeoutMs;
    for (;;) {
      const update = this.#updates.shift();
      if (update !== undefined) return update;
      await this.#receive(wanted, deadlineMs);
    }
  }

  /** Updates that have come and were not read. Takes them. */
  takeUpdates(): readonly WireUpdate[] {
    return this.#updates.splice(0);
  }

  /** The next message that `accepts` likes. Updates are kept for `nextUpdate`, others are passed over. @throws WireError */
  async next(wanted: string, accepts: (message: WireMessage) => boolean): Promise<WireMessage> {
    const deadlineMs = performance.now() + this.#target.timeoutMs;
    for (;;) {
      const message = await this.#receive(wanted, deadlineMs);
      if (accepts(message)) return message;
    }
  }

  destroy(): void {
    this.socket.destroy();
  }

  async #receive(wanted: string, deadlineMs: number): Promise<WireMessage> {
    for (;;) {
      const event = await this.socket.next(deadlineMs - performance.now());
      switch (event.kind) {
        case 'pong':
          continue;
        case 'text':
          return this.#read(event.text);
        case 'close':
          throw new WireError(
            `the server closed with ${event.code} ${JSON.stringify(event.reason)} instead of sending ${wanted}`,
          );
        case 'ended':
          throw new WireError(`the server ended the connection instead of sending ${wanted}`);
        case 'late':
          throw new WireError(`${wanted} did not come within ${this.#target.timeoutMs} ms`);
        case 'broken':
          throw new WireError(`the server sent ${event.why} instead of ${wanted}`);
      }
    }
  }

  #read(text: string): WireMessage {
    const message = parseMessage(text);
    if (message === undefined) {
      throw new WireError(`the server sent what is no JSON object: ${text.slice(0, 80)}`);
    }
    this.#updates.push(...updatesOf(message));
    if (this.#updates.length > UNREAD_UPDATES_MAX) {
      throw new WireError(`the server sent ${this.#updates.length} updates that nobody waits for`);
    }
    return message;
  }
}

/** Undefined when the text is no JSON object. */
export function parseMessage(text: string): WireMessage | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // What the parser says of it helps nobody.
    return undefined;
  }
}

/** The updates of a message, of which most have none. */
export function updatesOf({ updates }: WireMessage): readonly WireUpdate[] {
  return Array.isArray(updates) ? updates.filter(isUpdate) : [];
}

/** Any 2xx: servers differ. */
export function isSuccess(status: unknown): boolean {
  return typeof status === 'number' && status >= 200 && status < 300;
}

function isUpdate(value: unknown): value is WireUpdate {
  if (typeof value !== 'object' || value === null) return false;
  const { channelID, version } = value as { channelID?: unknown; version?: unknown };
  return typeof channelID === 'string' && ['number', 'string'].includes(typeof version);
}

function isOf(messageType: string) {
  return (message: WireMessage): boolean =>
    `${message.messageType}`.toLowerCase() === messageType || message.error !== undefined;
}

function refusal(what: string, { status, error, reason }: WireMessage): WireError {
  const words = [error, reason].filter((part) => typeof part === 'string').join(': ');
  return new WireError(`${what} was answered ${status}${words === '' ? '' : ` (${words})`}`);
}
