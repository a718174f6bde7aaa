import type { StoreLimits } from '../storage/store.ts';
import type { Config } from './schema.ts';

const DAY_MS = 86_400_000;

/** The bounds of the store, in the store's own units. */
export function storeLimitsOf({ storage }: Config): StoreLimits {
  return {
    channelsPerDeviceMax: storage.channelsPerDeviceMax,
    channelTtlMs: storage.channelTtlDays * DAY_MS,
    updateTtlMs: storage.updateTtlDays * DAY_MS,
    goneTtlMs: storage.goneTtlDays * DAY_MS,
  };
}
