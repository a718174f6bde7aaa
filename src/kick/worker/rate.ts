import type { Clock } from '../../clock.ts';
import { TokenBucket } from '../../token-bucket.ts';

/** What may go at once after a silence, as a part of a second's worth: more would be a burst that the provider sees as one. */
const BURST_SECONDS = 0.1;

/** Lets so many things through in a second, evenly. */
export function createRate(perSecond: number, clock: Pick<Clock, 'monotonicMs'>): TokenBucket {
  return new TokenBucket(clock, { perSecond, tokensMax: Math.max(1, perSecond * BURST_SECONDS) });
}
