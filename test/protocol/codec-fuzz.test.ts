/** What holds for any frame whatever: no input makes the codec throw, lose what it read, or take more than linear time. */
import { expect } from 'chai';
import fc from 'fast-check';
import { decodeClientMessage, encodeServerMessage } from '../../src/protocol/codec.ts';
import { parseChannelId, toVersion } from '../../src/protocol/ids.ts';
import type { ServerMessage } from '../../src/protocol/messages.ts';
import { FUZZ } from '../support/fuzz.ts';

const FRAME_BYTES_MAX = 128 * 1024;
const REASON = 'what was wrong';
const CHANNEL = 'e0a713a4-e5eb-42e5-a70f-4f0aba5acc46';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const anyValue = fc.oneof(fc.jsonValue(), anyText, fc.constantFrom(null, '', 0, -0, [], {}));
const id = fc.oneof(
  fc.uuid(),
  fc.uuid().map((uuid) => uuid.replaceAll('-', '').toUpperCase()),
);
const anyVersion = fc.oneof(fc.maxSafeNat(), fc.double(), anyValue);
const anyAcked = fc.oneof(
  fc.record({ channelID: fc.oneof(id, anyValue), version: anyVersion }, { requiredKeys: [] }),
  anyValue,
);

/** Objects that look like messages and break the rules in every member. */
const almostMessage = fc.record(
  {
    messageType: fc.oneof(
      fc.mixedCase(fc.constantFrom('hello', 'register', 'unregister', 'ack', 'ping', 'purge')),
      anyValue,
    ),
    uaid: fc.oneof(id, anyValue),
    channelIDs: fc.oneof(fc.array(fc.oneof(id, anyValue)), anyValue),
    channelID: fc.oneof(id, anyValue),
    updates: fc.oneof(fc.array(anyAcked), anyValue),
    expired: fc.oneof(fc.array(fc.oneof(id, anyValue)), anyValue),
    connect: anyValue,
    use_webpush: anyValue,
    ['__proto__']: anyValue,
    constructor: anyValue,
    toJSON: anyValue,
    status: anyValue,
  },
  { requiredKeys: [] },
);

/** Decodes the frame and, when it is an object, writes its error echo. */
function readAndEcho(frame: string): void {
  const decoded = decodeClientMessage(frame);
  if (decoded.kind === 'malformed') return;
  const request = decoded.kind === 'refused' ? decoded : decoded.message;
  const received = 'received' in request ? request.received : {};
  encodeServerMessage({ type: 'error', received, status: 401, reason: REASON });
}

describe('the codec', () => {
  describe('never throws', () => {
    it('whatever the text', () => {
      fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), readAndEcho), FUZZ);
    });

    it('whatever the JSON', () => {
      fc.assert(fc.property(fc.json({ maxDepth: 6, stringUnit: 'binary' }), readAndEcho), FUZZ);
    });

    it('whatever the members of a message', () => {
      fc.assert(fc.property(almostMessage.map(jsonOf), readAndEcho), FUZZ);
    });

    it('whatever part of a message is lost', () => {
      const property = fc.property(almostMessage.map(jsonOf), fc.double(), (text, share) => {
        readAndEcho(text.slice(0, Math.floor(text.length * Math.abs(share % 1))));
      });
      fc.assert(property, FUZZ);
    });

    for (const { title, frame } of largestFrames()) {
      it(`on 128 KiB of ${title}`, () => {
        readAndEcho(frame(FRAME_BYTES_MAX));
      });
    }
  });

  it('refuses the echo of a refused frame for the same reason', () => {
    const property = fc.property(almostMessage.map(jsonOf), (frame) => {
      const decoded = decodeClientMessage(frame);
      if (decoded.kind !== 'refused') return;
      const { received, reason } = decoded;
      const echo = encodeServerMessage({ type: 'error', received, status: 401, reason });
      expect(decodeClientMessage(echo)).to.include({ kind: 'refused', reason });
      expect(JSON.parse(echo)).to.include({ status: 401, error: 'Invalid Command', reason });
    });
    fc.assert(property, FUZZ);
  });

  it('quotes nothing of the input in its reasons', () => {
    const reasons = new Set<string>();
    const property = fc.property(almostMessage.map(jsonOf), (frame) => {
      const decoded = decodeClientMessage(frame);
      if (decoded.kind === 'refused') reasons.add(decoded.reason);
    });
    fc.assert(property, FUZZ);
    // As many as there are sentences in codec.ts; a quoting one would make thousands.
    expect(reasons.size).to.be.within(2, 16);
  });

  it('reads back what a device wrote', () => {
    const acked = fc.record({ channelID: id, version: fc.maxSafeNat() });
    const property = fc.property(
      fc.array(acked, { minLength: 1 }),
      fc.array(id),
      (updates, expired) => {
        const received = { messageType: 'ack', updates, expired };
        const expected = updates.map(({ channelID, version }) => ({
          channelId: parseChannelId(channelID),
          version,
        }));
        expect(decodeClientMessage(JSON.stringify(received))).to.deep.equal({
          kind: 'message',
          message: { type: 'ack', received, updates: expected },
        });
      },
    );
    fc.assert(property, FUZZ);
  });

  it('writes JSON that reads back as what was meant', () => {
    const fuzzed = fc.property(anyServerMessage(), ({ message, meant }) => {
      expect(JSON.parse(encodeServerMessage(message))).to.deep.equal(meant);
    });
    fc.assert(fuzzed, FUZZ);
  });

  describe('takes time in proportion to the length', () => {
    // Not a measure of speed: 32 times the input costs a linear reader some 32 times as much, a quadratic one 1024 times.
    // The best of many tries, and a bound far from both, keep out what else the machine does.
    const GROWTH = 32;
    const GROWTH_OF_COST_MAX = 256;
    /** Where reading costs less, the page faults of a string of 128 KiB are all that is measured. */
    const SMALLEST_COST_MS = 0.1;
    for (const { title, frame } of largestFrames()) {
      it(`of ${title}`, () => {
        const small = frame(FRAME_BYTES_MAX / GROWTH);
        const large = frame(FRAME_BYTES_MAX);
        const smallMs = bestOf(() => decodeClientMessage(small));
        const largeMs = bestOf(() => decodeClientMessage(large));
        expect(largeMs / Math.max(smallMs, SMALLEST_COST_MS)).to.be.below(GROWTH_OF_COST_MAX);
      });
    }
  });
});

