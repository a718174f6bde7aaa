import type { Channel } from './channel.ts';
import type { Update } from './codec.ts';
import type { Emit } from './events.ts';

/** Updates that may wait for the listener. Those beyond it are not acknowledged, so the server sends them again. */
export const UPDATES_WAITING_MAX = 1_000;

export type UpdateListener = (update: Update) => void | Promise<void>;

export interface UpdateInboxDeps {
  readonly listener: UpdateListener;
  /** Whether the listener is also given what is not newer than the last version of its channel. */
  readonly everyUpdate: boolean;
  readonly emit: Emit;
  /** Undefined when the device does not want the channel. */
  findChannel(update: Update): Channel | undefined;
  /** The listener has done its work with this version. */
  onDone(channel: Channel, update: Update): void;
  acknowledge(update: Update): void;
}

/** Gives updates to the listener, one at a time and in order of arrival, and acknowledges those it has done its work with. */
export class UpdateInbox {
  readonly #deps: UpdateInboxDeps;
  readonly #waiting: Update[] = [];
  #isDraining = false;

  constructor(deps: UpdateInboxDeps) {
    this.#deps = deps;
  }

  push(updates: readonly Update[]): void {
    const taken = updates.slice(0, UPDATES_WAITING_MAX - this.#waiting.length);
    this.#waiting.push(...taken);
    const count = updates.length - taken.length;
    if (count > 0) {
      this.#deps.emit({ type: 'problem', problem: { kind: 'updates-not-taken', count } });
    }
    if (!this.#isDraining) void this.#drain();
  }

  /** Drops what waits: the program has closed the device. The update in hand runs to its end. */
  clear(): void {
    this.#waiting.length = 0;
  }

  /** Never rejects: a listener's error is reported. */
  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      await this.#handle(next);
    }
    this.#isDraining = false;
  }

  async #handle(update: Update): Promise<void> {
    const { listener, everyUpdate, emit } = this.#deps;
    const channel = this.#deps.findChannel(update);
    if (!channel || (!everyUpdate && isOld(update, channel))) {
      // There is no one to tell, and unacknowledged it would come for ever.
      this.#deps.acknowledge(update);
      return;
    }
    try {
      await listener(update);
    } catch (error) {
      emit({ type: 'problem', problem: { kind: 'listener-threw', update, error } });
      return;
    }
    // Meanwhile the server may have started the channel anew: its versions are others then.
    if (this.#deps.findChannel(update) !== channel) return;
    this.#deps.onDone(channel, update);
    this.#deps.acknowledge(update);
  }
}

function isOld({ version }: Update, { lastVersion }: Channel): boolean {
  return lastVersion !== undefined && version <= lastVersion;
}
