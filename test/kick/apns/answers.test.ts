import { expect } from 'chai';
import {
  apnsEffectOf,
  decodeApnsAnswer,
  MEANING_OF_REASON,
  TOKEN_PAUSE_MS,
  toWakeOutcome,
} from '../../../src/kick/apns/answers.ts';
import type { ConnectionEffect } from '../../../src/kick/http2-connection.ts';
import type { WakeOutcome } from '../../../src/kick/provider.ts';
import { type FakeApnsReason, STATUS_OF_REASON } from '../../support/fake-apns/reasons.ts';

const SINCE_MS = 1_790_000_000_000;

type Row = readonly [Omit<WakeOutcome, 'reason'>, ConnectionEffect];

const REFUSED = { kind: 'refused' } as const;
const HALTED = { kind: 'halted' } as const;
const GONE = { kind: 'gone', sinceMs: SINCE_MS } as const;
const DEVICE_LATER = { kind: 'later', scope: 'device' } as const;
const PROVIDER_LATER = { kind: 'later', scope: 'provider' } as const;
const TOKEN_PAUSE = { ...PROVIDER_LATER, retryAfterMs: TOKEN_PAUSE_MS } as const;

/** Of an app that has woken nobody yet; what an app that has does otherwise is below. */
const ROWS: Readonly<Record<FakeApnsReason, Row>> = {
  BadCollapseId: [REFUSED, 'widens'],
  BadDeviceToken: [REFUSED, 'widens'],
  BadExpirationDate: [REFUSED, 'widens'],
  BadMessageId: [REFUSED, 'widens'],
  BadPriority: [REFUSED, 'widens'],
  BadTopic: [HALTED, 'widens'],
  DeviceTokenNotForTopic: [REFUSED, 'widens'],
  DuplicateHeaders: [REFUSED, 'widens'],
  IdleTimeout: [DEVICE_LATER, 'retires'],
  InvalidPushType: [REFUSED, 'widens'],
  MissingDeviceToken: [REFUSED, 'widens'],
  MissingTopic: [REFUSED, 'widens'],
  PayloadEmpty: [REFUSED, 'widens'],
  TopicDisallowed: [HALTED, 'widens'],
  BadCertificate: [HALTED, 'none'],
  BadCertificateEnvironment: [HALTED, 'none'],
  ExpiredProviderToken: [HALTED, 'none'],
  Forbidden: [HALTED, 'none'],
  InvalidProviderToken: [HALTED, 'none'],
  MissingProviderToken: [HALTED, 'none'],
  UnrelatedKeyIdInToken: [HALTED, 'none'],
  BadEnvironmentKeyIdInToken: [HALTED, 'none'],
  BadPath: [REFUSED, 'none'],
  MethodNotAllowed: [REFUSED, 'none'],
  ExpiredToken: [GONE, 'widens'],
  Unregistered: [GONE, 'widens'],
  PayloadTooLarge: [REFUSED, 'widens'],
  TooManyProviderTokenUpdates: [TOKEN_PAUSE, 'none'],
  TooManyRequests: [DEVICE_LATER, 'none'],
  InternalServerError: [DEVICE_LATER, 'none'],
  ServiceUnavailable: [PROVIDER_LATER, 'none'],
  Shutdown: [DEVICE_LATER, 'retires'],
};

/** What nobody documents: unknown words, proxies, strangers. */
const STRANGE: readonly (readonly [number, string, string, Omit<WakeOutcome, 'reason'>])[] = [
  [200, '', 'status 200', { kind: 'woken' }],
  [200, '{"reason":"Unregistered"}', 'status 200', { kind: 'woken' }],
  [204, '', 'status 204', PROVIDER_LATER],
  [301, '<html>', 'status 301', PROVIDER_LATER],
  [400, '{"reason":"SomethingNew"}', 'SomethingNew', REFUSED],
  [400, '{"reason":"constructor"}', 'constructor', REFUSED],
  [400, '{"reason":17}', 'status 400', REFUSED],
  [400, `{"reason":"${'a1'.repeat(32)}"}`, 'status 400', REFUSED],
  [401, '', 'status 401', HALTED],
  [403, '{"reason":"SomethingNew"}', 'SomethingNew', HALTED],
  [404, '<html>', 'status 404', REFUSED],
  [405, '', 'status 405', REFUSED],
  [407, '', 'status 407', HALTED],
  [410, 'gone', 'status 410', REFUSED],
  [410, '{"reason":"SomethingNew"}', 'SomethingNew', { kind: 'gone' }],
  [410, '{"reason":"Unregistered"}', 'Unregistered', { kind: 'gone' }],
  [410, '{"reason":"Unregistered","timestamp":1790000000}', 'Unregistered', { kind: 'gone' }],
  [410, '{"reason":"Unregistered","timestamp":"now"}', 'Unregistered', { kind: 'gone' }],
  [413, '', 'status 413', REFUSED],
  [429, '', 'status 429', DEVICE_LATER],
  [500, 'null', 'status 500', PROVIDER_LATER],
  [502, '<html>bad gateway</html>', 'status 502', PROVIDER_LATER],
  [503, '{"reason":', 'status 503', PROVIDER_LATER],
];

describe('the answers of APNs', () => {
  it('are all in the table', () => {
    expect(Object.keys(MEANING_OF_REASON)).to.have.members(Object.keys(STATUS_OF_REASON));
  });

  for (const [reason, [outcome, effect]] of Object.entries(ROWS) as [FakeApnsReason, Row][]) {
    it(`take ${reason} for ${nameOf(outcome)}`, () => {
      const timestamp = outcome.kind === 'gone' ? SINCE_MS : undefined;
      const body = JSON.stringify({ reason, timestamp });
      const answer = { status: STATUS_OF_REASON[reason], headers: {}, body };
      const decoded = decodeApnsAnswer(answer);
      expect(toWakeOutcome(decoded, { isProven: false })).to.deep.equal({ ...outcome, reason });
      expect(apnsEffectOf(answer)).to.equal(effect);
    });
  }

  for (const reason of ['BadDeviceToken', 'DeviceTokenNotForTopic']) {
    it(`take ${reason} for gone once the app has woken somebody`, () => {
      const answer = { status: 400, headers: {}, body: JSON.stringify({ reason }) };
      const outcome = toWakeOutcome(decodeApnsAnswer(answer), { isProven: true });
      expect(outcome).to.deep.equal({ kind: 'gone', reason });
    });
  }

  for (const [status, body, reason, outcome] of STRANGE) {
    it(`take ${status} with ${body || 'nothing'} for ${nameOf(outcome)}`, () => {
      const decoded = decodeApnsAnswer({ status, headers: {}, body });
      expect(decoded.reason).to.equal(reason);
      const expected = outcome.kind === 'woken' ? outcome : { ...outcome, reason };
      expect(toWakeOutcome(decoded, { isProven: true })).to.deep.equal(expected);
    });
  }
});

function nameOf(outcome: Omit<WakeOutcome, 'reason'>): string {
  return 'scope' in outcome ? `${outcome.kind} (${String(outcome.scope)})` : outcome.kind;
}
