/**
 * What APNs answers, and what each answer means. The table is Apple's list of error reasons ("Handling notification responses from
 * APNs"), one row each; test/kick/apns/answers.test.ts holds every row.
 */
import { unreachable } from '../../assert.ts';
import type { ConnectionEffect } from '../http2-connection.ts';
import type { Http2Answer } from '../http2-exchange.ts';
import type { WakeOutcome } from '../provider.ts';

/** What an answer means, before it is known which app and device it is about. */
export type ApnsMeaning =
  | 'woken'
  | 'gone'
  /**
   * The token is wrong for this app. A host of the wrong environment, or a wrong topic, says the same of every device of an app, so
   * it is believed only of an app that has woken another device since the start.
   */
  | 'mismatched'
  /** This wake later; the others meanwhile. */
  | 'deviceLater'
  | 'providerLater'
  /** Apple allows one new provider token in 20 minutes, and was given more. */
  | 'tokenPause'
  /** The provider token is too old: a new one, and once more. */
  | 'tokenExpired'
  | 'refused'
  | 'halted';

export interface ApnsAnswer {
  readonly status: number;
  /** Apple's word; `status 502` for an answer that is not Apple's. */
  readonly reason: string;
  readonly meaning: ApnsMeaning;
  /** Since when the token is dead, where Apple says so. */
  readonly sinceMs?: number;
}

/** Every reason that Apple documents. */
export const MEANING_OF_REASON = {
  BadCollapseId: 'refused',
  BadDeviceToken: 'mismatched',
  BadExpirationDate: 'refused',
  BadMessageId: 'refused',
  BadPriority: 'refused',
  BadTopic: 'halted',
  DeviceTokenNotForTopic: 'mismatched',
  DuplicateHeaders: 'refused',
  IdleTimeout: 'deviceLater',
  InvalidPushType: 'refused',
  MissingDeviceToken: 'refused',
  MissingTopic: 'refused',
  PayloadEmpty: 'refused',
  TopicDisallowed: 'halted',
  BadCertificate: 'halted',
  BadCertificateEnvironment: 'halted',
  ExpiredProviderToken: 'tokenExpired',
  Forbidden: 'halted',
  InvalidProviderToken: 'halted',
  MissingProviderToken: 'halted',
  UnrelatedKeyIdInToken: 'halted',
  BadEnvironmentKeyIdInToken: 'halted',
  BadPath: 'refused',
  MethodNotAllowed: 'refused',
  ExpiredToken: 'gone',
  Unregistered: 'gone',
  PayloadTooLarge: 'refused',
  TooManyProviderTokenUpdates: 'tokenPause',
  TooManyRequests: 'deviceLater',
  InternalServerError: 'deviceLater',
  ServiceUnavailable: 'providerLater',
  // Of the one machine that we are connected to.
  Shutdown: 'deviceLater',
} as const satisfies Readonly<Record<string, ApnsMeaning>>;

/** Tells that this connection is finished, whatever became of the request. */
const RETIRING_REASONS: ReadonlySet<string> = new Set(['IdleTimeout', 'Shutdown']);
/** Apple gives these only to who has shown a good provider token. */
const AUTHENTICATED_STATUSES: ReadonlySet<number> = new Set([200, 400, 410, 413]);
/** Half of the 20 minutes in which Apple allows no second token: it may have come from another process. */
export const TOKEN_PAUSE_MS = 600_000;
/** Apple's words are shorter; whatever else comes is not repeated in logs. */
const REASON = /^[A-Za-z]{1,64}$/;
/** 2000-01-01: a time before it is in seconds, or none. */
const SINCE_MS_MIN = 946_684_800_000;

/** Reads an answer, also one that a proxy or a stranger gave. Never throws. */
export function decodeApnsAnswer({ status, body }: Http2Answer): ApnsAnswer {
  const { reason, timestamp } = status === 200 ? {} : membersOf(body);
  const isReason = typeof reason === 'string' && REASON.test(reason);
  const hasSince = typeof timestamp === 'number' && timestamp >= SINCE_MS_MIN;
  return {
    status,
    reason: isReason ? reason : `status ${status}`,
    meaning: meaningOf(status, isReason ? reason : undefined),
    ...(hasSince ? { sinceMs: timestamp } : {}),
  };
}

/** What the answer means for its connection: proven credentials allow more than one stream. */
export function apnsEffectOf(answer: Http2Answer): ConnectionEffect {
  const { status, reason } = decodeApnsAnswer(answer);
  if (RETIRING_REASONS.has(reason)) return 'retires';
  return AUTHENTICATED_STATUSES.has(status) ? 'widens' : 'none';
}

/** `isProven`: this app has woken a device since the start. */
export function toWakeOutcome(
  { meaning, reason, sinceMs }: ApnsAnswer,
  { isProven }: { readonly isProven: boolean },
): WakeOutcome {
  switch (meaning) {
    case 'woken':
      return { kind: 'woken' };
    case 'gone':
      return sinceMs === undefined ? { kind: 'gone', reason } : { kind: 'gone', sinceMs, reason };
    case 'mismatched':
      return isProven ? { kind: 'gone', reason } : { kind: 'refused', reason };
    case 'deviceLater':
      return { kind: 'later', scope: 'device', reason };
    case 'providerLater':
      return { kind: 'later', scope: 'provider', reason };
    case 'tokenPause':
      return { kind: 'later', scope: 'provider', retryAfterMs: TOKEN_PAUSE_MS, reason };
    case 'refused':
      return { kind: 'refused', reason };
    case 'tokenExpired':
    case 'halted':
      return { kind: 'halted', reason };
    default:
      return unreachable(meaning);
  }
}

function meaningOf(status: number, reason: string | undefined): ApnsMeaning {
  if (status === 200) return 'woken';
  if (reason !== undefined && isKnown(reason)) return MEANING_OF_REASON[reason];
  switch (status) {
    case 400:
    case 404:
    case 405:
    case 413:
      return 'refused';
    // Without Apple's own words it may be anybody's 410, and a target is not deleted on hearsay.
    case 410:
      return reason === undefined ? 'refused' : 'gone';
    case 401:
    case 403:
    case 407:
      return 'halted';
    case 429:
      return 'deviceLater';
    default:
      return 'providerLater';
  }
}

function isKnown(reason: string): reason is keyof typeof MEANING_OF_REASON {
  return Object.hasOwn(MEANING_OF_REASON, reason);
}

function membersOf(body: string): { readonly reason?: unknown; readonly timestamp?: unknown } {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    // Not Apple's; the status alone speaks.
    return {};
  }
}
