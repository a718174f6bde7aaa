import type { Clock } from '../clock.ts';

/** Answers whether one more may pass within the current second. One number and one second: it costs nothing per caller. */
export function createRateLimit(clock: Clock, perSecondMax: number): () => boolean {
  let second = 0;
  let passed = 0;
  return () => {
    const now = Math.floor(clock.monotonicMs() / 1000);
    if (now !== second) {
      second = now;
      passed = 0;
    }
    passed++;
    return passed <= perSecondMax;
  };
}
