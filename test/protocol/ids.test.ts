import { expect } from 'chai';
import fc from 'fast-check';
import {
  channelIdOf,
  deviceIdFromRandom,
  deviceIdOf,
  idBytes,
  parseChannelId,
  parseDeviceId,
  parseVersion,
  parseWrittenChannel,
  toVersion,
  VERSION_MAX,
  versionOfTime,
} from '../../src/protocol/ids.ts';
import { FUZZ } from '../support/fuzz.ts';

const PLAIN = '0123456789abcdef0123456789abcdef';
const DASHED = '01234567-89ab-cdef-0123-456789abcdef';

const SPELLINGS = [
  { title: 'plain digits', text: PLAIN },
  { title: 'plain upper-case digits', text: PLAIN.toUpperCase() },
  { title: 'dashed digits', text: DASHED },
  { title: 'dashed upper-case digits', text: DASHED.toUpperCase() },
  { title: 'digits of mixed case', text: '01234567-89AB-cdef-0123-456789abcDEF' },
];

const NO_IDS = [
  { title: 'an empty text', text: '' },
  { title: 'a word', text: 'invalid' },
  { title: 'one digit too few', text: PLAIN.slice(1) },
  { title: 'one digit too many', text: `${PLAIN}0` },
  { title: 'a digit that is not hexadecimal', text: `g${PLAIN.slice(1)}` },
  { title: 'a dash in the wrong place', text: '0123456-789ab-cdef-0123-456789abcdef' },
  { title: 'one dash missing', text: '01234567-89ab-cdef-0123456789abcdef' },
  { title: 'dashes alone', text: '-'.repeat(36) },
  { title: 'braces', text: `{${DASHED}}` },
  { title: 'a URN', text: `urn:uuid:${DASHED}` },
  { title: 'a leading blank', text: ` ${PLAIN}` },
  { title: 'a trailing line break', text: `${PLAIN}\n` },
  { title: 'a line before', text: `x\n${DASHED}` },
  { title: 'digits of another script', text: PLAIN.replace('0', '\u0660') },
  { title: '64 digits', text: PLAIN + PLAIN },
  { title: '64,000 digits', text: PLAIN.repeat(2000) },
];

describe('ids', () => {
  describe('parseDeviceId and parseChannelId', () => {
    for (const { title, text } of SPELLINGS) {
      it(`read ${title} as the one form we keep`, () => {
        expect(parseDeviceId(text)).to.equal(PLAIN);
        expect(parseChannelId(text)).to.equal(DASHED);
      });
    }

    for (const { title, text } of NO_IDS) {
      it(`refuse ${title}`, () => {
        expect(parseDeviceId(text)).to.equal(undefined);
        expect(parseChannelId(text)).to.equal(undefined);
      });
    }

    it('take every UUID version, also nil and max', () => {
      for (const digit of '0123456789abcdef') {
        const text = digit.repeat(32);
        expect(parseDeviceId(text)).to.equal(text);
        expect(parseChannelId(text)?.replaceAll('-', '')).to.equal(text);
      }
    });

    it('agree with each other on any text', () => {
      const property = fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        expect(parseDeviceId(text) === undefined).to.equal(parseChannelId(text) === undefined);
      });
      fc.assert(property, FUZZ);
    });
  });

  describe('parseWrittenChannel', () => {
    it('remembers the spelling beside the form we keep', () => {
      const written = PLAIN.toUpperCase();
      expect(parseWrittenChannel(written)).to.deep.equal({ channelId: DASHED, written });
    });

    it('refuses what is no id', () => {
      expect(parseWrittenChannel('junk')).to.equal(undefined);
    });
  });

  describe('parseVersion', () => {
    const accepted = [
      { text: '0', version: 0 },
      { text: '1', version: 1 },
      { text: '007', version: 7 },
      { text: '1700000000', version: 1_700_000_000 },
      { text: '9007199254740991', version: VERSION_MAX },
      { text: '00000000000000000000000000000001', version: 1 },
    ];
    for (const { text, version } of accepted) {
      it(`reads ${text}`, () => expect(parseVersion(text)).to.equal(version));
    }

    const refused = [
      '',
      ' ',
      '-1',
      '-0',
      '+1',
      '1.0',
      '.5',
      '1e3',
      '0x10',
      '1_000',
      ' 1',
      '1 ',
      '1\n',
      'NaN',
      'Infinity',
      'true',
      '\u0661',
      '9007199254740992',
      '9007199254740993',
      '18446744073709551616',
      '9'.repeat(400),
    ];
    for (const text of refused) {
      it(`refuses ${JSON.stringify(text.slice(0, 24))}`, () => {
        expect(parseVersion(text)).to.equal(undefined);
      });
    }

    it('reads every version back from its decimal text', () => {
      const property = fc.property(fc.maxSafeNat(), (version) => {
        expect(parseVersion(String(version))).to.equal(version);
      });
      fc.assert(property, FUZZ);
    });
  });

  describe('toVersion', () => {
    for (const value of [0, 1, VERSION_MAX]) {
      it(`takes ${value}`, () => expect(toVersion(value)).to.equal(value));
    }

    for (const value of [-1, 0.5, VERSION_MAX + 1, 1e300, NaN, Infinity, '1', '', true, {}, []]) {
      it(`refuses the ${typeof value} ${JSON.stringify(value)}`, () => {
        expect(toVersion(value)).to.equal(undefined);
      });
    }
  });

  it('takes whole seconds since the epoch as the version of a time', () => {
    expect(versionOfTime(1_700_000_000_999)).to.equal(1_700_000_000);
  });

  describe('bytes of ids', () => {
    it('are the same for both kinds of id and read back at any offset', () => {
      const sixteen = fc.uint8Array({ minLength: 16, maxLength: 16 });
      const property = fc.property(sixteen, fc.nat(40), (bytes, offset) => {
        const padded = Buffer.alloc(offset + 16);
        padded.set(bytes, offset);
        const deviceId = deviceIdOf(padded, offset);
        const channelId = channelIdOf(padded, offset);
        expect(parseDeviceId(deviceId)).to.equal(deviceId);
        expect(parseChannelId(channelId)).to.equal(channelId);
        expect(idBytes(deviceId).equals(bytes)).to.equal(true);
        expect(idBytes(channelId).equals(bytes)).to.equal(true);
      });
      fc.assert(property, FUZZ);
    });
  });

  it('makes a UUIDv4 in form of any random bytes', () => {
    expect(deviceIdFromRandom(new Uint8Array(16))).to.equal('00000000000040008000000000000000');
    expect(deviceIdFromRandom(new Uint8Array(16).fill(0xff))).to.equal(
      'ffffffffffff4fffbfffffffffffffff',
    );
  });
});
