/**
 * The one use case: what an app server PUT becomes a version in the store and, if the device is here, a notification; if it is not,
 * and gave a kick target, a kick in the queue of its provider.
 *
 * The order is the promise. Stored first: from then on nothing that follows can lose the update, neither a kill nor a dead socket,
 * because the device is sent at its next hello whatever it has not acknowledged. Looked up after it was stored: a device that says hello
 * meanwhile has joined the registry before it reads the store, so either it reads this version or it is found here. Looked up
 * first, an update could be stored just after the device read and told to nobody. Kicked last: the kick role asks the store what is
 * pending, and one that came before its update would find nothing and be done. A queue that does not take the kick fails the PUT
 * though its update is stored: the app server tries again, and is kicked for a version that is pending already, as for any other.
 */
import { unreachable } from './assert.ts';
import type { Clock } from './clock.ts';
import type { Metrics } from './metrics.ts';
import type { KickTarget } from './protocol/connect.ts';
import type { DeviceId } from './protocol/ids.ts';
import type { LiveOutcome, Update } from './protocol/messages.ts';
import { type KickQueue, QueueUnavailableError } from './queue/queue.ts';
import { type Store, StoreUnavailableError } from './storage/store.ts';

/** A device's session on this node, as far as delivery knows it. */
export interface LiveSession {
  deliver(update: Update): LiveOutcome;
}

/** Whether a rejection of `Deliver` means that the store failed, and not that we did. */
export function isStoreFailure(error: unknown): boolean {
  return error instanceof StoreUnavailableError;
}

/** Whether a rejection of `Deliver` means that a queue took no kick. */
export function isQueueFailure(error: unknown): boolean {
  return error instanceof QueueUnavailableError;
}

/** The queues of the providers that the config enables; a device with another target waits for its next hello. */
export type KickQueues = Readonly<Partial<Record<KickTarget['type'], Pick<KickQueue, 'enqueue'>>>>;

export interface KickerDeps {
  readonly store: Pick<Store, 'readTargetType'>;
  readonly kickQueues: KickQueues;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly metrics: Pick<Metrics, 'kicksQueued' | 'kicksCollapsed' | 'kicksRefused'>;
}

/**
 * Puts the kick of an update, which is stored by now and which no session has, into the queue of the device's provider. A device that
 * cannot be kicked is left alone. Resolves to whether a kick of the device is in the queue.
 * @throws StoreUnavailableError or QueueUnavailableError
 */
export type KickDevice = (deviceId: DeviceId, update: Update) => Promise<boolean>;

export interface DeliveryDeps {
  readonly store: Pick<Store, 'putUpdate'>;
  readonly findSession: (deviceId: DeviceId) => LiveSession | undefined;
  /** Undefined where nobody is kicked. */
  readonly kick: KickDevice | undefined;
}

export type DeliveryOutcome =
  /** Stored, and written to the device's socket. */
  | 'delivered'
  /** Stored; it goes out at the next hello, and nobody wakes the device for it. */
  | 'stored'
  /** Stored, and the kick that makes the device say hello is in the queue. */
  | 'kicked'
  /** The channel takes no more updates. */
  | 'gone'
  /** Nothing keeps it and nobody took it: nothing was accepted. */
  | 'unkept';

/**
 * @throws StoreUnavailableError or QueueUnavailableError: the app server is told to try again, which it may without harm, whatever
 * was done by then.
 */
export type Deliver = (deviceId: DeviceId, update: Update) => Promise<DeliveryOutcome>;

/** One per process; the function it makes may run any number of times at once. */
export function createDelivery({ store, findSession, kick }: DeliveryDeps): Deliver {
  return (deviceId, update) =>
    store.putUpdate(deviceId, update.channelId, update.version).then((put) => {
      switch (put) {
        case 'gone':
          return 'gone';
        case 'unkept':
          return live(findSession(deviceId), update, 'unkept');
        // A version that is not the highest is sent all the same: storing and sending are two questions (protocol.md, "Updates").
        case 'stored':
        case 'stale': {
          const outcome = live(findSession(deviceId), update, 'stored');
          if (outcome !== 'stored' || kick === undefined) return outcome;
          return kick(deviceId, update).then(outcomeOfKick);
        }
        default:
          return unreachable(put);
      }
    });
}

function outcomeOfKick(isKicked: boolean): DeliveryOutcome {
  return isKicked ? 'kicked' : 'stored';
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

/** Undefined when there is no queue: then nothing is asked of the store either. */
export function createKicker({
  store,
  kickQueues,
  clock,
  metrics,
}: KickerDeps): KickDevice | undefined {
  if (Object.keys(kickQueues).length === 0) return undefined;
  return async (deviceId, { channelId, version }) => {
    // Before the first await: a hello after this moment reads the update.
    const storedAtMs = clock.nowMs();
    const provider = await store.readTargetType(deviceId);
    const queue = provider === undefined ? undefined : kickQueues[provider];
    if (provider === undefined || queue === undefined) return false;
    try {
      const outcome = await queue.enqueue({ deviceId, channelId, version, storedAtMs });
      metrics[outcome === 'queued' ? 'kicksQueued' : 'kicksCollapsed'][provider].count++;
      return true;
    } catch (error) {
      metrics.kicksRefused[provider].count++;
      throw error;
    }
  };
}
