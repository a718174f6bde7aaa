import { type Clock, systemClock } from '../../src/clock.ts';
import { createMemoryStore } from '../../src/storage/memory.ts';
import type { Store, StoreLimits } from '../../src/storage/store.ts';

const DAY_MS = 86_400_000;

/** Room for every test, and days for it. */
const LIMITS: StoreLimits = {
  channelsPerDeviceMax: 200,
  channelTtlMs: DAY_MS,
  updateTtlMs: DAY_MS,
  goneTtlMs: DAY_MS,
};

/** A store in memory for a test that wraps it, fills it or shares it between servers. */
export function openMemoryStore(
  limits: Partial<StoreLimits> = {},
  clock: Clock = systemClock,
): Store {
  return createMemoryStore({ channelsMax: 10_000, limits: { ...LIMITS, ...limits }, clock });
}
