/** How fast a server may be asked that says "nothing new" without holding the answer back: mostly, the device itself is asking it too. */

/** Ceiling of the first wait; it doubles with each answer in a row that came too soon. */
export const TOO_SOON_MIN_MS = 2_000;
/** Ceiling of every such wait. */
export const TOO_SOON_MAX_MS = 600_000;
/** An answer is too soon before this part of the time that the server was asked to hold it back. */
const TOO_SOON_PART = 1 / 4;
/** Doubling more often changes nothing. */
const DOUBLINGS_MAX = 30;

/** Whether a "nothing new" after `tookMs` was none that the server had waited for. */
export function isTooSoon(tookMs: number, responseTimeoutMs: number): boolean {
  return tookMs < responseTimeoutMs * TOO_SOON_PART;
}

/** How long to wait after the `inRow`th answer too soon. `random` gives 0 to 1, 1 excluded. */
export function tooSoonWaitMs(inRow: number, random: () => number): number {
  const ceilingMs = TOO_SOON_MIN_MS * 2 ** Math.min(inRow - 1, DOUBLINGS_MAX);
  return Math.floor(random() * Math.min(ceilingMs, TOO_SOON_MAX_MS));
}
