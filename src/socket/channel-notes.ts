import type { ChannelId, WrittenChannel } from '../protocol/ids.ts';

/** What one session remembers of channels beyond what is un-acknowledged. Most sessions have nothing to remember and no such object. */
export class ChannelNotes {
  readonly #channelsMax: number;
  /** Channels that the device wrote in another form than ours. */
  readonly #spellings = new Map<ChannelId, string>();
  /** Channels unregistered in this session: an update already on its way must not follow the reply. */
  readonly #unregistered = new Set<ChannelId>();

  /** `channelsMax` bounds each of the two lists; beyond it the oldest note goes. */
  constructor(channelsMax: number) {
    this.#channelsMax = channelsMax;
  }

  isUnregistered(channelId: ChannelId): boolean {
    return this.#unregistered.has(channelId);
  }

  /** From now on nothing of the channel goes out. An evicted note was made long ago: nothing of it is under way any more. */
  unregister(channelId: ChannelId): void {
    this.#unregistered.add(channelId);
    if (this.#unregistered.size > this.#channelsMax) deleteOldest(this.#unregistered);
  }

  /** The channel was registered again. */
  takeBack(channelId: ChannelId): void {
    this.#unregistered.delete(channelId);
  }

  spell({ channelId, written }: WrittenChannel): void {
    // Deleted first, so that the order of the map is the order of the notes.
    this.#spellings.delete(channelId);
    if (written === channelId) return;
    this.#spellings.set(channelId, written);
    if (this.#spellings.size > this.#channelsMax) deleteOldest(this.#spellings);
  }

  writtenOf(channelId: ChannelId): string {
    return this.#spellings.get(channelId) ?? channelId;
  }
}

/** How the device wrote the channel; our own form when it never said. */
export function writtenOf(notes: ChannelNotes | undefined, channelId: ChannelId): string {
  return notes === undefined ? channelId : notes.writtenOf(channelId);
}

function deleteOldest(notes: Set<ChannelId> | Map<ChannelId, string>): void {
  for (const oldest of notes.keys()) {
    notes.delete(oldest);
    return;
  }
}
