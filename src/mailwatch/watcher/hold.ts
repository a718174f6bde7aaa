import type { MailFailure } from '../account.ts';
import type { MailConnection } from '../mailbox.ts';

/** The time in which a watch holds one connection: over when the connection has ended, or when the watch lets go of it. */
export class Hold {
  readonly #over = new AbortController();
  readonly #letGo: AbortSignal;
  readonly #onLetGo: () => void;
  #failure: MailFailure | undefined;

  constructor(connection: MailConnection, letGo: AbortSignal) {
    this.#letGo = letGo;
    this.#onLetGo = () => {
      this.#over.abort();
      // Whatever the server is being asked, nobody wants to know any more: a silent one would keep us.
      void connection.close();
    };
    if (letGo.aborted) this.#onLetGo();
    else letGo.addEventListener('abort', this.#onLetGo);
    // Once for each connection, and not for each wait: a promise keeps all that ever asked it.
    void connection.ended.then((failure) => {
      this.#failure = failure;
      this.#over.abort();
    });
  }

  /** Aborted when the hold is over. */
  get signal(): AbortSignal {
    return this.#over.signal;
  }

  /** How the connection ended, if it did. */
  get failure(): MailFailure | undefined {
    return this.#failure;
  }

  /** Call it when nobody waits for the signal any more. */
  dispose(): void {
    this.#letGo.removeEventListener('abort', this.#onLetGo);
  }
}
