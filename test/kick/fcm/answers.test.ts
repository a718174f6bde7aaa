import { expect } from 'chai';
import { type FcmMeaning, readFcmAnswer } from '../../../src/kick/fcm/answers.ts';
import type { WakeOutcome } from '../../../src/kick/provider.ts';
import {
  type FakeAnswer,
  FCM_ERRORS,
  type FcmErrorName,
  fcmDetail,
  googleError,
  htmlError,
} from '../../support/fake-fcm/errors.ts';

const NOW_MS = Date.parse('2027-01-15T08:00:00Z');
const MAY_NOT_SEND = /may not send messages.*kick\.fcm|kick\.fcm.*may not send messages/;
const WRONG_PROJECT = /no project of the id in kick\.fcm\.service_account_path.*Firebase console/;

function meaningOf({ status, body }: FakeAnswer, retryAfter?: string): FcmMeaning {
  return readFcmAnswer({ status, body, retryAfter }, NOW_MS);
}

function outcomeOf(answer: FakeAnswer, retryAfter?: string): WakeOutcome {
  const meaning = meaningOf(answer, retryAfter);
  if (meaning.kind !== 'settled') throw new Error(`it is ${meaning.kind}`);
  return meaning.outcome;
}

function later(scope: 'device' | 'provider', retryAfterMs: number, reason: string): WakeOutcome {
  return { kind: 'later', scope, retryAfterMs, reason };
}

/** One row or more for each row of answers.ts that settles without a human. */
const outcomes: readonly { title: string; answer: FakeAnswer; outcome: WakeOutcome }[] = [
  {
    title: 'a name: woken',
    answer: { status: 200, body: '{\n  "name": "projects/p/messages/0:1%2"\n}\n' },
    outcome: { kind: 'woken' },
  },
  named('UNREGISTERED', { kind: 'gone', reason: '404 UNREGISTERED NOT_FOUND' }),
  named('INVALID_ARGUMENT', { kind: 'refused', reason: '400 INVALID_ARGUMENT' }),
  named('SENDER_ID_MISMATCH', {
    kind: 'refused',
    reason: '403 SENDER_ID_MISMATCH PERMISSION_DENIED',
  }),
  named('THIRD_PARTY_AUTH_ERROR', {
    kind: 'refused',
    reason: '401 THIRD_PARTY_AUTH_ERROR UNAUTHENTICATED',
  }),
  named('QUOTA_EXCEEDED', later('provider', 60_000, '429 QUOTA_EXCEEDED RESOURCE_EXHAUSTED')),
  named('DEVICE_QUOTA_EXCEEDED', later('device', 60_000, '429 QUOTA_EXCEEDED RESOURCE_EXHAUSTED')),
  named(
    'RATE_LIMIT_EXCEEDED',
    later('provider', 60_000, '429 RATE_LIMIT_EXCEEDED RESOURCE_EXHAUSTED'),
  ),
  named('UNAVAILABLE', later('provider', 10_000, '503 UNAVAILABLE')),
  named('INTERNAL', later('device', 10_000, '500 INTERNAL')),
  named('HTML_408', later('provider', 10_000, '408')),
  named('HTML_502', later('provider', 10_000, '502')),
  named('HTML_504', { kind: 'unanswered', reason: '504' }),
  {
    title: '500 without the word of FCM: later, for this device',
    answer: googleError(500, { word: 'INTERNAL', message: '' }),
    outcome: later('device', 10_000, '500 INTERNAL'),
  },
  {
    title: "500 of somebody else's: later, for all",
    answer: htmlError(500, 'Oops'),
    outcome: later('provider', 10_000, '500'),
  },
  {
    title: '503 without the word of FCM: later',
    answer: htmlError(503, 'Unavailable'),
    outcome: later('provider', 10_000, '503'),
  },
  {
    title: '599: later, like every 5xx',
    answer: { status: 599, body: '' },
    outcome: later('provider', 10_000, '599'),
  },
  {
    title: '400 about a field: refused',
    answer: googleError(400, { word: 'INVALID_ARGUMENT', message: '' }),
    outcome: { kind: 'refused', reason: '400 INVALID_ARGUMENT' },
  },
  {
    title: "400 of somebody else's: later, for nobody has looked at the message",
    answer: htmlError(400, 'Bad Request'),
    outcome: later('provider', 10_000, '400'),
  },
  {
    title: '413: refused',
    answer: htmlError(413, 'Too Large'),
    outcome: { kind: 'refused', reason: '413' },
  },
  {
    title: '429 without a body: later, for all',
    answer: { status: 429, body: '' },
    outcome: later('provider', 60_000, '429'),
  },
  {
    title: 'another 4xx of Google: refused',
    answer: googleError(418, { word: 'UNKNOWN', message: '' }),
    outcome: { kind: 'refused', reason: '418 UNKNOWN' },
  },
  {
    title: "another 4xx of somebody else's: later",
    answer: htmlError(418, 'Teapot'),
    outcome: later('provider', 10_000, '418'),
  },
  {
    title: 'a code of FCM that is not known yet: refused, with 401',
    answer: withCode(401, 'SOMETHING_NEW'),
    outcome: { kind: 'refused', reason: '401 SOMETHING_NEW' },
  },
  {
    title: 'a code of FCM that is not known yet: refused, with 403',
    answer: withCode(403, 'SOMETHING_NEW'),
    outcome: { kind: 'refused', reason: '403 SOMETHING_NEW' },
  },
  {
    title: 'a code of FCM that is not known yet: refused, with 404',
    answer: withCode(404, 'SOMETHING_NEW'),
    outcome: { kind: 'refused', reason: '404 SOMETHING_NEW' },
  },
  {
    title: 'UNSPECIFIED_ERROR: as its status says',
    answer: withCode(503, 'UNSPECIFIED_ERROR'),
    outcome: later('provider', 10_000, '503 UNSPECIFIED_ERROR'),
  },
  {
    title: 'UNREGISTERED with another status: never gone',
    answer: withCode(400, 'UNREGISTERED'),
    outcome: { kind: 'refused', reason: '400 UNREGISTERED' },
  },
  {
    title: 'UNREGISTERED with 500: never gone',
    answer: withCode(500, 'UNREGISTERED'),
    outcome: later('device', 10_000, '500 UNREGISTERED'),
  },
  {
    title: 'UNREGISTERED as the status alone: never gone',
    answer: googleError(400, { word: 'UNREGISTERED', message: '' }),
    outcome: { kind: 'refused', reason: '400 UNREGISTERED' },
  },
  {
    title: "200 of somebody else's: unanswered",
    answer: { status: 200, body: '<html>Welcome to the hotel</html>' },
    outcome: { kind: 'unanswered', reason: '200' },
  },
  {
    title: '204: unanswered',
    answer: { status: 204, body: '' },
    outcome: { kind: 'unanswered', reason: '204' },
  },
  {
    title: 'a body that was cut: as its status says',
    answer: { status: 503, body: FCM_ERRORS.UNAVAILABLE.body.slice(0, 50) },
    outcome: later('provider', 10_000, '503'),
  },
  {
    title: 'words that are no words: left out',
    answer: googleError(400, { word: 'token=abc:APA91b', message: '' }),
    outcome: { kind: 'refused', reason: '400' },
  },
  {
    title: 'details that are no list: passed over',
    answer: { status: 400, body: '{"error":{"status":"INVALID_ARGUMENT","details":{"a":1}}}' },
    outcome: { kind: 'refused', reason: '400 INVALID_ARGUMENT' },
  },
];

