import { expect } from 'chai';
import { parseServerMessage } from '../../../loadtest/stress/server-message.ts';

function parse(text: string) {
  return parseServerMessage(Buffer.from(text));
}

describe('messages that stress reads', () => {
  for (const { text, expected } of [
    {
      text: '{"messageType":"hello","uaid":"a","status":200}',
      expected: { kind: 'hello', status: 200, uaid: 'a', redirect: undefined },
    },
    // Early servers do without the status.
    {
      text: '{"messageType":"Hello","uaid":"a"}',
      expected: { kind: 'hello', status: 200, uaid: 'a', redirect: undefined },
    },
    {
      text: '{"messageType":"hello","status":307,"redirect":"ws://127.0.0.1/"}',
      expected: { kind: 'hello', status: 307, uaid: '', redirect: 'ws://127.0.0.1/' },
    },
    {
      text: '{"messageType":"register","status":200,"channelID":"c","pushEndpoint":"http://h/u"}',
      expected: { kind: 'register', status: 200, channelId: 'c', endpoint: 'http://h/u' },
    },
    {
      text: '{"messageType":"register","status":409,"channelID":"c"}',
      expected: { kind: 'register', status: 409, channelId: 'c', endpoint: '' },
    },
    {
      text: '{"messageType":"notification","updates":[{"channelID":"c","version":"7"}]}',
      expected: { kind: 'notification', updates: [{ channelId: 'c', version: 7 }], expired: [] },
    },
    {
      text: '{"messageType":"notification","expired":["c"]}',
      expected: { kind: 'notification', updates: [], expired: ['c'] },
    },
    { text: '{}', expected: { kind: 'other' } },
    { text: '{"messageType":"weather"}', expected: { kind: 'other' } },
  ]) {
    it(`reads ${text}`, () => {
      expect(parse(text)).to.deep.equal(expected);
    });
  }

  for (const text of [
    '',
    '{"messageType":',
    '[]',
    'null',
    '{"messageType":"hello","status":200}',
    '{"messageType":"hello","uaid":"a","status":"soon"}',
    '{"messageType":"register","status":200,"channelID":"c","pushEndpoint":"nowhere"}',
    '{"messageType":"register","channelID":"c"}',
    '{"messageType":"notification","updates":{}}',
    '{"messageType":"notification","updates":[{"channelID":"c","version":1.5}]}',
    '{"messageType":"notification","updates":[{"version":1}]}',
    '{"messageType":"notification","updates":[null]}',
    '{"messageType":"notification","expired":[7]}',
  ]) {
    it(`does not know ${text || 'an empty message'}`, () => {
      expect(parse(text)).to.equal(undefined);
    });
  }
});