/** JSON with lone surrogates and `__proto__` members as they come. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value);
}

/** Frames of any wanted size, each the worst of its kind. */
function largestFrames(): readonly { title: string; frame: (bytes: number) => string }[] {
  const message = (type: string, rest: string) => `{"messageType":"${type}",${rest}}`;
  const nested = (open: string, close: string) => (bytes: number) => {
    const depth = Math.floor(bytes / (open.length + close.length)) - 32;
    return message('ack', `"x":${open.repeat(depth)}1${close.repeat(depth)}`);
  };
  const listed = (member: string, element: string, type: string) => (bytes: number) => {
    const count = Math.floor(bytes / (element.length + 1)) - 8;
    return message(type, `"${member}":[${new Array(count).fill(element).join(',')}]`);
  };
  return [
    { title: 'open brackets', frame: (bytes) => '['.repeat(bytes) },
    { title: 'open braces', frame: (bytes) => '{"a":'.repeat(bytes / 5) },
    { title: 'blanks', frame: (bytes) => `${' '.repeat(bytes - 2)}{}` },
    { title: 'digits', frame: (bytes) => message('ack', `"updates":${'9'.repeat(bytes - 40)}`) },
    { title: 'nested arrays', frame: nested('[', ']') },
    { title: 'nested objects', frame: nested('{"":', '}') },
    { title: 'nested __proto__', frame: nested('{"__proto__":', '}') },
    { title: 'junk channels', frame: listed('channelIDs', '""', 'hello') },
    { title: 'channels', frame: listed('channelIDs', `"${CHANNEL}"`, 'hello') },
    {
      title: 'dashes',
      frame: (bytes) => message('register', `"channelID":"${'-'.repeat(bytes)}"`),
    },
    { title: 'hex digits', frame: (bytes) => message('hello', `"uaid":"${'a'.repeat(bytes)}"`) },
    { title: 'a long type', frame: (bytes) => message('\u0130'.repeat(bytes / 2), '"x":1') },
    { title: 'acks', frame: listed('updates', `{"channelID":"${CHANNEL}","version":1}`, 'ack') },
    { title: 'expired channels', frame: listed('expired', `"${CHANNEL}"`, 'ack') },
    {
      title: 'escapes',
      frame: (bytes) => message('x', `"\\u0000":"${'\\u0000'.repeat(bytes / 6)}"`),
    },
    { title: 'members', frame: manyMembers },
    {
      title: 'an address with a zone',
      frame: (bytes) =>
        message('hello', `"channelIDs":[],"wakeup_hostport":{"ip":"fe80::1%${'e'.repeat(bytes)}"}`),
    },
    {
      title: 'an address of colons',
      frame: (bytes) =>
        message('hello', `"channelIDs":[],"wakeup_hostport":{"ip":"${'1:'.repeat(bytes / 2)}"}`),
    },
  ];
}

function manyMembers(bytes: number): string {
  const count = Math.floor(bytes / 10);
  const members = Array.from({ length: count }, (_, index) => `"${index.toString(36)}":1`);
  return `{"messageType":"ping",${members.join(',')}}`;
}

/** Messages that carry text from outside, beside what a device should read in them. */
function anyServerMessage(): fc.Arbitrary<{ message: ServerMessage; meant: object }> {
  const version = fc.maxSafeNat().map((value) => toVersion(value) ?? expect.fail('no version'));
  const update = fc.record({ written: id, version, data: anyText });
  return fc.oneof(
    fc.record({ written: anyText }).map(({ written }) => ({
      message: { type: 'unregister' as const, written },
      meant: { messageType: 'unregister', status: 200, channelID: written },
    })),
    fc.record({ uaid: anyText, url: anyText }).map(({ uaid, url }) => ({
      message: { type: 'redirect' as const, writtenDeviceId: uaid, url },
      meant: { messageType: 'hello', uaid, status: 307, redirect: url },
    })),
    fc.record({ uaid: anyText, reason: anyText }).map(({ uaid, reason }) => ({
      message: {
        type: 'hello' as const,
        writtenDeviceId: uaid,
        status: 200 as const,
        connectReason: reason,
      },
      meant: { messageType: 'hello', uaid, status: 200, connect: { status: 400, reason } },
    })),
    fc.array(update, { minLength: 1 }).map((updates) => ({
      message: { type: 'notification' as const, updates, expired: [] },
      meant: {
        messageType: 'notification',
        updates: updates.map(({ written, ...rest }) => ({ channelID: written, ...rest })),
      },
    })),
  );
}

const TRIES = 20;

/** The shortest of some runs, in milliseconds. */
function bestOf(run: () => void): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let tried = 0; tried < TRIES; tried++) {
    const startMs = performance.now();
    run();
    bestMs = Math.min(bestMs, performance.now() - startMs);
  }
  return bestMs;
}
