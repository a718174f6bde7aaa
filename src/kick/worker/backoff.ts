/** Bounds of a wait that grows with each failure. */
export interface BackoffBounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The longest wait after `failures` earlier ones: twice the last, up to the cap. */
export function backoffCeilingMs({ minMs, maxMs }: BackoffBounds, failures: number): number {
  return Math.min(maxMs, minMs * 2 ** failures);
}

/**
 * A wait with full jitter: any part of the ceiling, so that what failed together does not come back together. `random` gives numbers from
 * 0 to less than 1. At least 1 ms.
 */
export function backoffMs(bounds: BackoffBounds, failures: number, random: () => number): number {
  return Math.max(1, Math.ceil(random() * backoffCeilingMs(bounds, failures)));
}
