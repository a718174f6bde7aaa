import type { ChannelId, Version } from '../protocol/ids.ts';

/** What one session was sent of one channel and has not acknowledged. */
export interface Sent {
  readonly channelId: ChannelId;
  /** What an ack without a version means. */
  readonly last: Version;
  /** An ack of this or more settles the channel. A lower version may have been sent after it. */
  readonly highest: Version;
  /** Monotonic; when the channel was last sent. */
  readonly sentAtMs: number;
  /** One of them was sent as its PUT came, and not from the store: nobody was kicked for it. */
  readonly isLive: boolean;
}

/**
 * The un-acknowledged updates of one session: a plain list, because a device rarely has more than one or two, and at most
 * `channels_per_device_max`. Pure functions over it; an idle session shares NOTHING_UNACKED and owns no memory for it.
 */
export const NOTHING_UNACKED: readonly Sent[] = Object.freeze([]);

/** The list after `version` of a channel went out. */
export function withSent(
  unacked: readonly Sent[],
  sent: Pick<Sent, 'channelId' | 'sentAtMs' | 'isLive'> & { readonly version: Version },
): readonly Sent[] {
  const { channelId, version, sentAtMs, isLive } = sent;
  if (unacked.length === 0) {
    return [{ channelId, last: version, highest: version, sentAtMs, isLive }];
  }
  const before = sentOf(unacked, channelId);
  const highest = before !== undefined && before.highest > version ? before.highest : version;
  const entry: Sent = {
    channelId,
    last: version,
    highest,
    sentAtMs,
    isLive: isLive || before?.isLive === true,
  };
  return before === undefined
    ? [...unacked, entry]
    : unacked.map((other) => (other === before ? entry : other));
}

/** The list after an ack of `version`; the channel stays while a higher version that was sent is still open. */
export function withoutAcked(
  unacked: readonly Sent[],
  channelId: ChannelId,
  version: Version,
): readonly Sent[] {
  const entry = sentOf(unacked, channelId);
  if (entry === undefined || entry.highest > version) return unacked;
  return unacked.length === 1 ? NOTHING_UNACKED : unacked.filter((other) => other !== entry);
}

/** The list without a channel that was unregistered. */
export function withoutChannel(unacked: readonly Sent[], channelId: ChannelId): readonly Sent[] {
  const rest = unacked.filter((entry) => entry.channelId !== channelId);
  return rest.length === 0 ? NOTHING_UNACKED : rest;
}

/** What of the channel is un-acknowledged; undefined when nothing is. */
export function sentOf(unacked: readonly Sent[], channelId: ChannelId): Sent | undefined {
  for (const entry of unacked) if (entry.channelId === channelId) return entry;
  return undefined;
}
