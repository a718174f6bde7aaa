import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { expect } from 'chai';
import { ProviderTokens } from '../../../src/kick/apns/provider-token.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { makeApnsKeyPair } from '../../support/fake-apns/provider-tokens.ts';
import type { FakeApnsReason } from '../../support/fake-apns/reasons.ts';
import { type FakeApns, startFakeApns } from '../../support/fake-apns.ts';
import { fakeOptions, KEY_ID, KEYS, TEAM_ID, TOPIC, wakeOf } from './open-apns.ts';

/** Members that are undefined are left out. */
interface Change {
  readonly [header: string]: string | undefined;
}

const BACKGROUND = JSON.stringify({ aps: { 'content-available': 1 } });
const ALERT = JSON.stringify({ aps: { alert: { body: 'New' } } });
const DEVICE_PATH = `/3/device/${wakeOf(1).target.token}`;

const MISTAKES: readonly (readonly [string, Change, string, FakeApnsReason])[] = [
  ['another method', { ':method': 'PUT' }, BACKGROUND, 'MethodNotAllowed'],
  ['another path', { ':path': '/4/device/00' }, BACKGROUND, 'BadPath'],
  ['no device', { ':path': '/3/device/' }, BACKGROUND, 'MissingDeviceToken'],
  ['a short device token', { ':path': '/3/device/00ff' }, BACKGROUND, 'BadDeviceToken'],
  ['no hex', { ':path': `/3/device/${'zz'.repeat(32)}` }, BACKGROUND, 'BadDeviceToken'],
  ['capital hex', { ':path': `/3/device/${'AB'.repeat(32)}` }, BACKGROUND, 'BadDeviceToken'],
  ['no provider token', { authorization: undefined }, BACKGROUND, 'MissingProviderToken'],
  ['another scheme', { authorization: 'basic abc' }, BACKGROUND, 'InvalidProviderToken'],
  ['nonsense for a token', { authorization: 'bearer a.b.c' }, BACKGROUND, 'InvalidProviderToken'],
  ['no topic', { 'apns-topic': undefined }, BACKGROUND, 'MissingTopic'],
  ['a topic that is none', { 'apns-topic': 'a b' }, BACKGROUND, 'BadTopic'],
  ['the topic of another team', { 'apns-topic': 'com.other' }, BACKGROUND, 'TopicDisallowed'],
  ['no push type', { 'apns-push-type': undefined }, BACKGROUND, 'InvalidPushType'],
  ['an unknown push type', { 'apns-push-type': 'silent' }, BACKGROUND, 'InvalidPushType'],
  ['a background push without priority', { 'apns-priority': undefined }, BACKGROUND, 'BadPriority'],
  ['a background push of priority 10', { 'apns-priority': '10' }, BACKGROUND, 'BadPriority'],
  ['a background push that shows an alert', {}, ALERT, 'InvalidPushType'],
  ['an unknown priority', { 'apns-priority': '7' }, BACKGROUND, 'BadPriority'],
  ['an alert without text', { 'apns-push-type': 'alert' }, BACKGROUND, 'InvalidPushType'],
  ['an expiration in words', { 'apns-expiration': 'soon' }, BACKGROUND, 'BadExpirationDate'],
  ['an expiration in ms', { 'apns-expiration': '1800000000000' }, BACKGROUND, 'BadExpirationDate'],
  ['an id that is no UUID', { 'apns-id': '17' }, BACKGROUND, 'BadMessageId'],
  ['a long collapse id', { 'apns-collapse-id': 'x'.repeat(65) }, BACKGROUND, 'BadCollapseId'],
  ['no payload', {}, '', 'PayloadEmpty'],
  ['a payload that is not JSON', {}, 'hello', 'PayloadEmpty'],
  ['a payload without aps', {}, '{}', 'PayloadEmpty'],
  ['a large payload', {}, JSON.stringify({ aps: {}, x: 'x'.repeat(4096) }), 'PayloadTooLarge'],
];

describe('the fake of APNs', () => {
  let fake: FakeApns;
  let session: ClientHttp2Session;
  const clock = new HandClock();

  beforeEach(async () => {
    fake = await startFakeApns(await fakeOptions(clock));
    session = connect(fake.url, { ca: fake.ca });
  });
  afterEach(async () => {
    session.destroy();
    await fake.close();
  });

  it('takes what is right', async () => {
    expect(await send()).to.deep.equal({ status: 200, reason: undefined });
    const authorization = fake.requests[0]?.request.headers['authorization'];
    const longest = { authorization, 'apns-collapse-id': 'x'.repeat(64) };
    expect(await send(longest)).to.include({ status: 200 });
    expect(fake.wakes).to.have.length(2);
  });

  for (const [name, change, body, reason] of MISTAKES) {
    it(`answers ${reason} to ${name}`, async () => {
      expect((await send(change, body)).reason).to.equal(reason);
      expect(fake.wakes).to.deep.equal([]);
    });
  }

  it('answers InvalidProviderToken to what another key has signed', async () => {
    const { privateKeyPem } = makeApnsKeyPair();
    const authorization = await bearer({ privateKeyPem });
    expect((await send({ authorization })).reason).to.equal('InvalidProviderToken');
  });

  it('answers ExpiredProviderToken after an hour', async () => {
    const authorization = await bearer();
    expect(await send({ authorization })).to.include({ status: 200 });
    clock.moveMs(3_601_000);
    expect((await send({ authorization })).reason).to.equal('ExpiredProviderToken');
  });

  it('answers TooManyProviderTokenUpdates to a second token within 20 minutes', async () => {
    expect(await send({ authorization: await bearer() })).to.include({ status: 200 });
    clock.moveMs(1_199_000);
    const tooSoon = await send({ authorization: await bearer() });
    expect(tooSoon.reason).to.equal('TooManyProviderTokenUpdates');
    clock.moveMs(1000);
    expect(await send({ authorization: await bearer() })).to.include({ status: 200 });
  });

  it('answers DuplicateHeaders to a header that comes twice', async () => {
    const stream = session.request({
      ...(await headers()),
      'apns-topic': [TOPIC, TOPIC],
    });
    expect(await answerOf(stream, BACKGROUND)).to.include({ reason: 'DuplicateHeaders' });
  });

  async function send(change: Change = {}, body = BACKGROUND) {
    const all = { ...(await headers()), ...change };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    return answerOf(session.request(Object.fromEntries(given)), body);
  }

  async function headers() {
    return {
      ':method': 'POST',
      ':path': DEVICE_PATH,
      authorization: await bearer(),
      'apns-topic': TOPIC,
      'apns-push-type': 'background',
      'apns-priority': '5',
    };
  }

  function bearer({ privateKeyPem = KEYS.privateKeyPem } = {}): Promise<string> {
    const tokens = new ProviderTokens({ teamId: TEAM_ID, keyId: KEY_ID, privateKeyPem, clock });
    return tokens.current().then((token) => `bearer ${token}`);
  }
});

async function answerOf(stream: ReturnType<ClientHttp2Session['request']>, body: string) {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  stream.end(body);
  const [head] = await once(stream, 'response');
  await once(stream, 'close');
  const reason: unknown = text === '' ? undefined : JSON.parse(text).reason;
  return { status: Number(head[':status']), reason };
}
