import type { KickQueues } from '../../src/delivery.ts';
import type { Kick, KickQueue } from '../../src/queue/queue.ts';
import { Arrivals } from './arrivals.ts';

/** The end of a kick queue that the push side sees, in memory. */
export class MemoryKickQueue implements Pick<KickQueue, 'enqueue'> {
  readonly #kicks: Kick[] = [];
  readonly #offers = new Arrivals<Kick>();
  #failure: Error | undefined;

  /** What was taken, oldest first; of one device only the first, as queues collapse them. */
  get kicks(): readonly Kick[] {
    return this.#kicks;
  }

  /** The next kick that was offered, taken or not. Takes it. */
  nextOffer(): Promise<Kick> {
    return this.#offers.next('a kick');
  }

  /** What was offered and not asked for. Takes it. */
  takeOffers(): readonly Kick[] {
    return this.#offers.takeUnread();
  }

  /** From now on `enqueue` rejects with this; undefined: takes kicks again. */
  failWith(failure: Error | undefined): void {
    this.#failure = failure;
  }

  async enqueue(kick: Kick): Promise<'queued' | 'collapsed'> {
    this.#offers.push(kick);
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#kicks.some(({ deviceId }) => deviceId === kick.deviceId)) return 'collapsed';
    this.#kicks.push(kick);
    return 'queued';
  }
}

/** A queue for each provider. */
export function memoryKickQueues() {
  return {
    apns: new MemoryKickQueue(),
    fcm: new MemoryKickQueue(),
    udp: new MemoryKickQueue(),
  } as const satisfies KickQueues;
}
