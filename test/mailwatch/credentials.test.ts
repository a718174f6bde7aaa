import { expect } from 'chai';
import {
  OAUTH_TOKEN_CHARACTERS_MAX,
  PASSWORD_CHARACTERS_MAX,
  parseCredentials,
  USERNAME_CHARACTERS_MAX,
} from '../../src/mailwatch/credentials.ts';

const PASSWORD = { kind: 'password', username: 'ada', password: 'canary' };
const OAUTH = {
  kind: 'oauth',
  username: 'ada',
  refreshToken: 'canary',
  tokenEndpoint: 'https://login.example/token',
  clientId: 'mail',
};

describe('the credentials in an envelope', () => {
  for (const [title, given] of [
    ['a password', PASSWORD],
    [
      'the longest name and password',
      {
        kind: 'password',
        username: 'u'.repeat(USERNAME_CHARACTERS_MAX),
        password: 'p'.repeat(PASSWORD_CHARACTERS_MAX),
      },
    ],
    ['a refresh token', OAUTH],
    [
      'the longest refresh token',
      { ...OAUTH, refreshToken: 't'.repeat(OAUTH_TOKEN_CHARACTERS_MAX) },
    ],
    [
      'all of OAuth',
      { ...OAUTH, clientSecret: 's', scope: 'a b', accessToken: 't', accessTokenExpiresAtMs: 5 },
    ],
  ] as const) {
    it(`may be ${title}`, () => {
      expect(parseCredentials(JSON.stringify(given))).to.deep.equal({
        ok: true,
        credentials: given,
      });
    });
  }

  it('lose an access token of which nobody knows the end, and members that nobody knows', () => {
    const given = { ...OAUTH, accessToken: 't', command: 'FETCH' };
    expect(parseCredentials(JSON.stringify(given))).to.deep.equal({ ok: true, credentials: OAUTH });
  });

  it('may say when they were sealed', () => {
    expect(parseCredentials(JSON.stringify({ ...PASSWORD, sealedAtMs: 5 }))).to.deep.equal({
      ...{ ok: true, credentials: PASSWORD, sealedAtMs: 5 },
    });
  });

  const refused: readonly (readonly [string, object | string, readonly string[]])[] = [
    ['what is no JSON', 'canary', ['sealed']],
    ['what is no object', '"canary"', ['sealed']],
    ['a time that is none', { ...PASSWORD, sealedAtMs: '5' }, ['sealed.sealedAtMs']],
    ['a time before 1970', { ...PASSWORD, sealedAtMs: -5 }, ['sealed.sealedAtMs']],
    ['an unknown kind', { ...PASSWORD, kind: 'canary' }, ['sealed.kind']],
    ['no name and no password', { kind: 'password' }, ['sealed.username', 'sealed.password']],
    ['an empty password', { ...PASSWORD, password: '' }, ['sealed.password']],
    ['a password of two lines', { ...PASSWORD, password: 'a\r\ncanary' }, ['sealed.password']],
    ['a NUL in the name', { ...PASSWORD, username: 'a\0canary' }, ['sealed.username']],
    [
      'a name one character too long',
      { ...PASSWORD, username: 'u'.repeat(USERNAME_CHARACTERS_MAX + 1) },
      ['sealed.username'],
    ],
    [
      'a password one character too long',
      { ...PASSWORD, password: 'p'.repeat(PASSWORD_CHARACTERS_MAX + 1) },
      ['sealed.password'],
    ],
    [
      'a refresh token one character too long',
      { ...OAUTH, refreshToken: 't'.repeat(OAUTH_TOKEN_CHARACTERS_MAX + 1) },
      ['sealed.refreshToken'],
    ],
    [
      'a token endpoint without TLS',
      { ...OAUTH, tokenEndpoint: 'http://canary.example/' },
      ['sealed.tokenEndpoint'],
    ],
    [
      'a token endpoint with a password in it',
      { ...OAUTH, tokenEndpoint: 'https://a:canary@login.example/' },
      ['sealed.tokenEndpoint'],
    ],
    ['a scope that is no text', { ...OAUTH, scope: ['canary'] }, ['sealed']],
  ];
  for (const [title, given, fields] of refused) {
    it(`are refused as ${title}, without a word of what was in them`, () => {
      const parsed = parseCredentials(typeof given === 'string' ? given : JSON.stringify(given));
      const problems = parsed.ok ? [] : parsed.problems;
      expect(problems.map(({ field }) => field)).to.deep.equal(fields);
      expect(JSON.stringify(parsed)).not.to.include('canary');
    });
  }
});
