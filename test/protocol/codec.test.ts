import { expect } from 'chai';
import {
  decodeClientMessage,
  encodeServerMessage,
  encodeUpdate,
} from '../../src/protocol/codec.ts';
import { parseChannelId, parseDeviceId, toVersion, VERSION_MAX } from '../../src/protocol/ids.ts';
import type { ClientMessage, SentUpdate, ServerMessage } from '../../src/protocol/messages.ts';

const DEVICE = '0123456789abcdef0123456789abcdef';
const DASHED_DEVICE = '01234567-89AB-CDEF-0123-456789ABCDEF';
const CHANNEL = 'e0a713a4-e5eb-42e5-a70f-4f0aba5acc46';
const PLAIN_CHANNEL = CHANNEL.replaceAll('-', '').toUpperCase();
const OTHER_CHANNEL = '4a6fbe57-9c84-4cf9-afbf-26a91acefcd5';

const UNKNOWN_TYPE = 'messageType is not known';
const NO_TYPE_TEXT = 'messageType must be a string';
const NO_TYPE = 'messageType is missing';
const NO_CHANNEL_IDS = 'channelIDs is missing';
const BAD_CHANNEL_IDS = 'channelIDs must be an array';
const BAD_UAID = 'uaid must be a string';
const BAD_CHANNEL = 'channelID must be a UUID';
const NO_CHANNEL = 'channelID must be a string that is not empty';
const BAD_UPDATES = 'updates must be an array';
const BAD_UPDATE = 'each element of updates must be an object';
const BAD_UPDATE_CHANNEL = 'each element of updates must have a UUID as channelID';
const BAD_VERSION = 'a version must be an integer from 0 to 2^53-1';
const BAD_EXPIRED = 'expired must be an array';
const BAD_EXPIRED_ID = 'each element of expired must be a UUID';
const NOTHING_ACKED = 'updates or expired must have an element';

/** The message of a frame that must be taken. */
function messageOf(frame: object): ClientMessage {
  const decoded = decodeClientMessage(JSON.stringify(frame));
  if (decoded.kind !== 'message') throw new Error(`not taken: ${JSON.stringify(decoded)}`);
  return decoded.message;
}

function ack(updates: unknown, expired?: unknown): object {
  return { messageType: 'ack', updates, expired };
}

function ackOf(version: unknown): object {
  return ack([{ channelID: CHANNEL, version }]);
}

function channel(written: string): object {
  return { channelId: parseChannelId(written), written };
}

function sent(written: string, version: number, data?: string): SentUpdate {
  const update = { written, version: toVersion(version) ?? expect.fail('no version') };
  return data === undefined ? update : { ...update, data };
}

