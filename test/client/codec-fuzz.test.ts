import { expect } from 'chai';
import fc from 'fast-check';
import { decodeServerReply } from '../../src/client/codec.ts';
import { FUZZ } from '../support/fuzz.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 60 });
const anyValue = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  anyText,
  fc.constantFrom(null, '', 0, -0, [], {}),
);
const anyUpdate = fc.record(
  {
    channelID: fc.oneof(fc.uuid(), anyValue),
    version: fc.oneof(fc.maxSafeNat(), fc.double(), anyValue),
    data: anyValue,
  },
  { requiredKeys: [] },
);
const almostReply = fc.record(
  {
    messageType: fc.oneof(
      fc.mixedCase(fc.constantFrom('hello', 'register', 'unregister', 'notification', 'ping')),
      anyValue,
    ),
    status: fc.oneof(fc.constantFrom(200, 307, 401, 429, 503), anyValue),
    uaid: fc.oneof(fc.uuid(), anyValue),
    redirect: fc.oneof(fc.webUrl({ validSchemes: ['ws', 'wss', 'http'] }), anyValue),
    channelID: fc.oneof(fc.uuid(), anyValue),
    pushEndpoint: fc.oneof(fc.webUrl(), anyValue),
    updates: fc.oneof(fc.array(fc.oneof(anyUpdate, anyValue)), anyValue),
    expired: fc.oneof(fc.array(fc.oneof(fc.uuid(), anyValue)), anyValue),
    connect: fc.oneof(fc.record({ status: anyValue, reason: anyValue }), anyValue),
    reason: anyValue,
    error: anyValue,
  },
  { requiredKeys: [] },
);

/** Whatever a server sends is a reply or malformed, and what the program may be told of it has its bounds. */
function read(text: string): void {
  const decoded = decodeServerReply(text);
  if (!decoded.ok) {
    expect(decoded.reason).not.to.equal('');
    return;
  }
  if (decoded.reply.type !== 'notification') return;
  for (const { channelId, version } of decoded.reply.updates) {
    expect(channelId).to.match(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(Number.isSafeInteger(version) && version >= 0).to.equal(true);
  }
}

describe('client/codec, whatever a server sends', () => {
  it('reads any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), read), FUZZ);
  });

  it('reads any JSON', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 6, stringUnit: 'binary' }), read), FUZZ);
  });

  it('reads what is nearly a reply', () => {
    fc.assert(
      fc.property(
        almostReply.map((reply) => JSON.stringify(reply)),
        read,
      ),
      FUZZ,
    );
  });
});
