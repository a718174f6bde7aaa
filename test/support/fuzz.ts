import type { Parameters } from 'fast-check';

/** How often a property is tried: enough to find a slip in a second, and fifty times that with `npm test -- --long`. */
export const FUZZ: Parameters<unknown> = {
  numRuns: process.env['REVEILLE_TEST_LONG'] === '1' ? 100_000 : 2_000,
};
