/** The fake is as strict as Google: each rule that the provider could break is broken here. Over HTTP/1.1, which it speaks too. */
import { createPrivateKey, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { expect } from 'chai';
import { type FakeFcm, registrationToken } from '../../support/fake-fcm.ts';
import { openFake } from './open-fcm.ts';

const NOW_SECS = 1_800_000_000;
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const OTHER_KEY = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

interface Reply {
  readonly status: number;
  readonly body: string;
}

function post(fake: FakeFcm, path: string, body: string, headers = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const url = fake.sendUrl + path;
    const request = httpsRequest(url, { method: 'POST', ca: fake.ca, headers, agent: false });
    request.on('error', reject);
    request.on('response', async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode ?? 0, body: text });
    });
    request.end(body);
  });
}

describe('The fake FCM', () => {
  let fake: FakeFcm;
  let nowSecs: number;
  let account: Record<string, string>;

  before(async () => {
    fake = await openFake({ nowMs: () => nowSecs * 1000, tokenLifetimeSecs: 600 });
    account = JSON.parse(fake.serviceAccountJson);
  });
  beforeEach(() => {
    nowSecs = NOW_SECS;
  });
  after(() => fake.close());

  function assertion({
    claims = {},
    header = {},
    key = createPrivateKey(account['private_key'] ?? ''),
  }: {
    readonly claims?: object;
    readonly header?: object;
    readonly key?: KeyObject;
  }): string {
    const parts = [
      { alg: 'RS256', typ: 'JWT', ...header },
      {
        iss: account['client_email'],
        scope: 'https://www.googleapis.com/auth/firebase.messaging',
        aud: fake.tokenUrl,
        iat: NOW_SECS,
        exp: NOW_SECS + 3600,
        ...claims,
      },
    ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
    const signed = parts.join('.');
    return `${signed}.${createSign('sha256').update(signed).sign(key, 'base64url')}`;
  }

  function exchange(form: Record<string, string>): Promise<Reply> {
    return post(fake, '/token', new URLSearchParams(form).toString());
  }

  async function bearer(): Promise<string> {
    const { body } = await exchange({ grant_type: GRANT_TYPE, assertion: assertion({}) });
    return JSON.parse(body).access_token;
  }

  async function send(message: unknown, token?: string): Promise<Reply> {
    const authorization = `Bearer ${token ?? (await bearer())}`;
    const path = '/v1/projects/fake-project/messages:send';
    return post(fake, path, JSON.stringify(message), { authorization });
  }

  it('gives an access token for a good assertion', async () => {
    const reply = await exchange({ grant_type: GRANT_TYPE, assertion: assertion({}) });
    expect(reply.status).to.equal(200);
    expect(JSON.parse(reply.body)).to.include({ expires_in: 600, token_type: 'Bearer' });
  });

  it('takes an assertion without lifetime to spare, and none that lives a second longer', async () => {
    const exp = NOW_SECS + 3601;
    const reply = await exchange({
      grant_type: GRANT_TYPE,
      assertion: assertion({ claims: { exp } }),
    });
    expect(JSON.parse(reply.body).error).to.equal('invalid_grant');
    expect(reply.body).to.contain('short-lived token (60 minutes)');
  });

  const refusals: readonly {
    title: string;
    form: () => Record<string, string>;
    error: string;
  }[] = [
    { title: 'no grant type', form: () => ({}), error: 'invalid_request' },
    {
      title: 'another grant type',
      form: () => ({ grant_type: 'client_credentials' }),
      error: 'unsupported_grant_type',
    },
    { title: 'no assertion', form: () => ({ grant_type: GRANT_TYPE }), error: 'invalid_grant' },
    ...[
      { title: 'another key', with: { key: OTHER_KEY } },
      { title: 'another key id', with: { header: { kid: 'x' } } },
      { title: 'another algorithm', with: { header: { alg: 'none' } } },
      { title: 'another account', with: { claims: { iss: 'a@b' } } },
      { title: 'another audience', with: { claims: { aud: 'https://example.com' } } },
      { title: 'no time of issue', with: { claims: { iat: undefined } } },
      {
        title: 'a time long past',
        with: { claims: { iat: NOW_SECS - 7200, exp: NOW_SECS - 3600 } },
      },
      { title: 'a time to come', with: { claims: { iat: NOW_SECS + 600, exp: NOW_SECS + 900 } } },
    ].map((row) => ({
      title: row.title,
      form: () => ({ grant_type: GRANT_TYPE, assertion: assertion(row.with) }),
      error: 'invalid_grant',
    })),
    {
      title: 'another scope',
      form: () => ({
        grant_type: GRANT_TYPE,
        assertion: assertion({ claims: { scope: 'email' } }),
      }),
      error: 'invalid_scope',
    },
  ];
  for (const { title, form, error } of refusals) {
    it(`gives no access token for ${title}: ${error}`, async () => {
      const reply = await exchange(form());
      expect(reply.status).to.equal(400);
      expect(JSON.parse(reply.body).error).to.equal(error);
    });
  }

  const TOKEN = registrationToken('phone');
  const android = (members: object) => ({ message: { token: TOKEN, android: members } });
  const messages: readonly { title: string; body: unknown; answer: RegExp }[] = [
    { title: 'nothing', body: {}, answer: /Recipient of the message is not set/ },
    { title: 'no object', body: [], answer: /Invalid value at ''/ },
    {
      title: 'an unknown member',
      body: { message: { token: TOKEN, priority: 'HIGH' } },
      answer: /Unknown name \\"priority\\" at 'message': Cannot find field/,
    },
    {
      title: 'an unknown member at the top',
      body: { dryRun: true },
      answer: /Unknown name \\"dryRun\\"/,
    },
    {
      title: 'a number as data',
      body: { message: { token: TOKEN, data: { version: 7 } } },
      answer: /'message\.data\[0\]\.value' \(TYPE_STRING\), 7/,
    },
    {
      title: 'a key of its own as data',
      body: { message: { token: TOKEN, data: { from: 'x' } } },
      answer: /Invalid data payload key: from/,
    },
    {
      title: 'a byte of data too much',
      body: { message: { token: TOKEN, data: { a: 'x'.repeat(4096) } } },
      answer: /Android message is too big/,
    },
    { title: 'a ttl without unit', body: android({ ttl: '60' }), answer: /message\.android\.ttl/ },
    { title: 'a ttl as a number', body: android({ ttl: 60 }), answer: /message\.android\.ttl/ },
    { title: 'a ttl too long', body: android({ ttl: '2419201s' }), answer: /Invalid TTL/ },
    {
      title: 'an odd priority',
      body: android({ priority: '10' }),
      answer: /AndroidMessagePriority/,
    },
    { title: 'an odd collapse key', body: android({ collapse_key: 1 }), answer: /TYPE_STRING/ },
    {
      title: 'an odd token',
      body: { message: { token: 'nobody' } },
      answer: /not a valid FCM registration token/,
    },
  ];
  for (const { title, body, answer } of messages) {
    it(`refuses a message with ${title}`, async () => {
      const before = fake.wakes.length;
      const reply = await send(body);
      expect(reply.status).to.equal(400);
      expect(reply.body).to.match(answer).and.contain('INVALID_ARGUMENT');
      expect(fake.wakes).to.have.length(before);
    });
  }

  it('takes as much data as FCM does', async () => {
    const reply = await send({ message: { token: TOKEN, data: { a: 'x'.repeat(4095) } } });
    expect(reply.status).to.equal(200);
    expect(JSON.parse(reply.body).name).to.match(/^projects\/fake-project\/messages\//);
  });

  it('wakes nobody for a message that is only to be checked', async () => {
    const before = fake.wakes.length;
    const reply = await send({ validate_only: true, message: { token: TOKEN } });
    expect(reply.status).to.equal(200);
    expect(fake.wakes).to.have.length(before);
  });

  it('takes an access token until its end, and none that it did not give', async () => {
    const token = await bearer();
    const message = { message: { token: TOKEN } };
    nowSecs = NOW_SECS + 599;
    expect((await send(message, token)).status).to.equal(200);
    nowSecs = NOW_SECS + 600;
    expect((await send(message, token)).body).to.contain('ACCESS_TOKEN_EXPIRED');
    expect((await send(message, 'ya29.x')).body).to.contain('ACCESS_TOKEN_TYPE_UNSUPPORTED');
  });

  it('knows no other project and no other path', async () => {
    const headers = { authorization: `Bearer ${await bearer()}` };
    const other = await post(fake, '/v1/projects/other/messages:send', '{}', headers);
    expect(other).to.include({ status: 403 });
    const path = await post(fake, '/v1/projects/fake-project/messages', '{}', headers);
    expect(path).to.include({ status: 404 });
  });
});
