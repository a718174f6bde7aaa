import { createCipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { channelIdOf, deviceIdOf } from '../../src/protocol/ids.ts';
import {
  createTokens,
  TOKEN_CHARACTERS,
  TOKEN_KEY_BYTES,
  type TokenContent,
} from '../../src/protocol/token.ts';
import { FUZZ } from '../support/fuzz.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const UUID_V4 = /^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/;

const OLD_KEY = Buffer.alloc(TOKEN_KEY_BYTES, 'old');
const NEW_KEY = Buffer.alloc(TOKEN_KEY_BYTES, 'new');
const OTHER_KEY = Buffer.alloc(TOKEN_KEY_BYTES, 'other');

const tokens = createTokens([OLD_KEY]);
const CONTENT = contentOf(Buffer.from('0123456789abcdef0123456789abcdef0123456789abcdef'));
const TOKEN = tokens.seal(CONTENT);

/** Device and channel from the first 32 bytes. */
function contentOf(bytes: Buffer): TokenContent {
  return { deviceId: deviceIdOf(bytes, 0), channelId: channelIdOf(bytes, 16) };
}

function sealedByNode(key: Buffer, plain: Buffer): string {
  const derived = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', key, '', `reveille endpoint token ${purpose}`, 32));
  const tag = createHmac('sha256', derived('mac')).update(plain).digest().subarray(0, 16);
  const cipher = createCipheriv('aes-256-ctr', derived('encryption'), tag);
  return Buffer.concat([tag, cipher.update(plain)]).toString('base64url');
}

function replacedAt(text: string, index: number, character: string): string {
  return text.slice(0, index) + character + text.slice(index + 1);
}

describe('endpoint tokens', () => {
  it('fill their length exactly and need no escaping in a URL', () => {
    expect(TOKEN).to.have.lengthOf(TOKEN_CHARACTERS);
    expect(TOKEN).to.match(/^[A-Za-z0-9_-]+$/);
    expect(encodeURIComponent(TOKEN)).to.equal(TOKEN);
  });

  it('stay the same from release to release', () => {
    // Endpoints live for years in the databases of app servers: a change of this text is a change of every one of them.
    // The text was computed apart from this code, with Python's hmac and `openssl enc`.
    expect(TOKEN).to.equal('UraXAJvXrmuWJ7QtvTmaKPqLOy6LRQDeQPrXyHTwWm9BII1QurJxM-5JUGmQhvjq');
  });

  it('are what Node makes by HMAC-SHA-256 and AES-256-CTR', () => {
    // More contents than a byte has values: the counter of the key stream carries over for some of them.
    for (let number = 0; number < 1000; number++) {
      const bytes = createHash('sha256').update(`${number}`).digest();
      expect(tokens.seal(contentOf(bytes))).to.equal(sealedByNode(OLD_KEY, bytes));
    }
  });

  it('open to what was sealed, and are the same each time', () => {
    const thirtyTwo = fc.uint8Array({ minLength: 32, maxLength: 32 });
    const property = fc.property(thirtyTwo, (bytes) => {
      const content = contentOf(Buffer.from(bytes));
      const token = tokens.seal(content);
      expect(tokens.open(token)).to.deep.equal(content);
      expect(createTokens([OLD_KEY]).seal(content)).to.equal(token);
    });
    fc.assert(property, { ...FUZZ, numRuns: 200 });
  });

  it('do not open with any one character replaced by any other', () => {
    // Each of the 64 characters stands for 6 bits: its 63 replacements are all changes of these bits.
    let tried = 0;
    for (let index = 0; index < TOKEN_CHARACTERS; index++) {
      for (const character of ALPHABET) {
        if (character === TOKEN[index]) continue;
        tried += 1;
        expect(tokens.open(replacedAt(TOKEN, index, character))).to.equal(undefined);
      }
    }
    expect(tried).to.equal(TOKEN_CHARACTERS * (ALPHABET.length - 1));
  });

  it('do not open with any one bit of their bytes flipped', () => {
    const bytes = Buffer.from(TOKEN, 'base64url');
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(tokens.open(flipped.toString('base64url'))).to.equal(undefined);
    }
  });

  it('do not open with their parts exchanged', () => {
    const other = tokens.seal(contentOf(Buffer.alloc(32, 1)));
    for (let cut = 1; cut < TOKEN_CHARACTERS; cut++) {
      expect(tokens.open(TOKEN.slice(0, cut) + other.slice(cut))).to.equal(undefined);
    }
  });

  const refused = [
    { title: 'an empty text', token: '' },
    { title: 'a token one character short', token: TOKEN.slice(1) },
    { title: 'a token without its last character', token: TOKEN.slice(0, -1) },
    { title: 'a token one character long', token: `${TOKEN}A` },
    { title: 'two tokens', token: TOKEN + TOKEN },
    { title: 'padding', token: `${TOKEN}==` },
    { title: 'padding within the length', token: `${TOKEN.slice(0, -1)}=` },
    { title: 'a leading blank', token: ` ${TOKEN}` },
    { title: 'a trailing line break', token: `${TOKEN}\n` },
    { title: 'a line break within the length', token: `${TOKEN.slice(0, -1)}\n` },
    { title: 'a NUL', token: `${TOKEN.slice(0, -1)}\0` },
    {
      title: 'an escaped character',
      token: `%${TOKEN.charCodeAt(0).toString(16)}${TOKEN.slice(1)}`,
    },
    { title: 'the right length of one letter', token: 'A'.repeat(TOKEN_CHARACTERS) },
    { title: 'a text of 1 MiB', token: 'A'.repeat(1024 * 1024) },
  ];
  for (const { title, token } of refused) {
    it(`refuse ${title}`, () => expect(tokens.open(token)).to.equal(undefined));
  }

  it('refuse the other spelling of base64, though a lenient reader takes it for the same bytes', () => {
    const token = sealedWith(/-.*_|_.*-/);
    const standard = token.replaceAll('-', '+').replaceAll('_', '/');
    expect(Buffer.from(standard, 'base64url')).to.deep.equal(Buffer.from(token, 'base64url'));
    expect(tokens.open(token)).to.not.equal(undefined);
    for (const variant of [standard, token.replaceAll('-', '+'), token.replaceAll('_', '/')]) {
      expect(tokens.open(variant)).to.equal(undefined);
    }
  });

  it('refuse any text that was not sealed', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({ unit: fc.constantFrom(...ALPHABET), minLength: 64, maxLength: 64 }),
    );
    const property = fc.property(text, (token) => {
      expect(tokens.open(token)).to.equal(undefined);
    });
    fc.assert(property, FUZZ);
  });

  it('of one device have nothing in common', () => {
    // Among 100 tokens of independent random characters, a run of 7 is shared with a chance below one in 200,000.
    const seen = new Map<string, number>();
    for (let channel = 0; channel < 100; channel++) {
      const bytes = Buffer.alloc(32, 7);
      bytes.writeUInt32BE(channel, 28);
      for (const run of runsOf(tokens.seal(contentOf(bytes)), 7)) {
        expect(seen.get(run) ?? channel, `'${run}' occurs twice`).to.equal(channel);
        seen.set(run, channel);
      }
    }
  });

  it('of one channel id on two devices have nothing in common', () => {
    const first = new Set(runsOf(tokens.seal(contentOf(Buffer.alloc(32, 1))), 4));
    const second = Buffer.alloc(32, 1).fill(2, 0, 16);
    for (const run of runsOf(tokens.seal(contentOf(second)), 4)) {
      expect(first.has(run)).to.equal(false);
    }
  });

  describe('when keys change', () => {
    const rotated = createTokens([NEW_KEY, OLD_KEY]);

    it('still open under the older key', () => {
      expect(rotated.open(TOKEN)).to.deep.equal(CONTENT);
    });

    it('are sealed under the first key only', () => {
      const token = rotated.seal(CONTENT);
      expect(token).to.equal(createTokens([NEW_KEY]).seal(CONTENT));
      expect(token).to.not.equal(TOKEN);
      expect(tokens.open(token)).to.equal(undefined);
    });

    it('no longer open once their key is taken away', () => {
      expect(createTokens([NEW_KEY]).open(TOKEN)).to.equal(undefined);
      expect(createTokens([NEW_KEY, OTHER_KEY]).open(TOKEN)).to.equal(undefined);
    });
  });
});

