import type { ChannelId, Version } from '../protocol/ids.ts';
import { encodeAck } from './codec.ts';
import { cancelNothing, type Timers } from './timers.ts';

/**
 * Shortest time between two acknowledgements. A server ends the session of a device that sends faster than it works, and a
 * device that comes back may have hundreds of updates waiting.
 */
export const ACK_GAP_MS = 10;

/** Channels in one acknowledgement: as many as a device may have. */
export const ACKED_CHANNELS_MAX = 200;

/** Sends an acknowledgement at once when none was sent just before, and gathers what follows into the next. */
export class Acks {
  readonly #timers: Timers;
  readonly #send: (text: string) => void;
  readonly #gathered = new Map<ChannelId, Version>();
  #gap: 'none' | 'running' = 'none';
  #cancelGap = cancelNothing;

  /** `send` may lose what it is given: an update that was not acknowledged comes again. */
  constructor(deps: { readonly timers: Timers; send(text: string): void }) {
    this.#timers = deps.timers;
    this.#send = (text) => deps.send(text);
  }

  add(channelId: ChannelId, version: Version): void {
    const gathered = this.#gathered.get(channelId);
    // An acknowledgement covers every older version too.
    if (gathered === undefined || gathered < version) this.#gathered.set(channelId, version);
    if (this.#gap === 'none' || this.#gathered.size >= ACKED_CHANNELS_MAX) this.flush();
  }

  /** Sends what is gathered without waiting. */
  flush(): void {
    this.#cancelGap();
    this.#gap = 'none';
    if (this.#gathered.size === 0) return;
    this.#send(encodeAck(this.#gathered));
    this.#gathered.clear();
    this.#gap = 'running';
    this.#cancelGap = this.#timers.after(ACK_GAP_MS, () => this.flush());
  }

  /** Forgets what is gathered: the connection it was for is gone. */
  clear(): void {
    this.#cancelGap();
    this.#gap = 'none';
    this.#gathered.clear();
  }
}
