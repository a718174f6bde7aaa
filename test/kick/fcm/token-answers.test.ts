import { expect } from 'chai';
import { readTokenAnswer, type TokenReading } from '../../../src/kick/fcm/token-answers.ts';
import { type FakeAnswer, htmlError, oauthError } from '../../support/fake-fcm/errors.ts';

const NOW_MS = Date.parse('2027-01-15T08:00:00Z');
const PATH = /kick\.fcm\.service_account_path/;
const CONSOLE = /Firebase console → Project settings → Service accounts/;

function read({ status, body }: FakeAnswer, retryAfter?: string): TokenReading {
  return readTokenAnswer({ status, body, retryAfter }, NOW_MS);
}

function given(members: object): FakeAnswer {
  return { status: 200, body: JSON.stringify(members) };
}

const halts: readonly { answer: FakeAnswer; advice: RegExp }[] = [
  { answer: oauthError(400, 'invalid_grant', 'Invalid JWT Signature.'), advice: /was revoked/ },
  { answer: oauthError(401, 'invalid_client', ''), advice: /no longer knows/ },
  { answer: oauthError(401, 'deleted_client', ''), advice: /no longer knows/ },
  { answer: oauthError(401, 'disabled_client', ''), advice: /no longer knows/ },
  { answer: oauthError(401, 'unauthorized_client', ''), advice: /does not take/ },
  { answer: oauthError(400, 'invalid_scope', ''), advice: /does not take/ },
  { answer: oauthError(403, 'access_denied', ''), advice: /does not take/ },
  { answer: oauthError(400, 'a_new_word', ''), advice: /does not take/ },
  { answer: oauthError(400, 'unsupported_grant_type', ''), advice: /"token_uri"/ },
  { answer: oauthError(400, 'invalid_request', ''), advice: /"token_uri"/ },
  { answer: htmlError(404, 'Not Found'), advice: /"token_uri"/ },
  { answer: { status: 302, body: '' }, advice: /"token_uri"/ },
];

const laters: readonly { title: string; answer: FakeAnswer; reason: string }[] = [
  { title: '500', answer: htmlError(500, ''), reason: 'the token endpoint answers 500' },
  {
    title: '503 with a word',
    answer: oauthError(503, 'temporarily_unavailable', ''),
    reason: 'the token endpoint answers 503 temporarily_unavailable',
  },
  {
    title: '429 with a word',
    answer: oauthError(429, 'rate_limit_exceeded', ''),
    reason: 'the token endpoint answers 429 rate_limit_exceeded',
  },
  { title: '408', answer: htmlError(408, ''), reason: 'the token endpoint answers 408' },
  {
    title: "a 400 of somebody else's",
    answer: htmlError(400, ''),
    reason: 'the token endpoint answers 400',
  },
  {
    title: 'a word that is none',
    answer: oauthError(400, 'Bearer ya29', ''),
    reason: 'the token endpoint answers 400',
  },
];

const unusable: readonly { title: string; answer: FakeAnswer }[] = [
  { title: 'a page', answer: { status: 200, body: '<html>' } },
  { title: 'no token', answer: given({ expires_in: 3599 }) },
  { title: 'a token that fits no header', answer: given({ access_token: 'a\nb', expires_in: 9 }) },
  {
    title: 'a token that is too long',
    answer: given({ access_token: 'a'.repeat(4097), expires_in: 9 }),
  },
  { title: 'no lifetime', answer: given({ access_token: 'a' }) },
  { title: 'a lifetime of nothing', answer: given({ access_token: 'a', expires_in: 0 }) },
  { title: 'a lifetime in words', answer: given({ access_token: 'a', expires_in: '3599' }) },
];

describe('An answer of the token endpoint', () => {
  it('gives a token', () => {
    const answer = given({ access_token: 'ya29.x', expires_in: 3599, token_type: 'Bearer' });
    expect(read(answer)).to.deep.equal({ kind: 'given', bearer: 'ya29.x', lifetimeMs: 3_599_000 });
  });

  it('gives the longest token that is taken', () => {
    const answer = given({ access_token: 'a'.repeat(4096), expires_in: 9 });
    expect(read(answer).kind).to.equal('given');
  });

  it('is believed for an hour, whatever it says', () => {
    const reading = read(given({ access_token: 'a', expires_in: 86_400 }));
    expect(reading.kind === 'given' && reading.lifetimeMs).to.equal(3_600_000);
  });

  for (const { answer, advice } of halts) {
    const word = /"error": "(?<word>\w+)"/.exec(answer.body)?.groups?.['word'] ?? 'no word';
    it(`halts and says where to get a right key: ${answer.status} ${word}`, () => {
      const reading = read(answer);
      if (reading.kind !== 'failed' || reading.failure.kind !== 'halted') {
        throw new Error('it does not');
      }
      expect(reading.failure.reason).to.match(advice).and.match(PATH).and.match(CONSOLE);
    });
  }

  for (const { title, answer, reason } of laters) {
    it(`means later for all wakes: ${title}`, () => {
      const failure = { kind: 'later', scope: 'provider', retryAfterMs: 10_000, reason };
      expect(read(answer)).to.deep.equal({ kind: 'failed', failure });
    });
  }

  it('is heard when it says how long to wait', () => {
    const reading = read(htmlError(503, ''), '42');
    const failure = reading.kind === 'failed' ? reading.failure : undefined;
    expect(failure?.kind === 'later' && failure.retryAfterMs).to.equal(42_000);
  });

  for (const { title, answer } of unusable) {
    it(`is no token when it says 200 with ${title}`, () => {
      const reading = read(answer);
      expect(reading.kind === 'failed' && reading.failure.kind).to.equal('later');
    });
  }
});
