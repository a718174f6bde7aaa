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