describe('decodeClientMessage', () => {
  describe('answers malformed to', () => {
    const frames = [
      { title: 'an empty frame', frame: '' },
      { title: 'a blank', frame: ' ' },
      { title: 'a word', frame: 'hello' },
      { title: 'half an object', frame: '{"messageType":"hello"' },
      { title: 'two objects', frame: '{}{}' },
      { title: 'single quotes', frame: "{'messageType':'ping'}" },
      { title: 'a trailing comma', frame: '{"messageType":"ping",}' },
      { title: 'a comment', frame: '{}//' },
      { title: 'a byte order mark', frame: '\ufeff{}' },
      { title: 'a NUL after the object', frame: '{}\0' },
      { title: 'a raw line break in a text', frame: '{"messageType":"pi\nng"}' },
      { title: 'null', frame: 'null' },
      { title: 'true', frame: 'true' },
      { title: 'a number', frame: '42' },
      { title: 'a text', frame: '"{}"' },
      { title: 'an empty array', frame: '[]' },
      { title: 'an array of messages', frame: '[{"messageType":"ping"}]' },
      { title: '128 KiB of open brackets', frame: '['.repeat(128 * 1024) },
      { title: '128 KiB of nested arrays', frame: '['.repeat(65_536) + ']'.repeat(65_536) },
    ];
    for (const { title, frame } of frames) {
      it(title, () => {
        expect(decodeClientMessage(frame)).to.deep.equal({ kind: 'malformed' });
      });
    }
  });

  describe('refuses', () => {
    const frames: readonly { frame: object; reason: string }[] = [
      { frame: { foo: 1 }, reason: NO_TYPE },
      { frame: { messagetype: 'ping' }, reason: NO_TYPE },
      { frame: { MessageType: 'ping' }, reason: NO_TYPE },
      { frame: { messageType: null }, reason: NO_TYPE_TEXT },
      { frame: { messageType: 7 }, reason: NO_TYPE_TEXT },
      { frame: { messageType: ['ping'] }, reason: NO_TYPE_TEXT },
      { frame: { messageType: { toString: 'ping' } }, reason: NO_TYPE_TEXT },
      { frame: { messageType: '' }, reason: UNKNOWN_TYPE },
      { frame: { messageType: ' ping' }, reason: UNKNOWN_TYPE },
      { frame: { messageType: 'ping\0' }, reason: UNKNOWN_TYPE },
      { frame: { messageType: 'notification' }, reason: UNKNOWN_TYPE },
      { frame: { messageType: 'toString' }, reason: UNKNOWN_TYPE },
      { frame: { messageType: 'constructor' }, reason: UNKNOWN_TYPE },
      { frame: { messageType: '__proto__' }, reason: UNKNOWN_TYPE },

      { frame: { messageType: 'hello' }, reason: NO_CHANNEL_IDS },
      { frame: { messageType: 'hello', uaid: DEVICE }, reason: NO_CHANNEL_IDS },
      { frame: { messageType: 'hello', channelIDs: null }, reason: NO_CHANNEL_IDS },
      { frame: { messageType: 'hello', channelids: [] }, reason: NO_CHANNEL_IDS },
      { frame: { messageType: 'hello', channelIDs: {} }, reason: BAD_CHANNEL_IDS },
      { frame: { messageType: 'hello', channelIDs: '' }, reason: BAD_CHANNEL_IDS },
      { frame: { messageType: 'hello', channelIDs: 0 }, reason: BAD_CHANNEL_IDS },
      {
        frame: { messageType: 'hello', channelIDs: 'x', use_webpush: true },
        reason: BAD_CHANNEL_IDS,
      },
      { frame: { messageType: 'hello', uaid: 1, channelIDs: [] }, reason: BAD_UAID },
      { frame: { messageType: 'hello', uaid: true, channelIDs: [] }, reason: BAD_UAID },
      { frame: { messageType: 'hello', uaid: [], channelIDs: [] }, reason: BAD_UAID },
      { frame: { messageType: 'hello', uaid: {}, channelIDs: [] }, reason: BAD_UAID },

      { frame: { messageType: 'register' }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelid: CHANNEL }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelID: '' }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelID: null }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelID: 7 }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelID: [CHANNEL] }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelID: 'foo' }, reason: BAD_CHANNEL },
      { frame: { messageType: 'register', channelID: DEVICE + DEVICE }, reason: BAD_CHANNEL },

      { frame: { messageType: 'unregister' }, reason: NO_CHANNEL },
      { frame: { messageType: 'unregister', channelID: '' }, reason: NO_CHANNEL },
      { frame: { messageType: 'unregister', channelID: null }, reason: NO_CHANNEL },
      { frame: { messageType: 'unregister', channelID: 7 }, reason: NO_CHANNEL },

      { frame: ack(undefined), reason: NOTHING_ACKED },
      { frame: ack(null, null), reason: NOTHING_ACKED },
      { frame: ack([]), reason: NOTHING_ACKED },
      { frame: ack([], []), reason: NOTHING_ACKED },
      { frame: ack({}), reason: BAD_UPDATES },
      { frame: ack('x'), reason: BAD_UPDATES },
      { frame: ack(false), reason: BAD_UPDATES },
      { frame: ack([null]), reason: BAD_UPDATE },
      { frame: ack([CHANNEL]), reason: BAD_UPDATE },
      { frame: ack([[CHANNEL, 1]]), reason: BAD_UPDATE },
      { frame: ack([{}]), reason: BAD_UPDATE_CHANNEL },
      { frame: ack([{ channelID: 7, version: 1 }]), reason: BAD_UPDATE_CHANNEL },
      { frame: ack([{ channelID: 'foo', version: 1 }]), reason: BAD_UPDATE_CHANNEL },
      { frame: ack([{ channelID: CHANNEL, version: 1 }, {}]), reason: BAD_UPDATE_CHANNEL },
      { frame: ackOf(-1), reason: BAD_VERSION },
      { frame: ackOf(0.5), reason: BAD_VERSION },
      { frame: ackOf('1'), reason: BAD_VERSION },
      { frame: ackOf(''), reason: BAD_VERSION },
      { frame: ackOf(true), reason: BAD_VERSION },
      { frame: ackOf([]), reason: BAD_VERSION },
      { frame: ackOf(VERSION_MAX + 1), reason: BAD_VERSION },
      { frame: ackOf(1e300), reason: BAD_VERSION },
      { frame: ack([], {}), reason: BAD_EXPIRED },
      { frame: ack([{ channelID: CHANNEL }], CHANNEL), reason: BAD_EXPIRED },
      { frame: ack([], ['foo']), reason: BAD_EXPIRED_ID },
      { frame: ack([], [CHANNEL, null]), reason: BAD_EXPIRED_ID },
    ];
    for (const { frame, reason } of frames) {
      const text = JSON.stringify(frame);
      it(text, () => {
        const received: unknown = JSON.parse(text);
        expect(decodeClientMessage(text)).to.deep.equal({ kind: 'refused', received, reason });
      });
    }

    it('a version that only JSON can write too large', () => {
      const text = `{"messageType":"ack","updates":[{"channelID":"${CHANNEL}","version":1e999}]}`;
      expect(decodeClientMessage(text)).to.include({ kind: 'refused', reason: BAD_VERSION });
    });

    it('an object that has nothing but a __proto__ member, and inherits nothing from it', () => {
      const text = '{"__proto__":{"messageType":"ping"}}';
      expect(decodeClientMessage(text)).to.include({ kind: 'refused', reason: NO_TYPE });
      expect(Object.hasOwn(Object.prototype, 'messageType')).to.equal(false);
    });
  });

  describe('takes as a ping', () => {
    for (const text of [
      '{}',
      ' { } ',
      '{\n}',
      '{"messageType":"ping"}',
      '{"messageType":"PiNg"}',
    ]) {
      it(JSON.stringify(text), () => {
        const decoded = decodeClientMessage(text);
        const received: unknown = JSON.parse(text);
        expect(decoded).to.deep.equal({ kind: 'message', message: { type: 'ping', received } });
      });
    }
  });

  it('takes purge, whatever else it says', () => {
    expect(messageOf({ messageType: 'purge', x: [1] })).to.deep.equal({ type: 'purge' });
  });

  describe('takes a hello', () => {
    const withoutDevice = { deviceId: undefined, writtenDeviceId: '' };
    const nothingListed = { listedCount: 0, listed: [], connect: { kind: 'absent' } };
    const rows: readonly { title: string; frame: object; expected: object }[] = [
      {
        title: 'of a new device',
        frame: { uaid: '', channelIDs: [] },
        expected: { ...withoutDevice, ...nothingListed },
      },
      { title: 'without uaid', frame: { channelIDs: [] }, expected: withoutDevice },
      {
        title: 'whose uaid is null',
        frame: { uaid: null, channelIDs: [] },
        expected: withoutDevice,
      },
      ...['invalid', '0', '-66000', 'True', '"foo bar"', 'x'.repeat(64_000)].map((uaid) => ({
        title: `whose uaid is ${uaid.slice(0, 12)}: as of a new device`,
        frame: { uaid, channelIDs: [] },
        expected: { deviceId: undefined, writtenDeviceId: uaid },
      })),
      {
        title: 'whose uaid is written otherwise than we keep it',
        frame: { uaid: DASHED_DEVICE, channelIDs: [] },
        expected: { deviceId: parseDeviceId(DEVICE), writtenDeviceId: DASHED_DEVICE },
      },
      {
        title: 'that lists channels in either spelling, and junk, which is counted and passed over',
        frame: { channelIDs: [CHANNEL, 'foo', 7, null, {}, [CHANNEL], PLAIN_CHANNEL] },
        expected: { listedCount: 7, listed: [channel(CHANNEL), channel(PLAIN_CHANNEL)] },
      },
      {
        title: 'that lists more channels than any device may hold',
        frame: { channelIDs: Array.from({ length: 501 }, () => 'x') },
        expected: { listedCount: 501, listed: [] },
      },
      {
        title: 'of a Firefox that has no uaid yet',
        frame: { broadcasts: {}, use_webpush: true },
        expected: { ...withoutDevice, ...nothingListed },
      },
      {
        title: 'of a Firefox that comes again',
        frame: { broadcasts: {}, use_webpush: true, uaid: DEVICE },
        expected: { deviceId: parseDeviceId(DEVICE), writtenDeviceId: DEVICE, ...nothingListed },
      },
      { title: 'with use_webpush alone', frame: { use_webpush: false }, expected: nothingListed },
      { title: 'with broadcasts alone', frame: { broadcasts: null }, expected: nothingListed },
      {
        title: 'with a way to be kicked',
        frame: { channelIDs: [], connect: { type: 'fcm', token: 't' } },
        expected: { connect: { kind: 'given', target: { type: 'fcm', token: 't' } } },
      },
      {
        title: 'with a connect that is not taken',
        frame: { channelIDs: [], connect: 7 },
        expected: { connect: { kind: 'invalid', reason: 'connect must be an object' } },
      },
      {
        title: 'whose type is in capitals, with members we do not know',
        frame: { messageType: 'HELLO', channelIDs: [], interface: { x: 1 }, constructor: 1 },
        expected: { type: 'hello', ...nothingListed },
      },
    ];
    for (const { title, frame, expected } of rows) {
      it(title, () => {
        const whole = { messageType: 'hello', ...frame };
        const message = messageOf(whole);
        expect(message).to.deep.include({ type: 'hello', received: whole, ...expected });
      });
    }
  });

  describe('takes a register', () => {
    for (const written of [CHANNEL, PLAIN_CHANNEL]) {
      it(`of ${written}`, () => {
        const received = { messageType: 'Register', channelID: written, key: 'BB466q' };
        const expected = { type: 'register', received, channel: channel(written) };
        expect(messageOf(received)).to.deep.equal(expected);
      });
    }
  });

  describe('takes an unregister', () => {
    for (const written of [CHANNEL, PLAIN_CHANNEL, 'foo', ' ']) {
      it(`of ${JSON.stringify(written)}`, () => {
        const received = { messageType: 'unregister', channelID: written, code: 200 };
        const channelId = parseChannelId(written);
        expect(messageOf(received)).to.deep.equal({
          type: 'unregister',
          received,
          channelId,
          written,
        });
      });
    }
  });

  describe('takes an ack', () => {
    const rows: readonly { title: string; frame: object; updates: readonly object[] }[] = [
      {
        title: 'of one update, with the code of a Firefox',
        frame: ack([{ channelID: CHANNEL, version: 42, code: 100 }]),
        updates: [{ channelId: CHANNEL, version: 42 }],
      },
      {
        title: 'of several updates in their order',
        frame: ack([
          { channelID: PLAIN_CHANNEL, version: VERSION_MAX },
          { channelID: OTHER_CHANNEL, version: 0 },
          { channelID: CHANNEL, version: 1 },
        ]),
        updates: [
          { channelId: CHANNEL, version: VERSION_MAX },
          { channelId: OTHER_CHANNEL, version: 0 },
          { channelId: CHANNEL, version: 1 },
        ],
      },
      {
        title: 'without version',
        frame: ackOf(undefined),
        updates: [{ channelId: CHANNEL, version: undefined }],
      },
      {
        title: 'whose version is null',
        frame: ackOf(null),
        updates: [{ channelId: CHANNEL, version: undefined }],
      },
      { title: 'of expired channels alone', frame: ack(undefined, [CHANNEL]), updates: [] },
      {
        title: 'of updates and expired channels',
        frame: ack([{ channelID: CHANNEL, version: 1 }], [OTHER_CHANNEL]),
        updates: [{ channelId: CHANNEL, version: 1 }],
      },
      {
        title: 'of updates beside an expired that is null',
        frame: ack([{ channelID: CHANNEL, version: 1 }], null),
        updates: [{ channelId: CHANNEL, version: 1 }],
      },
    ];
    for (const { title, frame, updates } of rows) {
      it(title, () => {
        const received: unknown = JSON.parse(JSON.stringify(frame));
        expect(messageOf(frame)).to.deep.equal({ type: 'ack', received, updates });
      });
    }
  });

  it('lets the last of several members of one name count, as JSON does', () => {
    const text = '{"messageType":"hello","messageType":"ping"}';
    const received = { messageType: 'ping' };
    expect(decodeClientMessage(text)).to.deep.equal({
      kind: 'message',
      message: { type: 'ping', received },
    });
  });
});

