import { expect } from 'chai';
import fc from 'fast-check';
import {
  APNS_TOKEN_CHARACTERS_MAX,
  decodeConnect,
  FCM_TOKEN_CHARACTERS_MAX,
  type KickTarget,
} from '../../src/protocol/connect.ts';
import { FUZZ } from '../support/fuzz.ts';

const IP = '192.0.2.7';
const APNS_TOKEN = '0aF9'.repeat(16);
const LONGEST_TOPIC = 'a'.repeat(255);

const BAD_FCM_TOKEN = 'connect.token must be 1 to 4096 printable characters';
const BAD_APNS_TOKEN = 'connect.token must be 2 to 200 hex digits';
const BAD_TOPIC = 'connect.topic must be a bundle id';
const BAD_TYPE = 'connect.type must be fcm, apns or udp';
const BAD_IP = 'ip must be an IP address without a zone';
const BAD_PORT = 'port must be from 1 to 65535';
const BAD_NETWORK = 'mobilenetwork.mcc and mobilenetwork.mnc must be 1 to 3 digits';
const BAD_NETID = 'mobilenetwork.netid must be a short string';

function fcm(token: unknown): object {
  return { connect: { type: 'fcm', token } };
}

function apns(token: unknown, topic?: unknown): object {
  return { connect: { type: 'apns', token, topic } };
}

function udp(ip: unknown, port: unknown, mobilenetwork?: unknown): object {
  return { wakeup_hostport: { ip, port }, mobilenetwork };
}

const GIVEN: readonly { title: string; hello: object; target: KickTarget }[] = [
  { title: 'an FCM token', hello: fcm('fX:a_-1'), target: { type: 'fcm', token: 'fX:a_-1' } },
  {
    title: 'the longest FCM token',
    hello: fcm('x'.repeat(FCM_TOKEN_CHARACTERS_MAX)),
    target: { type: 'fcm', token: 'x'.repeat(FCM_TOKEN_CHARACTERS_MAX) },
  },
  {
    title: 'an APNs token without topic',
    hello: apns(APNS_TOKEN),
    target: { type: 'apns', token: APNS_TOKEN },
  },
  {
    title: 'an APNs token whose topic is null',
    hello: apns(APNS_TOKEN, null),
    target: { type: 'apns', token: APNS_TOKEN },
  },
  {
    title: 'an APNs token with topic',
    hello: apns(APNS_TOKEN, 'org.example.App-1'),
    target: { type: 'apns', token: APNS_TOKEN, topic: 'org.example.App-1' },
  },
  {
    title: 'the longest APNs token and topic',
    hello: apns('a'.repeat(APNS_TOKEN_CHARACTERS_MAX), LONGEST_TOPIC),
    target: { type: 'apns', token: 'a'.repeat(APNS_TOKEN_CHARACTERS_MAX), topic: LONGEST_TOPIC },
  },
  {
    title: 'a typed UDP address',
    hello: { connect: { type: 'udp', ip: IP, port: 1 } },
    target: { type: 'udp', ip: IP, port: 1 },
  },
  {
    title: 'a historic UDP address',
    hello: udp(IP, 65_535),
    target: { type: 'udp', ip: IP, port: 65_535 },
  },
  {
    title: 'an IPv6 address',
    hello: udp('2001:db8::1', 4000),
    target: { type: 'udp', ip: '2001:db8::1', port: 4000 },
  },
  {
    title: 'a port written as text',
    hello: udp(IP, '4000'),
    target: { type: 'udp', ip: IP, port: 4000 },
  },
  {
    title: 'a mobile network beside a historic address',
    hello: udp(IP, 4000, { mcc: '214', mnc: '07', netid: 'wakeup.example' }),
    target: {
      type: 'udp',
      ip: IP,
      port: 4000,
      mobileNetwork: { mcc: '214', mnc: '07', netid: 'wakeup.example' },
    },
  },
  {
    title: 'a mobile network inside a typed address',
    hello: { connect: { type: 'udp', ip: IP, port: 4000, mobilenetwork: { mcc: '1', mnc: '2' } } },
    target: { type: 'udp', ip: IP, port: 4000, mobileNetwork: { mcc: '1', mnc: '2' } },
  },
  {
    title: 'network codes written as numbers, and a netid of null',
    hello: udp(IP, 4000, { mcc: 214, mnc: 7, netid: null }),
    target: { type: 'udp', ip: IP, port: 4000, mobileNetwork: { mcc: '214', mnc: '7' } },
  },
  {
    title: 'connect rather than wakeup_hostport when both are there',
    hello: { ...fcm('t'), ...udp(IP, 4000) },
    target: { type: 'fcm', token: 't' },
  },
];

