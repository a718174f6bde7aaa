import type { Clock } from '../../clock.ts';
import { addressBytes, type Origin, originOf } from '../../origin.ts';
import { TokenBucket } from '../../token-bucket.ts';

/** A rate for each address, and a bound on how many addresses are remembered. */
export interface ThrottleLimits {
  /** Requests of one address in one minute. */
  readonly perMinute: number;
  /** Addresses that are remembered; beyond it the one that was seen longest ago is forgotten, and begins anew. */
  readonly addressesMax: number;
}

const SECONDS_PER_MINUTE = 60;

/**
 * One bucket for each address, a /64 of IPv6 being one, which fills by `perMinute` in a minute up to as many. Answers 0, when the
 * request may pass, or how many milliseconds to wait for the next.
 */
export function createThrottle(
  { perMinute, addressesMax }: ThrottleLimits,
  clock: Clock,
): (address: string) => number {
  // In order of the last request: a Map keeps the order of insertion.
  const buckets = new Map<Origin, TokenBucket>();
  const rate = { perSecond: perMinute / SECONDS_PER_MINUTE, tokensMax: perMinute };
  return (address) => {
    const origin = originOf(addressBytes(address));
    const bucket = buckets.get(origin) ?? new TokenBucket(clock, rate);
    buckets.delete(origin);
    buckets.set(origin, bucket);
    if (buckets.size > addressesMax) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    const waitMs = bucket.waitMs();
    if (waitMs === 0) bucket.take(1);
    return waitMs;
  };
}

/**
 * Whose request it is: the peer, or, when the peer is a proxy of ours, the rightmost address in X-Forwarded-For that is none. What
 * stands further left was written by whoever asks.
 */
export function addressOf(
  peer: string,
  forwardedFor: string,
  isTrustedProxy: (address: string) => boolean,
): string {
  const hops = [...forwardedFor.split(',').map((hop) => hop.trim()), peer].filter(
    (hop) => hop !== '',
  );
  const stranger = hops.findLast((hop) => !isTrustedProxy(hop));
  return stranger ?? peer;
}
