import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import {
  ProviderKeyError,
  ProviderTokens,
  parseProviderKey,
  TOKEN_AGE_MS_MIN,
  TOKEN_REUSE_MS,
} from '../../../src/kick/apns/provider-token.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { KEY_ID, KEYS, TEAM_ID } from './open-apns.ts';

describe('the provider token', () => {
  it('says alg, kid, iss and iat, and nothing else', async () => {
    const { tokens, clock } = openTokens();
    const [head = '', claims = ''] = (await tokens.current()).split('.');
    expect(decode(head)).to.deep.equal({ alg: 'ES256', kid: KEY_ID });
    expect(decode(claims)).to.deep.equal({ iss: TEAM_ID, iat: Math.floor(clock.nowMs() / 1000) });
  });

  it('is one for all who ask at once', async () => {
    const { tokens } = openTokens();
    const [first, second] = await Promise.all([tokens.current(), tokens.current()]);
    expect(second).to.equal(first);
  });

  it('is used for 50 minutes and no longer', async () => {
    const { tokens, clock } = openTokens();
    const first = await tokens.current();
    clock.moveMs(TOKEN_REUSE_MS - 1);
    expect(await tokens.current()).to.equal(first);
    clock.moveMs(1);
    expect(await tokens.current()).not.to.equal(first);
  });

  it('is replaced once by all who were told that it expired', async () => {
    const { tokens } = openTokens();
    const first = await tokens.current();
    const [second, third] = await Promise.all([tokens.replace(first), tokens.replace(first)]);
    expect(second).not.to.equal(first);
    expect(third).to.equal(second);
    expect(await tokens.replace(first)).to.equal(second);
    expect(await tokens.current()).to.equal(second);
  });

  it('is not replaced a second time within 20 minutes', async () => {
    const { tokens, clock } = openTokens();
    const second = await tokens.replace(await tokens.current());
    clock.moveMs(TOKEN_AGE_MS_MIN - 1);
    expect(await tokens.replace(second ?? '')).to.equal(undefined);
    clock.moveMs(1);
    expect(await tokens.replace(second ?? '')).to.be.a('string');
  });

  const wrongKeys = {
    'an empty file': '',
    'a text': 'not a key',
    'a public key': KEYS.publicKeyPem,
    'an RSA key': pemOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
    'a key on another curve': pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey),
    'half a key': KEYS.privateKeyPem.slice(0, 100),
  };
  for (const [name, pem] of Object.entries(wrongKeys)) {
    it(`refuses ${name} without repeating it`, async () => {
      expect(() => parseProviderKey(pem)).to.throw(ProviderKeyError);
      const failure = await openTokens(pem)
        .tokens.current()
        .catch((error: unknown) => error);
      expect(failure).to.be.instanceOf(ProviderKeyError);
      expect(failure).not.to.have.property('cause');
      if (pem !== '') expect(String(failure)).not.to.include(pem.slice(0, 8));
    });
  }
});

function openTokens(privateKeyPem = KEYS.privateKeyPem) {
  const clock = new HandClock();
  const tokens = new ProviderTokens({ teamId: TEAM_ID, keyId: KEY_ID, privateKeyPem, clock });
  return { tokens, clock };
}

function pemOf(key: KeyObject): string {
  return key.export({ format: 'pem', type: 'pkcs8' }).toString();
}

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}