describe('self-certifying device ids', () => {
  const random = Buffer.from('random bytes: 16');
  const deviceId = tokens.newDeviceId(Buffer.from(random));

  it('are UUIDv4 in form and recognised', () => {
    const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const property = fc.property(sixteen, (bytes) => {
      const made = tokens.newDeviceId(bytes);
      expect(made).to.match(UUID_V4);
      expect(tokens.recognises(made)).to.equal(true);
    });
    fc.assert(property, FUZZ);
  });

  it('differ when their random bytes differ', () => {
    expect(tokens.newDeviceId(Buffer.alloc(16, 1))).to.not.equal(deviceId);
    expect(tokens.newDeviceId(Buffer.from(random))).to.equal(deviceId);
  });

  it('are not recognised with any one bit flipped', () => {
    const bytes = Buffer.from(deviceId, 'hex');
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(tokens.recognises(deviceIdOf(flipped, 0))).to.equal(false);
    }
  });

  it("are not recognised when they are a stranger's", () => {
    const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const property = fc.property(sixteen, (bytes) => {
      expect(tokens.recognises(deviceIdOf(Buffer.from(bytes), 0))).to.equal(false);
    });
    fc.assert(property, FUZZ);
  });

  it('are recognised under any of the keys and under no other', () => {
    expect(createTokens([NEW_KEY, OLD_KEY]).recognises(deviceId)).to.equal(true);
    expect(createTokens([NEW_KEY, OTHER_KEY]).recognises(deviceId)).to.equal(false);
  });

  it('are certified under the first key', () => {
    const made = createTokens([NEW_KEY, OLD_KEY]).newDeviceId(Buffer.from(random));
    expect(createTokens([NEW_KEY]).recognises(made)).to.equal(true);
    expect(tokens.recognises(made)).to.equal(false);
  });
});

/** The first token, of channels counted from 0, that matches. */
function sealedWith(pattern: RegExp): string {
  const bytes = Buffer.alloc(32);
  for (let channel = 0; ; channel++) {
    bytes.writeUInt32BE(channel, 28);
    const token = tokens.seal(contentOf(bytes));
    if (pattern.test(token)) return token;
  }
}

/** Every run of `length` neighbouring characters. */
function runsOf(text: string, length: number): string[] {
  return Array.from({ length: text.length - length + 1 }, (_, at) => text.slice(at, at + length));
}
