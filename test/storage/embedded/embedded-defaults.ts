import { TEST_LIMITS } from '../store-fixtures.ts';

/** What most tests of the embedded store open it with. */
export const EMBEDDED_DEFAULTS = {
  limits: TEST_LIMITS,
  mapBytesMax: 2 ** 30,
  queuedOperationsMax: 10_000,
  sweepIntervalMs: 1000,
} as const;
