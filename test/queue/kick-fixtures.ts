/** Kicks, and ways to ask a queue for them. */
import type { Kick, KickQueue, LeasedKick } from '../../src/queue/queue.ts';
import { newChannel, newDevice, version } from '../storage/store-fixtures.ts';

const STORED_AT_MS = 1_800_000_000_000;
/** Longest wait for an entry that should come at once. */
const COMING_MS_MAX = 10_000;

/** A kick of a device and channel that no other test knows. */
export function newKick(fields: Partial<Kick> = {}): Kick {
  return {
    deviceId: newDevice(),
    channelId: newChannel(),
    version: version(1),
    storedAtMs: STORED_AT_MS,
    ...fields,
  };
}

/** What the queue has now: no wait. */
export function leaseNow(queue: KickQueue, max = 10): Promise<readonly LeasedKick[]> {
  return queue.lease({ max, waitMs: 0, signal: new AbortController().signal });
}

/** The next entry; waits for it. */
export async function leaseNext(queue: KickQueue): Promise<LeasedKick> {
  const signal = new AbortController().signal;
  const [kick] = await queue.lease({ max: 1, waitMs: COMING_MS_MAX, signal });
  if (kick === undefined) throw new Error(`no entry came in ${COMING_MS_MAX} ms`);
  return kick;
}

/** An entry without what its queue has added. */
export function kickOf({ deviceId, channelId, version, storedAtMs }: Kick): Kick {
  return { deviceId, channelId, version, storedAtMs };
}

/** What a promise comes to: its value, or its error. */
export function outcomeOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error);
}