const INVALID: readonly { title: string; hello: object; reason: string }[] = [
  ...[true, 7, 'fcm', [], [{ type: 'fcm', token: 't' }]].map((connect) => ({
    title: `connect = ${JSON.stringify(connect)}`,
    hello: { connect },
    reason: 'connect must be an object',
  })),
  { title: 'an empty connect', hello: { connect: {} }, reason: BAD_TYPE },
  { title: 'an unknown type', hello: { connect: { type: 'sms', token: '1' } }, reason: BAD_TYPE },
  { title: 'a type in capitals', hello: { connect: { type: 'FCM' } }, reason: BAD_TYPE },
  { title: 'an inherited type', hello: { connect: { type: '__proto__' } }, reason: BAD_TYPE },

  { title: 'an FCM token that is missing', hello: fcm(undefined), reason: BAD_FCM_TOKEN },
  { title: 'an FCM token that is null', hello: fcm(null), reason: BAD_FCM_TOKEN },
  { title: 'an FCM token that is a number', hello: fcm(1), reason: BAD_FCM_TOKEN },
  { title: 'an empty FCM token', hello: fcm(''), reason: BAD_FCM_TOKEN },
  { title: 'an FCM token with a blank', hello: fcm('a b'), reason: BAD_FCM_TOKEN },
  { title: 'an FCM token with a line break', hello: fcm('a\n'), reason: BAD_FCM_TOKEN },
  { title: 'an FCM token beyond ASCII', hello: fcm('t\u00e9'), reason: BAD_FCM_TOKEN },
  {
    title: 'an FCM token one character too long',
    hello: fcm('x'.repeat(FCM_TOKEN_CHARACTERS_MAX + 1)),
    reason: BAD_FCM_TOKEN,
  },

  { title: 'an APNs token that is missing', hello: apns(undefined), reason: BAD_APNS_TOKEN },
  { title: 'an empty APNs token', hello: apns(''), reason: BAD_APNS_TOKEN },
  { title: 'an APNs token of odd length', hello: apns('abc'), reason: BAD_APNS_TOKEN },
  { title: 'an APNs token that is a path', hello: apns('../../aa'), reason: BAD_APNS_TOKEN },
  {
    title: 'an APNs token one byte too long',
    hello: apns('a'.repeat(APNS_TOKEN_CHARACTERS_MAX + 2)),
    reason: BAD_APNS_TOKEN,
  },
  { title: 'an empty topic', hello: apns(APNS_TOKEN, ''), reason: BAD_TOPIC },
  { title: 'a topic that is a number', hello: apns(APNS_TOKEN, 1), reason: BAD_TOPIC },
  { title: 'a topic with a line break', hello: apns(APNS_TOKEN, 'a\r\nb: c'), reason: BAD_TOPIC },
  { title: 'a topic too long', hello: apns(APNS_TOKEN, `${LONGEST_TOPIC}a`), reason: BAD_TOPIC },

  {
    title: 'a wakeup_hostport that is text',
    hello: { wakeup_hostport: `${IP}:4000` },
    reason: 'wakeup_hostport must be an object',
  },
  ...[undefined, null, 7, '', 'localhost', 'example.org', `${IP} `, '256.1.1.1', '[::1]'].map(
    (ip) => ({ title: `ip = ${JSON.stringify(ip)}`, hello: udp(ip, 4000), reason: BAD_IP }),
  ),
  { title: 'an ip with a zone', hello: udp('fe80::1%eth0', 4000), reason: BAD_IP },
  {
    title: 'an ip with a zone of 64,000 characters',
    hello: udp(`fe80::1%${'e'.repeat(64_000)}`, 4000),
    reason: BAD_IP,
  },
  ...[
    undefined,
    null,
    0,
    -1,
    65_536,
    1.5,
    NaN,
    '',
    '0',
    '65536',
    '-1',
    '0x50',
    '80 ',
    true,
    [],
  ].map((port) => ({
    title: `port = ${JSON.stringify(port)}`,
    hello: udp(IP, port),
    reason: BAD_PORT,
  })),

  ...['214', 214, []].map((network) => ({
    title: `mobilenetwork = ${JSON.stringify(network)}`,
    hello: udp(IP, 4000, network),
    reason: 'mobilenetwork must be an object',
  })),
  ...[undefined, null, '', '1234', 1234, -1, 1.5, 'ab', '07\n'].flatMap((code) => [
    {
      title: `mcc = ${JSON.stringify(code)}`,
      hello: udp(IP, 4000, { mcc: code, mnc: '07' }),
      reason: BAD_NETWORK,
    },
    {
      title: `mnc = ${JSON.stringify(code)}`,
      hello: udp(IP, 4000, { mcc: '214', mnc: code }),
      reason: BAD_NETWORK,
    },
  ]),
  ...[7, {}, 'x'.repeat(256)].map((netid) => ({
    title: `netid = ${JSON.stringify(netid).slice(0, 12)}`,
    hello: udp(IP, 4000, { mcc: '214', mnc: '07', netid }),
    reason: BAD_NETID,
  })),
];

describe('connect', () => {
  const absent = [{}, { wakeup_hostport: null }, { mobilenetwork: { mcc: '214', mnc: '07' } }];
  for (const hello of absent) {
    it(`is absent from ${JSON.stringify(hello)}`, () => {
      expect(decodeConnect({ ...hello })).to.deep.equal({ kind: 'absent' });
    });
  }

  it('is removed by null, whatever else the hello says', () => {
    expect(decodeConnect({ connect: null, ...udp(IP, 4000) })).to.deep.equal({ kind: 'removed' });
  });

  for (const { title, hello, target } of GIVEN) {
    it(`takes ${title}`, () => {
      expect(decodeConnect({ ...hello })).to.deep.equal({ kind: 'given', target });
    });
  }

  for (const { title, hello, reason } of INVALID) {
    it(`refuses ${title}`, () => {
      expect(decodeConnect({ ...hello })).to.deep.equal({ kind: 'invalid', reason });
    });
  }

  it('never throws, and what it takes has a bounded size', () => {
    const value = fc.oneof(fc.jsonValue(), fc.ipV6(), fc.nat(70_000), fc.constant('udp'));
    const members = { type: value, token: value, topic: value, ip: value, port: value };
    const connect = fc.oneof(value, fc.record(members, { requiredKeys: [] }));
    const hello = fc.record(
      { connect, wakeup_hostport: connect, mobilenetwork: value },
      { requiredKeys: [] },
    );
    const property = fc.property(hello, (received) => {
      const decoded = decodeConnect(received);
      if (decoded.kind !== 'given') return;
      expect(JSON.stringify(decoded.target).length).to.be.at.most(FCM_TOKEN_CHARACTERS_MAX + 64);
    });
    fc.assert(property, FUZZ);
  });
});
