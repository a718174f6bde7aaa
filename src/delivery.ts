/**
 * The one use case: what an app server PUT becomes a version in the store and, if the device is here, a notification.
 *
 * The order is the promise. Stored first: from then on nothing that follows can lose the update, neither a kill nor a dead socket,
 * because the device is sent at its next hello whatever it has not acknowledged. Looked up after it was stored: a device that says hello
 * meanwhile has joined the registry before it reads the store, so either it reads this version or it is found here. Looked up
 * first, an update could be stored just after the device read and told to nobody.
 */
import { unreachable } from './assert.ts';
import type { DeviceId } from './protocol/ids.ts';
import type { LiveOutcome, Update } from './protocol/messages.ts';
import { type Store, StoreUnavailableError } from './storage/store.ts';

/** A device's session on this node, as far as delivery knows it. */
export interface LiveSession {
  deliver(update: Update): LiveOutcome;
}

/** Whether a rejection of `Deliver` means that the store failed, and not that we did. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof StoreUnavailableError;
}

export interface DeliveryDeps {
  readonly store: Pick<Store, 'putUpdate'>;
  readonly findSession: (deviceId: DeviceId) => LiveSession | undefined;
}

export type DeliveryOutcome =
  /** Stored, and written to the device's socket. */
  | 'delivered'
  /** Stored; it goes out at the next hello. */
  | 'stored'
  /** The channel takes no more updates. */
  | 'gone'
  /** Nothing keeps it and nobody took it: nothing was accepted. */
  | 'unkept';

/** @throws StoreUnavailableError: nothing was accepted; the app server is told to try again. */
export type Deliver = (deviceId: DeviceId, update: Update) => Promise<DeliveryOutcome>;

/** One per process; the function it makes may run any number of times at once. */
export function createDelivery({ store, findSession }: DeliveryDeps): Deliver {
  return (deviceId, update) =>
    store.putUpdate(deviceId, update.channelId, update.version).then((put) => {
      switch (put) {
        case 'gone':
          return 'gone';
        case 'unkept':
          return live(findSession(deviceId), update, 'unkept');
        // A version that is not the highest is sent all the same: storing and sending are two questions (protocol.md, "Updates").
        case 'stored':
        case 'stale':
          return live(findSession(deviceId), update, 'stored');
        default:
          return unreachable(put);
      }
    });
}

function live(
  session: LiveSession | undefined,
  update: Update,
  otherwise: 'stored' | 'unkept',
): DeliveryOutcome {
  if (session === undefined) return otherwise;
  const outcome = session.deliver(update);
  switch (outcome) {
    case 'sent':
      return 'delivered';
    case 'later':
      return otherwise;
    case 'unregistered':
      return 'gone';
    default:
      return unreachable(outcome);
  }
}
