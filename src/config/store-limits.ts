import type { Config } from './schema.ts';

const DAY_MS = 86_400_000;

/** The bounds that every driver enforces, in the store's own units: its StoreLimits, which config/ does not import. */
export function storeLimitsOf({ storage }: Config) {
  return {
    channelsPerDeviceMax: storage.channelsPerDeviceMax,
    channelTtlMs: storage.channelTtlDays * DAY_MS,
    updateTtlMs: storage.updateTtlDays * DAY_MS,
    goneTtlMs: storage.goneTtlDays * DAY_MS,
  };
}
