import { createSocket, type Socket } from 'node:dgram';
import type { Log } from '../../log.ts';
import type { WakeOutcome } from '../provider.ts';
import { readSendFailure } from './send-failures.ts';

export type Family = 'udp4' | 'udp6';

export interface Datagram {
  /** Of the socket's family. */
  readonly address: string;
  readonly port: number;
  readonly payload: Buffer;
}

export interface SenderDeps {
  readonly family: Family;
  /** The socket is of no more use. */
  readonly onFailed: () => void;
  readonly log: Log;
}

const WOKEN: WakeOutcome = { kind: 'woken' };

/** One UDP socket, bound to a port of the system's choice at the first datagram. Does not keep the process alive. */
export class Sender {
  readonly #socket: Socket;
  /** Settles each datagram that the system has not taken yet. A socket that fails forgets the callbacks of what waits for its port. */
  readonly #inFlight = new Set<(outcome: WakeOutcome) => void>();
  #isClosed = false;

  constructor({ family, onFailed, log }: SenderDeps) {
    // A socket for both families would send to mapped addresses under another name.
    this.#socket = createSocket({ type: family, ipv6Only: family === 'udp6' });
    this.#socket.unref();
    this.#socket.on('error', (error) => {
      log.warn({ family, err: error }, 'kick.udp.socket.failed');
      onFailed();
      this.#end(readSendFailure(codeOf(error)));
    });
  }

  /** Settles when the system has taken the datagram or refused it, and at once when `signal` is aborted. Never rejects. */
  send({ address, port, payload }: Datagram, signal: AbortSignal): Promise<WakeOutcome> {
    return new Promise((resolve) => {
      const settle = (outcome: WakeOutcome) => {
        signal.removeEventListener('abort', onAbort);
        this.#inFlight.delete(settle);
        resolve(outcome);
      };
      const onAbort = () => settle({ kind: 'unanswered', reason: 'aborted' });
      signal.addEventListener('abort', onAbort);
      this.#inFlight.add(settle);
      this.#socket.send(payload, port, address, (error) =>
        settle(error === null ? WOKEN : readSendFailure(codeOf(error))),
      );
    });
  }

  /** Datagrams in flight settle as `unanswered`. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve();
      this.#socket.once('close', () => resolve());
      this.#end({ kind: 'unanswered', reason: 'closed by us' });
    });
  }

  #end(outcome: WakeOutcome): void {
    for (const settle of this.#inFlight) settle(outcome);
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : 'unknown';
}
