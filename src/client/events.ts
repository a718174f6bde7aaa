/** What a device tells the program it runs in. */
import type { ChannelId, DeviceId } from '../protocol/ids.ts';
import type { Update } from './codec.ts';
import type { Loss, StopReason } from './loss.ts';

export type DeviceState =
  /** Neither connected nor about to be, until connect() is called. */
  | { readonly kind: 'closed'; readonly why: 'not-connected-yet' | 'asked-to' | StopReason }
  | { readonly kind: 'connecting'; readonly url: string }
  /** The server has answered hello. */
  | { readonly kind: 'open'; readonly url: string }
  /** The connection was lost and will be tried again; connect() tries at once. */
  | { readonly kind: 'waiting'; readonly retryInMs: number; readonly loss: Loss };

/** Something went wrong that the device goes on without. */
export type Problem =
  /** The update was not acknowledged and will come again. */
  | { readonly kind: 'listener-threw'; readonly update: Update; readonly error: unknown }
  /** More updates than may wait for the listener: those not taken will come again. */
  | { readonly kind: 'updates-not-taken'; readonly count: number }
  /** Parts of a notification that could not be read. */
  | { readonly kind: 'elements-skipped'; readonly count: number }
  /** The server refused a request. For a channel the device had before: asked again on the next connection. */
  | {
      readonly kind: 'request-refused';
      readonly channelId: ChannelId | undefined;
      readonly status: number;
      readonly reason: string;
    }
  /** The device cannot be woken while it is not connected. */
  | { readonly kind: 'kick-target-refused'; readonly reason: string };

export type DeviceEvent =
  | { readonly type: 'state'; readonly state: DeviceState }
  /** Also when the device registered the channel again by itself: the endpoint may be another one then. */
  | { readonly type: 'registered'; readonly channelId: ChannelId; readonly endpoint: string }
  /** The server had forgotten these channels; each is being registered again. */
  | { readonly type: 'expired'; readonly channelIds: readonly ChannelId[] }
  /** The server knows the device under another id now: all endpoints are void, all channels are being registered again. */
  | { readonly type: 'reset'; readonly deviceId: DeviceId }
  /** `memory` is another one now: the moment to save it. */
  | { readonly type: 'memory' }
  | { readonly type: 'problem'; readonly problem: Problem };

export type Emit = (event: DeviceEvent) => void;

/**
 * Hands events to `listener` in order, soon but never from inside the call that caused them, so that a listener may call the device.
 * What a listener throws is dropped: there is no one left to tell.
 */
export function createEmit(listener: (event: DeviceEvent) => void): Emit {
  return (event) =>
    queueMicrotask(() => {
      try {
        listener(event);
      } catch {
        // Thrown from here, it would end a Node process; the device promises not to.
      }
    });
}