function named(name: FcmErrorName, outcome: WakeOutcome) {
  const scope = outcome.kind === 'later' ? `, for the ${outcome.scope}` : '';
  return { title: `${name}: ${outcome.kind}${scope}`, answer: FCM_ERRORS[name], outcome };
}

function withCode(status: number, code: string): FakeAnswer {
  return googleError(status, { word: '', message: '', details: [fcmDetail(code)] });
}

const halts: readonly { title: string; answer: FakeAnswer; advice: RegExp }[] = [
  { title: 'SERVICE_DISABLED', answer: FCM_ERRORS.SERVICE_DISABLED, advice: MAY_NOT_SEND },
  { title: 'IAM_PERMISSION_DENIED', answer: FCM_ERRORS.PERMISSION_DENIED, advice: MAY_NOT_SEND },
  { title: 'a page with 403', answer: htmlError(403, 'Forbidden'), advice: MAY_NOT_SEND },
  { title: '404 without the word of FCM', answer: FCM_ERRORS.NOT_FOUND, advice: WRONG_PROJECT },
  { title: 'a page with 404', answer: FCM_ERRORS.HTML_404, advice: WRONG_PROJECT },
  { title: 'a redirect', answer: { status: 302, body: '' }, advice: /kick\.fcm\.send_url/ },
];

describe('An answer of FCM', () => {
  for (const { title, answer, outcome } of outcomes) {
    it(`means, for ${title}`, () => expect(outcomeOf(answer)).to.deep.equal(outcome));
  }

  for (const { title, answer, advice } of halts) {
    it(`halts the provider and says what to do: ${title}`, () => {
      const outcome = outcomeOf(answer);
      if (outcome.kind !== 'halted') throw new Error(`it is ${outcome.kind}`);
      expect(outcome.reason).to.match(advice);
      expect(outcome.reason).to.contain(String(answer.status));
    });
  }

  for (const name of ['UNAUTHENTICATED', 'TOKEN_EXPIRED', 'TOKEN_MISSING'] as const) {
    it(`asks for another access token: ${name}`, () => {
      expect(meaningOf(FCM_ERRORS[name]).kind).to.equal('unauthenticated');
    });
  }

  it('asks for another access token when a page says 401', () => {
    const meaning = meaningOf(htmlError(401, 'Unauthorized'));
    expect(meaning).to.deep.equal({ kind: 'unauthenticated', reason: '401' });
  });

  const doubts = [
    { name: 'SENDER_ID_MISMATCH', doubt: 'wrong-project' },
    { name: 'THIRD_PARTY_AUTH_ERROR', doubt: 'no-third-party-key' },
    { name: 'INVALID_ARGUMENT', doubt: undefined },
  ] as const;
  for (const { name, doubt } of doubts) {
    it(`casts ${doubt ?? 'no'} doubt on the set-up: ${name}`, () => {
      const meaning = meaningOf(FCM_ERRORS[name]);
      expect(meaning.kind === 'settled' && meaning.doubt).to.equal(doubt);
    });
  }

  for (const name of [
    'QUOTA_EXCEEDED',
    'DEVICE_QUOTA_EXCEEDED',
    'UNAVAILABLE',
    'INTERNAL',
  ] as const) {
    it(`is heard when it says how long to wait: ${name}`, () => {
      const seconds = outcomeOf(FCM_ERRORS[name], '7');
      const date = outcomeOf(FCM_ERRORS[name], 'Fri, 15 Jan 2027 08:02:00 GMT');
      expect(seconds.kind === 'later' && seconds.retryAfterMs).to.equal(7000);
      expect(date.kind === 'later' && date.retryAfterMs).to.equal(120_000);
    });
  }

  it('never brings its own text, which may quote a token, into a reason', () => {
    const answer = googleError(400, { word: 'INVALID_ARGUMENT', message: 'bad token abc:APA91b' });
    expect(JSON.stringify(meaningOf(answer))).not.to.contain('APA91b');
  });
});
