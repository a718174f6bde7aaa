import type { MailFailure } from '../account.ts';
import type { ExchangeLocation } from './location.ts';

/** How often in a row a server may send us elsewhere. */
export const MOVES_MAX = 3;

/** Failures after which a server that we were sent to may not be the right one any more. */
const LOST: ReadonlySet<MailFailure['kind']> = new Set(['network', 'tls', 'blocked', 'protocol']);

/** Where one account's mailbox is: where the device has said, or where a 451 has led since, until a restart. */
export class Whereabouts {
  readonly #named: ExchangeLocation;
  #moved: ExchangeLocation | undefined;
  #movesInRow = 0;

  constructor(named: ExchangeLocation) {
    this.#named = named;
  }

  get current(): ExchangeLocation {
    return this.#moved ?? this.#named;
  }

  /** Whether to go on there; not when it was once too often. */
  move(to: ExchangeLocation): boolean {
    this.#moved = to;
    this.#movesInRow++;
    return this.#movesInRow <= MOVES_MAX;
  }

  /** There was an answer other than one that sends us on. */
  onArrived(): void {
    this.#movesInRow = 0;
  }

  /** The server that the device has named knows better than one that is gone. */
  onFailure({ kind }: MailFailure): void {
    this.#movesInRow = 0;
    if (LOST.has(kind)) this.#moved = undefined;
  }
}
