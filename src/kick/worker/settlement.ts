import { unreachable } from '../../assert.ts';
import type { LeasedKick } from '../../queue/queue.ts';
import { type KickQueue, QueueUnavailableError } from '../../queue/queue.ts';
import type { KickMetrics, RetryCause, SkipReason } from '../kick-metrics.ts';

/** Entries of one device that were leased together. */
export interface DeviceKicks {
  /** The one stored last. It stands for the others: whoever looks at the store because of it sees what was stored before, too. */
  readonly newest: LeasedKick;
  readonly others: readonly LeasedKick[];
}

/** What becomes of the entries. */
export type Settlement =
  /** The device was woken, or was skipped for a reason. */
  | { readonly kind: 'done'; readonly as: 'woken' | 'gone' | SkipReason }
  | {
      readonly kind: 'retry';
      readonly delayMs: number;
      readonly isAttempt: boolean;
      readonly cause: RetryCause;
      readonly reason: string;
    }
  | { readonly kind: 'bury'; readonly reason: string };

export interface SettleDeps {
  readonly queue: Pick<KickQueue, 'done' | 'retryLater' | 'bury'>;
  readonly attemptsMax: number;
  readonly metrics: KickMetrics;
  /** An entry was given up. */
  readonly onBuried: (kick: LeasedKick, reason: string) => void;
}

/**
 * Tells the queue. The newest entry first: only when its place is certain are the others done, so a crash in between leaves an entry too
 * many and never one too few.
 *
 * Why the others may be done: with a wake-up of this device that the provider has taken, because all of them had been leased, hence their
 * updates stored, before it was sent, and the device fetches everything at its hello; with a skip, because it holds for the newest, whose
 * update was stored last; with a retry or a dead letter, because the newest leads to a later look at the store.
 *
 * @throws QueueUnavailableError when an entry could not be settled; it comes back when its lease ends.
 */
export async function settle(
  { newest, others }: DeviceKicks,
  settlement: Settlement,
  deps: SettleDeps,
): Promise<void> {
  await settleNewest(newest, settlement, deps);
  await allOf(others.map((other) => deps.queue.done(other)));
  deps.metrics.skips.coalesced.count += others.length;
}

async function settleNewest(
  kick: LeasedKick,
  settlement: Settlement,
  { queue, attemptsMax, metrics, onBuried }: SettleDeps,
): Promise<void> {
  const bury = async (reason: string) => {
    await queue.bury(kick, reason);
    metrics.buried.count++;
    onBuried(kick, reason);
  };
  switch (settlement.kind) {
    case 'done':
      await queue.done(kick);
      // What was asked of the provider is counted by its outcome.
      if (settlement.as !== 'woken' && settlement.as !== 'gone')
        metrics.skips[settlement.as].count++;
      return;
    case 'retry': {
      const { delayMs, isAttempt, cause, reason } = settlement;
      if (isAttempt && kick.attempts + 1 >= attemptsMax) return bury(reason);
      await queue.retryLater(kick, { delayMs, isAttempt, reason });
      metrics.retries[cause].count++;
      return;
    }
    case 'bury':
      return bury(settlement.reason);
    default:
      unreachable(settlement);
  }
}

/** Waits for all, also when one fails, so that nothing is left running behind the caller's back. */
async function allOf(calls: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(calls);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed === undefined) return;
  throw failed.reason instanceof Error
    ? failed.reason
    : new QueueUnavailableError('the queue failed', { cause: failed.reason });
}

/** The entries by device, each device's newest apart. */
export function byDevice(leased: readonly LeasedKick[]): readonly DeviceKicks[] {
  const groups = new Map<string, DeviceKicks>();
  for (const kick of leased) {
    const group = groups.get(kick.deviceId);
    if (group === undefined) groups.set(kick.deviceId, { newest: kick, others: [] });
    else groups.set(kick.deviceId, joined(group, kick));
  }
  return [...groups.values()];
}

function joined({ newest, others }: DeviceKicks, kick: LeasedKick): DeviceKicks {
  return kick.storedAtMs >= newest.storedAtMs
    ? { newest: kick, others: [...others, newest] }
    : { newest, others: [...others, kick] };
}