describe('encodeServerMessage', () => {
  const hello = { type: 'hello', writtenDeviceId: DEVICE, connectReason: undefined } as const;
  const register = { type: 'register', writtenDeviceId: DEVICE, written: PLAIN_CHANNEL } as const;
  const notification = { type: 'notification', updates: [], expired: [] } as const;
  const rows: readonly { title: string; message: ServerMessage; text: string }[] = [
    { title: 'a short pong', message: { type: 'pong', long: false }, text: '{}' },
    {
      title: 'a long pong',
      message: { type: 'pong', long: true },
      text: '{"messageType":"ping","status":200}',
    },
    {
      title: 'a hello',
      message: { ...hello, status: 200 },
      text: `{"messageType":"hello","uaid":"${DEVICE}","status":200}`,
    },
    {
      title: 'a hello of a node that is full, to an id that needs escaping',
      message: { ...hello, writtenDeviceId: '"\\\n\ud800', status: 429 },
      text: '{"messageType":"hello","uaid":"\\"\\\\\\n\\ud800","status":429}',
    },
    {
      title: 'a hello whose connect was not taken',
      message: { ...hello, status: 200, connectReason: 'connect must be an object' },
      text: `{"messageType":"hello","uaid":"${DEVICE}","status":200,"connect":{"status":400,"reason":"connect must be an object"}}`,
    },
    {
      title: 'a redirect',
      message: { type: 'redirect', writtenDeviceId: DEVICE, url: 'wss://b.example/?a="' },
      text: `{"messageType":"hello","uaid":"${DEVICE}","status":307,"redirect":"wss://b.example/?a=\\""}`,
    },
    {
      title: 'a registration, with the ids as the device wrote them',
      message: { ...register, endpoint: 'https://p.example/update/abc' },
      text: `{"messageType":"register","uaid":"${DEVICE}","status":200,"channelID":"${PLAIN_CHANNEL}","pushEndpoint":"https://p.example/update/abc"}`,
    },
    {
      title: 'the end of a registration, of any text',
      message: { type: 'unregister', written: 'fo"o' },
      text: '{"messageType":"unregister","status":200,"channelID":"fo\\"o"}',
    },
    {
      title: 'one update',
      message: { ...notification, updates: [sent(CHANNEL, 0)] },
      text: `{"messageType":"notification","updates":[{"channelID":"${CHANNEL}","version":0}]}`,
    },
    {
      title: 'updates with and without data, in their order',
      message: {
        ...notification,
        updates: [sent(CHANNEL, VERSION_MAX, 'a"\u2028\ud800'), sent(PLAIN_CHANNEL, 1, '')],
      },
      text: `{"messageType":"notification","updates":[{"channelID":"${CHANNEL}","version":9007199254740991,"data":"a\\"\u2028\\ud800"},{"channelID":"${PLAIN_CHANNEL}","version":1,"data":""}]}`,
    },
    {
      title: 'expired channels',
      message: { ...notification, expired: [CHANNEL, PLAIN_CHANNEL] },
      text: `{"messageType":"notification","expired":["${CHANNEL}","${PLAIN_CHANNEL}"]}`,
    },
    {
      title: 'updates and expired channels',
      message: { ...notification, updates: [sent(CHANNEL, 7)], expired: [OTHER_CHANNEL] },
      text: `{"messageType":"notification","updates":[{"channelID":"${CHANNEL}","version":7}],"expired":["${OTHER_CHANNEL}"]}`,
    },
  ];
  for (const { title, message, text } of rows) {
    it(`writes ${title}`, () => expect(encodeServerMessage(message)).to.equal(text));
  }

  it('writes a single update as it writes a notification of one', () => {
    for (const update of [sent(CHANNEL, 7), sent(PLAIN_CHANNEL, 8, 'data')]) {
      const message: ServerMessage = { ...notification, updates: [update] };
      expect(encodeUpdate(update)).to.equal(encodeServerMessage(message));
    }
  });

  describe('echoes an error', () => {
    const reason = 'what was wrong';
    const rows: readonly { received: string; status: 401 | 429 | 500 | 503; text: string }[] = [
      {
        received: '{"messageType":"register","channelID":"foo"}',
        status: 401,
        text: '{"messageType":"register","channelID":"foo","status":401,"error":"Invalid Command","reason":"what was wrong"}',
      },
      {
        received: '{"x":[1,{"y":null}],"messageType":"ReGister"}',
        status: 429,
        text: '{"x":[1,{"y":null}],"messageType":"register","status":429,"error":"Too Many Requests","reason":"what was wrong"}',
      },
      {
        received: '{"messageType":"FooBar"}',
        status: 401,
        text: '{"messageType":"FooBar","status":401,"error":"Invalid Command","reason":"what was wrong"}',
      },
      {
        received: '{"messageType":7}',
        status: 401,
        text: '{"messageType":7,"status":401,"error":"Invalid Command","reason":"what was wrong"}',
      },
      {
        received: '{}',
        status: 500,
        text: '{"status":500,"error":"Internal Server Error","reason":"what was wrong"}',
      },
      {
        received: '{"status":200,"reason":"mine","error":"mine"}',
        status: 503,
        text: '{"status":503,"reason":"what was wrong","error":"Service Unavailable"}',
      },
      {
        received: '{"__proto__":{"status":200},"toJSON":"x"}',
        status: 401,
        text: '{"__proto__":{"status":200},"toJSON":"x","status":401,"error":"Invalid Command","reason":"what was wrong"}',
      },
    ];
    for (const { received, status, text } of rows) {
      it(`with ${status} to ${received}`, () => {
        const message = { type: 'error', received: JSON.parse(received), status, reason } as const;
        expect(encodeServerMessage(message)).to.equal(text);
      });
    }

    it('without the echo when the request is nested too deep to be written back', () => {
      const deep = `{"messageType":"ACK","x":${'['.repeat(60_000)}${']'.repeat(60_000)}}`;
      const message = { type: 'error', received: JSON.parse(deep), status: 401, reason } as const;
      expect(encodeServerMessage(message)).to.equal(
        '{"messageType":"ack","status":401,"error":"Invalid Command","reason":"what was wrong"}',
      );
    });
  });
});
