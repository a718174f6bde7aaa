/** Ceiling of the first wait before a device connects again; it doubles with each attempt. */
export const BACKOFF_FIRST_MS_MAX = 2_000;

/** Ceiling of every later wait: an outage is over for its last device five minutes after it ended. */
export const BACKOFF_MS_MAX = 300_000;

/**
 * How long to wait before attempt number `attempt` (0 is the first): "full jitter", a random part of a ceiling that doubles, so that
 * devices which lost their server together do not come back together. `random` gives 0 to 1, 1 excluded.
 */
export function backoffMs(wait: {
  readonly attempt: number;
  readonly atLeastMs: number;
  readonly random: () => number;
}): number {
  const ceilingMs = Math.min(BACKOFF_MS_MAX, BACKOFF_FIRST_MS_MAX * 2 ** wait.attempt);
  return Math.min(BACKOFF_MS_MAX, wait.atLeastMs + Math.floor(wait.random() * ceilingMs));
}
