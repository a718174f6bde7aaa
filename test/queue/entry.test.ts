import { expect } from 'chai';
import fc from 'fast-check';
import {
  type Entry,
  entryName,
  heldName,
  parseEntryName,
  parseHeldName,
  Stamps,
  stampMs,
} from '../../src/queue/spool/entry.ts';
import { version } from '../storage/store-fixtures.ts';
import { newKick } from './kick-fixtures.ts';

const ENTRY: Entry = {
  ...newKick(),
  stamp: '1800000000000000000',
  attempts: 0,
  writer: '0123456789abcdef',
};

describe('the name of an entry', () => {
  const entries: Readonly<Record<string, Entry>> = {
    'a plain entry': ENTRY,
    'the lowest numbers': { ...ENTRY, version: version(0), storedAtMs: 0, stamp: '0'.repeat(19) },
    'the highest numbers': {
      ...ENTRY,
      version: version(2 ** 53 - 1),
      attempts: 999_999,
      stamp: `8${'9'.repeat(18)}`,
    },
  };
  for (const [title, entry] of Object.entries(entries)) {
    it(`says all of ${title}`, () => {
      expect(parseEntryName(entryName(entry))).to.deep.equal(entry);
      expect(entryName(entry).length).to.be.lessThan(255 - heldName(0, '').length);
    });
  }

  const name = entryName(ENTRY);
  const strangers: readonly string[] = [
    '',
    '.',
    `.${name}`,
    `${name}.tmp`,
    `${name}\n`,
    name.toUpperCase(),
    name.slice(1),
    name.slice(0, -1),
    name.replace(/^1/, '9'),
    name.replace('-1-', '-9007199254740992-'),
    name.replace(/-0-/, '--'),
    name.replace(/-0-/, '-1000000-'),
    heldName(1, name),
  ];
  for (const stranger of strangers) {
    it(`is not ${JSON.stringify(stranger)}`, () => {
      expect(parseEntryName(stranger)).to.equal(undefined);
    });
  }

  it('that is held says until when', () => {
    expect(parseHeldName(heldName(1_800_000_000_123.9, name))).to.deep.equal({
      atMs: 1_800_000_000_123,
      name,
    });
    for (const stranger of [
      '',
      name,
      `1-${name}`,
      heldName(1, 'x'),
      heldName(1, heldName(1, name)),
    ]) {
      expect(parseHeldName(stranger)).to.equal(undefined);
    }
  });

  it('is read from no text so that it throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f-]*$/)), (text) => {
        parseEntryName(text);
        parseHeldName(text);
      }),
    );
  });
});

describe('stamps', () => {
  it('grow whatever the clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1e12, max: 8e12 }), { maxLength: 50 }), (moments) => {
        let nowMs = 0;
        const stamps = new Stamps(() => nowMs);
        let last = '';
        for (const moment of moments) {
          nowMs = moment;
          const stamp = stamps.next();
          expect(stamp).to.have.lengthOf(19);
          expect(stamp > last).to.equal(true);
          last = stamp;
        }
      }),
    );
  });

  it('tell the time as long as it grows', () => {
    expect(stampMs(new Stamps(() => 1_800_000_000_000).next())).to.equal(1_800_000_000_000);
  });

  it('pass by those that are there', () => {
    const stamps = new Stamps(() => 1_800_000_000_000);
    stamps.passBy('1900000000000000000');
    stamps.passBy('1850000000000000000');
    expect(stamps.next()).to.equal('1900000000000000001');
  });
});
