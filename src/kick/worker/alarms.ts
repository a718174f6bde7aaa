/** What the log is told of a worker's troubles: each once when it begins and once when it is over. */
import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { LeasedKick } from '../../queue/queue.ts';
import type { ProviderName } from '../provider.ts';
import { type BreakerOptions, causeOf } from './breaker.ts';
import { Outage } from './outage.ts';
import { createRate } from './rate.ts';

export interface AlarmDeps {
  readonly provider: { readonly name: ProviderName };
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly random: () => number;
  readonly log: Log;
}

/** Dead letters that are logged in a second. */
const BURIED_LINES_PER_SECOND_MAX = 5;

/** For the breaker of a provider. */
export function alarmOfProvider({ provider, log }: AlarmDeps): BreakerOptions['onChange'] {
  const fields = { provider: provider.name };
  return (now, before) => {
    if (now.kind === 'closed') {
      log.info({ ...fields, was: causeOf(before) }, 'kick.provider.recovered');
      return;
    }
    const { cause, reason } = now.trouble;
    switch (cause) {
      case 'halted':
        log.error({ ...fields, reason }, 'kick.provider.halted');
        return;
      case 'failing':
        log.warn({ ...fields, reason }, 'kick.provider.failing');
        return;
      case 'asked':
        log.warn({ ...fields, reason }, 'kick.provider.paused');
        return;
      default:
        unreachable(cause);
    }
  };
}

/** None yet. */
export function queueOutage({ provider, clock, random, log }: AlarmDeps): Outage {
  const fields = { provider: provider.name };
  return new Outage({
    clock,
    random,
    onBegin: (err) => log.error({ ...fields, err }, 'kick.queue.unavailable'),
    onEnd: () => log.info(fields, 'kick.queue.available'),
  });
}

/** None yet. */
export function storeOutage({ provider, clock, random, log }: AlarmDeps): Outage {
  const fields = { provider: provider.name };
  return new Outage({
    clock,
    random,
    onBegin: (err) => log.error({ ...fields, err }, 'kick.store.unavailable'),
    onEnd: () => log.info(fields, 'kick.store.available'),
  });
}

/** For entries that are given up. */
export function alarmOfDead({ provider, clock, log }: AlarmDeps) {
  const lines = createRate(BURIED_LINES_PER_SECOND_MAX, clock);
  return ({ id, deviceId, channelId, attempts }: LeasedKick, reason: string) => {
    if (lines.available() < 1) return;
    lines.take(1);
    const entry = { id, deviceId, channelId, attempts };
    log.warn({ provider: provider.name, ...entry, reason }, 'kick.entry.buried');
  };
}
