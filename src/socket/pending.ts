import type { WrittenChannel } from '../protocol/ids.ts';
import type { Update } from '../protocol/messages.ts';
import type { DeviceView, HeldChannel } from '../storage/store.ts';

const NONE: readonly HeldChannel[] = [];

/** The held channels of a view; none of a device that nothing is known of. */
export function heldChannels(view: DeviceView): readonly HeldChannel[] {
  return view.kind === 'known' ? view.channels : NONE;
}

/** What is pending, oldest first. */
export function pendingOf(channels: readonly HeldChannel[]): readonly Update[] {
  return channels
    .flatMap(({ channelId, pending }) => (pending ? [{ channelId, ...pending }] : []))
    .sort((one, other) => one.storedAtMs - other.storedAtMs)
    .map(({ channelId, version }) => ({ channelId, version }));
}

/** Those of the listed channels that are not held, as the device wrote them: it registers them anew. */
export function notHeld(
  listed: readonly WrittenChannel[],
  held: readonly HeldChannel[],
): readonly string[] {
  const heldIds = new Set(held.map(({ channelId }) => channelId));
  return listed.filter(({ channelId }) => !heldIds.has(channelId)).map(({ written }) => written);
}
