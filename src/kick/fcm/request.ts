import type { KickTarget } from '../../protocol/connect.ts';
import type { Wake } from '../provider.ts';

export type FcmTarget = Extract<KickTarget, { type: 'fcm' }>;

/** What all wakes of a provider share. */
export interface FcmMessageRules {
  /** How long Google keeps a wake for a device that is off: 0 to 2,419,200 s (4 weeks). */
  readonly ttlSecs: number;
  /** Of several wakes that wait for a device, Google delivers the last of each key. */
  readonly collapseKey: string;
  /** Whether channel and version go along. */
  readonly sendsUpdate: boolean;
}

/**
 * The body of `messages:send`: data without a notification, so that the app is woken and nothing is shown, and high priority, so
 * that it is woken out of doze.
 *
 * Google allows 4096 bytes for the keys and values of the data. Ours are three names, a UUID and at most 17 digits, less than 100,
 * whatever a device or an app server wrote. What an app server PUT as data is never among them.
 */
export function toFcmRequest(wake: Wake<FcmTarget>, rules: FcmMessageRules): string {
  return JSON.stringify({
    message: {
      token: wake.target.token,
      data: rules.sendsUpdate
        ? { ...MARK, channelID: wake.channelId, version: String(wake.version) }
        : MARK,
      android: {
        priority: 'HIGH',
        ttl: `${rules.ttlSecs}s`,
        collapse_key: rules.collapseKey,
      },
    },
  });
}

/** By this an app tells a wake from its other messages; it says nothing else. */
const MARK = { wake: '1' };

/** No registration token has this form: Google refuses it, after it has looked at the access token and the project. */
const NOBODYS_TOKEN = 'nobody';

/** Asks Google to check everything and to wake nobody. */
export function toFcmCheck(): string {
  return JSON.stringify({ validate_only: true, message: { token: NOBODYS_TOKEN } });
}
