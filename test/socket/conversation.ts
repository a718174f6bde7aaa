import type { Close } from '../../src/protocol/close-codes.ts';
import { decodeClientMessage } from '../../src/protocol/codec.ts';
import type { SentUpdate, ServerMessage } from '../../src/protocol/messages.ts';
import type { SendResult } from '../../src/socket/device-socket.ts';
import { Session } from '../../src/socket/session.ts';
import type { Outlet, SessionDeps } from '../../src/socket/session-deps.ts';

/** A session whose messages go to the test. */
export class Conversation implements Outlet {
  readonly session: Session;
  /** What becomes of the next messages. */
  sendResult: SendResult = 'sent';
  /** How the session was closed. */
  closed: Close | undefined;
  readonly #sent: ServerMessage[] = [];

  constructor(deps: SessionDeps) {
    this.session = new Session(deps, this);
  }

  send(message: ServerMessage): SendResult {
    if (this.sendResult !== 'dropped') this.#sent.push(message);
    return this.sendResult;
  }

  sendUpdate(update: SentUpdate): SendResult {
    return this.send({ type: 'notification', updates: [update], expired: [] });
  }

  close(close: Close): void {
    this.closed ??= close;
    // As every socket does.
    this.session.onClose();
  }

  /** Gives the session this message of a device; resolves to all it sent since last asked. */
  async say(message: object): Promise<readonly ServerMessage[]> {
    const decoded = decodeClientMessage(JSON.stringify(message));
    if (decoded.kind !== 'message') throw new Error(`no message: ${JSON.stringify(decoded)}`);
    await this.session.onMessage(decoded.message);
    return this.takeSent();
  }

  hello(uaid: string, channelIDs: readonly unknown[] = []): Promise<readonly ServerMessage[]> {
    return this.say({ messageType: 'hello', uaid, channelIDs });
  }

  /** What the session has sent. Takes it. */
  takeSent(): readonly ServerMessage[] {
    return this.#sent.splice(0);
  }
}
