import { expect } from 'chai';
import fc from 'fast-check';
import {
  MemcachedProtocolError,
  REPLY_LINE_BYTES_MAX,
  type Reply,
  ReplyReader,
  VALUE_BYTES_MAX,
} from '../../../src/storage/memcached/replies.ts';
import { FUZZ } from '../../support/fuzz.ts';

/** As a memcached 1.6.18 wrote them. */
const REPLIES: readonly { readonly text: string; readonly reply: Reply }[] = [
  {
    text: 'VA 2 c7 O8\r\nhi\r\n',
    reply: { kind: 'value', opaque: 8, cas: 7, value: 'hi' },
  },
  { text: 'VA 0 c7 O1\r\n\r\n', reply: { kind: 'value', opaque: 1, cas: 7, value: '' } },
  {
    text: 'VA 6 O1 c7\r\n\r\nMN\r\n\r\n',
    reply: { kind: 'value', opaque: 1, cas: 7, value: '\r\nMN\r\n' },
  },
  {
    text: 'VA 2 c1 O1\r\n\xff\x00\r\n',
    reply: { kind: 'value', opaque: 1, cas: 1, value: '\xff\x00' },
  },
  { text: 'HD c12 O9\r\n', reply: { kind: 'done', opaque: 9, cas: 12 } },
  { text: 'HD\r\n', reply: { kind: 'done', opaque: 0, cas: 0 } },
  { text: 'EN O3\r\n', reply: { kind: 'missing', opaque: 3 } },
  { text: 'NF c0 O9\r\n', reply: { kind: 'missing', opaque: 9 } },
  { text: 'EX c0 O9\r\n', reply: { kind: 'differs', opaque: 9 } },
  { text: 'NS c0 O99999999\r\n', reply: { kind: 'differs', opaque: 99_999_999 } },
  { text: 'MN\r\n', reply: { kind: 'alive' } },
  {
    text: 'SERVER_ERROR out of memory storing object\r\n',
    reply: { kind: 'refused', reason: 'out of memory storing object' },
  },
];

const REFUSED: readonly string[] = [
  'ERROR\r\n',
  'CLIENT_ERROR bad data chunk\r\n',
  'HTTP/1.1 400 Bad Request\r\n',
  'VALUE k 0 2\r\n',
  '\r\n',
  '\n',
  'H\n',
  'MN\n',
  'HD c1 O2\n',
  'HD  O1\r\n',
  'HDc1\r\n',
  'HD c\r\n',
  'HD c1x\r\n',
  'HD c-1\r\n',
  'HD x1\r\n',
  'HD c1 W\r\n',
  'HD c1234567890123456\r\n',
  'VA\r\n',
  'VA \r\n',
  'VA x c1 O1\r\n',
  'VA 2 c1 O1\r\nhiMN\r\n',
  'VA 1 c1 O1\r\nhi\r\n',
];

describe('ReplyReader', () => {
  for (const { text, reply } of REPLIES) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(repliesOf([text])).to.deep.equal([reply]);
    });
  }

  const all = REPLIES.map(({ text }) => text).join('');
  const allReplies = REPLIES.map(({ reply }) => reply);

  it('reads many replies at once', () => {
    expect(repliesOf([all])).to.deep.equal(allReplies);
  });

  it('reads replies that come one byte at a time', () => {
    expect(repliesOf([...all])).to.deep.equal(allReplies);
  });

  it('reads replies cut at any one place', () => {
    for (let at = 0; at <= all.length; at += 1) {
      expect(repliesOf([all.slice(0, at), all.slice(at)])).to.deep.equal(allReplies);
    }
  });

  it('hands on a reply as soon as its last byte is there', () => {
    for (const { text } of REPLIES) {
      expect(repliesOf([text.slice(0, -1)])).to.deep.equal([]);
    }
  });

  it('leaves the chunk to its owner', () => {
    const replies: Reply[] = [];
    const reader = new ReplyReader((reply) => replies.push(reply));
    const chunk = Buffer.from('VA 4 c1 O1\r\nab');
    reader.read(chunk);
    chunk.fill('x');
    reader.read(Buffer.from('cd\r\n'));
    expect(replies).to.deep.equal([{ kind: 'value', opaque: 1, cas: 1, value: 'abcd' }]);
  });

  for (const text of REFUSED) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      expect(() => repliesOf([text])).to.throw(MemcachedProtocolError);
      expect(() => repliesOf([...text])).to.throw(MemcachedProtocolError);
    });
  }

  it('hands on what came before bytes of no sense', () => {
    const replies: Reply[] = [];
    const reader = new ReplyReader((reply) => replies.push(reply));
    expect(() => reader.read(Buffer.from('MN\r\nERROR\r\n'))).to.throw(MemcachedProtocolError);
    expect(replies).to.deep.equal([{ kind: 'alive' }]);
  });

  it('takes a line of the longest length and none longer', () => {
    const longest = `SERVER_ERROR ${'x'.repeat(REPLY_LINE_BYTES_MAX - 15)}\r\n`;
    expect(longest).to.have.length(REPLY_LINE_BYTES_MAX);
    expect(repliesOf([longest])).to.have.length(1);
    expect(() => repliesOf([`S${longest}`])).to.throw(MemcachedProtocolError);
    expect(() => repliesOf(['x'.repeat(REPLY_LINE_BYTES_MAX)])).to.throw(MemcachedProtocolError);
    expect(repliesOf(['x'.repeat(REPLY_LINE_BYTES_MAX - 1)])).to.deep.equal([]);
  });

  it('takes a value of the longest length and none longer', () => {
    const value = 'v'.repeat(VALUE_BYTES_MAX);
    expect(repliesOf([`VA ${VALUE_BYTES_MAX} c1 O1\r\n${value}\r\n`])).to.have.length(1);
    const tooLong = `VA ${VALUE_BYTES_MAX + 1} c1 O1\r\n`;
    expect(() => repliesOf([tooLong])).to.throw(MemcachedProtocolError);
  });

  it('reads any bytes as replies or refuses them', () => {
    const soup = fc.oneof(
      fc.constantFrom(...REPLIES.map(({ text }) => text), ...REFUSED, ' ', '\r', 'VA', 'O'),
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
    );
    const texts = fc.array(soup, { maxLength: 6 });
    const check = fc.property(texts, fc.array(fc.nat(60)), (parts, cuts) => {
      const text = parts.join('');
      const whole = outcomeOf([text]);
      expect(outcomeOf(cutAt(text, cuts))).to.deep.equal(whole);
    });
    fc.assert(check, FUZZ);
  });
});

function repliesOf(chunks: readonly string[]): Reply[] {
  const replies: Reply[] = [];
  const reader = new ReplyReader((reply) => replies.push(reply));
  for (const chunk of chunks) reader.read(Buffer.from(chunk, 'latin1'));
  return replies;
}

/** The replies before the end or the refusal, and which of the two it was. */
function outcomeOf(chunks: readonly string[]): { replies: Reply[]; isRefused: boolean } {
  const replies: Reply[] = [];
  const reader = new ReplyReader((reply) => replies.push(reply));
  try {
    for (const chunk of chunks) reader.read(Buffer.from(chunk, 'latin1'));
    return { replies, isRefused: false };
  } catch (error) {
    expect(error).to.be.instanceOf(MemcachedProtocolError);
    return { replies, isRefused: true };
  }
}

function cutAt(text: string, places: readonly number[]): string[] {
  const sorted = [...places].sort((a, b) => a - b);
  return [0, ...sorted].map((from, at) => text.slice(from, sorted[at] ?? text.length));
}
