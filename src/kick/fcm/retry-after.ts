/** A provider that asks for more is asked again after this: an hour, in which it may have changed its mind. */
export const RETRY_AFTER_MS_MAX = 3_600_000;
/** A provider that says "at once" is not asked at once by everybody. */
export const RETRY_AFTER_MS_MIN = 1000;

const SECONDS = /^[0-9]{1,10}$/;

/**
 * Reads Retry-After (RFC 9110, section 10.2.3), seconds or a date, within the two bounds above; undefined when it is absent or neither.
 * `nowMs`: since the epoch, for dates; a date that is past asks for the least.
 */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const trimmed = text.trim();
  const waitMs = SECONDS.test(trimmed) ? Number(trimmed) * 1000 : dateMs(trimmed) - nowMs;
  if (Number.isNaN(waitMs)) return undefined;
  return Math.min(Math.max(waitMs, RETRY_AFTER_MS_MIN), RETRY_AFTER_MS_MAX);
}

const HTTP_DATE = /^[A-Z][a-z]+,? .*\d/;

/** Since the epoch; NaN when it is no date. Date.parse alone would take "-1" for a year. */
function dateMs(text: string): number {
  return HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
}
