import { expect } from 'chai';
import {
  decodeServerReply,
  encodeAck,
  encodeHello,
  encodeRegister,
  encodeUnregister,
  URL_CHARACTERS_MAX,
} from '../../src/client/codec.ts';
import { decodeClientMessage, encodeServerMessage } from '../../src/protocol/codec.ts';
import { parseChannelId, parseDeviceId, toVersion } from '../../src/protocol/ids.ts';

const DEVICE = parsed(parseDeviceId('0123456789abcdef0123456789abcdef'));
const CHANNEL = parsed(parseChannelId('e0a713a4-e5eb-42e5-a70f-4f0aba5acc46'));
const VERSION = parsed(toVersion(7));
const ENDPOINT = 'http://push.test/update/token';

function parsed<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the constant of the test does not parse');
  return value;
}

function messageOf(text: string): unknown {
  const decoded = decodeClientMessage(text);
  return decoded.kind === 'message' ? decoded.message : decoded;
}

describe('client/codec', () => {
  describe('what the server reads of it', () => {
    it('is a hello without uaid for a new device', () => {
      const hello = { deviceId: undefined, channelIds: [], kickTarget: undefined };
      expect(encodeHello(hello)).to.equal('{"messageType":"hello","channelIDs":[]}');
    });

    it('is a hello with uaid, channels and kick target', () => {
      const kickTarget = { type: 'fcm', token: 'abc' } as const;
      const text = encodeHello({ deviceId: DEVICE, channelIds: [CHANNEL], kickTarget });
      expect(messageOf(text)).to.deep.include({
        type: 'hello',
        deviceId: DEVICE,
        listed: [{ channelId: CHANNEL, written: CHANNEL }],
        connect: { kind: 'given', target: kickTarget },
      });
    });

    it('is a withdrawn kick target for null', () => {
      const text = encodeHello({ deviceId: DEVICE, channelIds: [], kickTarget: null });
      expect(messageOf(text)).to.deep.include({ connect: { kind: 'removed' } });
    });

    it('is a register', () => {
      expect(messageOf(encodeRegister(CHANNEL))).to.deep.include({
        type: 'register',
        channel: { channelId: CHANNEL, written: CHANNEL },
      });
    });

    it('is an unregister', () => {
      expect(messageOf(encodeUnregister(CHANNEL))).to.deep.include({
        type: 'unregister',
        channelId: CHANNEL,
      });
    });

    it('is an ack', () => {
      expect(messageOf(encodeAck(new Map([[CHANNEL, VERSION]])))).to.deep.include({
        type: 'ack',
        updates: [{ channelId: CHANNEL, version: VERSION }],
      });
    });
  });

  describe('what it reads of the server', () => {
    const messages = [
      {
        sent: { type: 'hello', writtenDeviceId: DEVICE, status: 200, connectReason: undefined },
        reply: { type: 'welcome', deviceId: DEVICE },
      },
      {
        sent: { type: 'hello', writtenDeviceId: DEVICE, status: 200, connectReason: 'no FCM' },
        reply: { type: 'welcome', deviceId: DEVICE, kickRefused: 'no FCM' },
      },
      {
        sent: { type: 'hello', writtenDeviceId: DEVICE, status: 429, connectReason: undefined },
        reply: { type: 'hello-refused', status: 429, reason: '' },
      },
      {
        sent: { type: 'redirect', writtenDeviceId: '', url: 'wss://other.test/' },
        reply: { type: 'redirect', url: 'wss://other.test/' },
      },
      {
        sent: {
          type: 'register',
          writtenDeviceId: DEVICE,
          written: CHANNEL,
          endpoint: ENDPOINT,
        },
        reply: { type: 'registered', channelId: CHANNEL, endpoint: ENDPOINT },
      },
      {
        sent: { type: 'unregister', written: CHANNEL },
        reply: { type: 'unregistered', channelId: CHANNEL },
      },
      {
        sent: {
          type: 'notification',
          updates: [{ written: CHANNEL, version: VERSION, data: 'two letters' }],
          expired: [],
        },
        reply: {
          type: 'notification',
          updates: [{ channelId: CHANNEL, version: VERSION, data: 'two letters' }],
          expired: [],
          skippedCount: 0,
        },
      },
      {
        sent: { type: 'notification', updates: [], expired: [CHANNEL] },
        reply: { type: 'notification', updates: [], expired: [CHANNEL], skippedCount: 0 },
      },
      { sent: { type: 'pong', long: false }, reply: { type: 'pong' } },
      { sent: { type: 'pong', long: true }, reply: { type: 'pong' } },
      {
        sent: {
          type: 'error',
          received: { messageType: 'register', channelID: CHANNEL },
          status: 429,
          reason: 'too many channels',
        },
        reply: { type: 'error', channelId: CHANNEL, status: 429, reason: 'too many channels' },
      },
      {
        sent: { type: 'error', received: {}, status: 401, reason: 'pings too often' },
        reply: { type: 'error', channelId: undefined, status: 401, reason: 'pings too often' },
      },
    ] as const;
    for (const { sent, reply } of messages) {
      const text = encodeServerMessage(sent);
      it(`is ${reply.type} for ${text}`, () => {
        expect(decodeServerReply(text)).to.deep.equal({ ok: true, reply });
      });
    }
  });

  describe('what it reads of other servers', () => {
    const frames = [
      {
        name: 'a hello reply without status',
        frame: { messageType: 'hello', uaid: DEVICE },
        reply: { type: 'welcome', deviceId: DEVICE },
      },
      {
        name: 'a message type in capitals',
        frame: { messageType: 'HELLO', uaid: DEVICE, status: 200 },
        reply: { type: 'welcome', deviceId: DEVICE },
      },
      {
        name: 'a version written as text',
        frame: {
          messageType: 'notification',
          updates: [{ channelID: CHANNEL, version: '7' }],
        },
        reply: {
          type: 'notification',
          updates: [{ channelId: CHANNEL, version: 7 }],
          expired: [],
          skippedCount: 0,
        },
      },
      {
        name: 'a refusal that has only the short error text',
        frame: { messageType: 'unregister', channelID: CHANNEL, status: 500, error: 'Broken' },
        reply: { type: 'error', channelId: CHANNEL, status: 500, reason: 'Broken' },
      },
      {
        name: 'a status that is no number as a refusal',
        frame: { messageType: 'register', channelID: CHANNEL, status: '200' },
        reply: { type: 'error', channelId: CHANNEL, status: 0, reason: '' },
      },
      {
        name: 'a type it does not know',
        frame: { messageType: 'broadcast', status: 200 },
        reply: { type: 'unknown' },
      },
    ];
    for (const { name, frame, reply } of frames) {
      it(`takes ${name}`, () => {
        expect(decodeServerReply(JSON.stringify(frame))).to.deep.equal({ ok: true, reply });
      });
    }

    it('skips and counts the elements of a notification that it cannot read', () => {
      const updates = [
        { channelID: CHANNEL, version: 7 },
        { channelID: 'x', version: 7 },
        { channelID: CHANNEL, version: -1 },
        { channelID: CHANNEL, version: 2 ** 53 },
        { channelID: CHANNEL },
        null,
        'text',
      ];
      const expired = [CHANNEL, 'x', 5];
      const text = JSON.stringify({ messageType: 'notification', updates, expired });
      expect(decodeServerReply(text)).to.deep.equal({
        ok: true,
        reply: {
          type: 'notification',
          updates: [{ channelId: CHANNEL, version: 7 }],
          expired: [CHANNEL],
          skippedCount: 8,
        },
      });
    });

    it('counts a list that is no list as one element', () => {
      const text = JSON.stringify({ messageType: 'notification', updates: {}, expired: null });
      expect(decodeServerReply(text)).to.have.nested.property('reply.skippedCount', 1);
    });

    it('cuts the reason of a refusal at 200 characters', () => {
      const text = JSON.stringify({ messageType: 'hello', status: 500, reason: 'x'.repeat(201) });
      expect(decodeServerReply(text)).to.have.nested.property('reply.reason', 'x'.repeat(200));
    });
  });

  describe('what it refuses', () => {
    const base = { messageType: 'register', channelID: CHANNEL, status: 200 };
    const redirect = { messageType: 'hello', status: 307 };
    const longUrl = (characters: number) => ENDPOINT.padEnd(characters, 'x');
    const malformed = [
      { frame: '', reason: 'a frame was not JSON' },
      { frame: '{"messageType":"hello"', reason: 'a frame was not JSON' },
      { frame: '[]', reason: 'a frame was not a JSON object' },
      { frame: 'null', reason: 'a frame was not a JSON object' },
      { frame: '"hello"', reason: 'a frame was not a JSON object' },
      ...[undefined, '', 'x', 5].map((uaid) => ({
        frame: JSON.stringify({ messageType: 'hello', status: 200, uaid }),
        reason: 'the hello reply had no UUID as uaid',
      })),
      ...[undefined, 5, 'x', 'http://push.test/', ' wss://push.test/', 'ws://a\nb/'].map((url) => ({
        frame: JSON.stringify({ ...redirect, redirect: url }),
        reason: 'a redirect named no ws or wss URL',
      })),
      ...[undefined, 'x', 'file:///etc/passwd', longUrl(URL_CHARACTERS_MAX + 1)].map((url) => ({
        frame: JSON.stringify({ ...base, pushEndpoint: url }),
        reason: 'a register reply had no channelID or no HTTP URL as pushEndpoint',
      })),
      {
        frame: JSON.stringify({ messageType: 'unregister', status: 200 }),
        reason: 'an unregister reply had no channelID',
      },
    ];
    for (const { frame, reason } of malformed) {
      it(`is ${frame.slice(0, 90) || 'an empty frame'}`, () => {
        expect(decodeServerReply(frame)).to.deep.equal({ ok: false, reason });
      });
    }

    it('is not an endpoint of exactly the longest length', () => {
      const pushEndpoint = longUrl(URL_CHARACTERS_MAX);
      const text = JSON.stringify({ ...base, pushEndpoint });
      expect(decodeServerReply(text)).to.have.nested.property('reply.endpoint', pushEndpoint);
    });
  });
});
