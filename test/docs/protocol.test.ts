import { expect } from 'chai';
import { CLOSE_CODES } from '../../src/protocol/close-codes.ts';
import { decodeClientMessage } from '../../src/protocol/codec.ts';
import { decodeConnect } from '../../src/protocol/connect.ts';
import { ENDPOINT_ANSWERS, ERROR_TEXTS } from '../../src/protocol/statuses.ts';
import { REFUSED_STATUS, RETRY_AFTER_SECS } from '../../src/socket/device-listener.ts';
import { filesBelow, readPage, readPages, readText, rowsIn, sectionOf } from './pages.ts';

const PAGE = readPage('protocol.md');
const CLOSES = rowsIn(sectionOf(PAGE, 'Close codes'));

describe('protocol.md', () => {
  for (const [cause, code] of Object.entries(CLOSE_CODES)) {
    it(`has a row for close code ${code} (${cause})`, () => {
      expect(CLOSES.map(([first]) => first)).to.include(String(code));
    });
  }

  it('has no row for a close code that is not ours, but for those of the libraries', () => {
    const known = [...Object.values(CLOSE_CODES).map(String), '1002', '1007', '1006'];
    const named = CLOSES.map(([first = '']) => /^\d+/.exec(first)?.[0]).filter(Boolean);
    expect(named.filter((code) => !known.includes(code ?? ''))).to.deep.equal([]);
  });

  for (const [name, { status, body }] of Object.entries(ENDPOINT_ANSWERS)) {
    it(`has a row for the answer ${name}`, () => {
      const cell = body === '' ? `${status}, empty` : `${status} \`${body}\``;
      expect(rowsIn(sectionOf(PAGE, 'PUT')).map(([first]) => first)).to.include(cell);
    });
  }

  it('has no row for an answer that the endpoint does not give', () => {
    const given = Object.values(ENDPOINT_ANSWERS).map(
      ({ status, body }) => `${status} \`${body}\``,
    );
    const named = rowsIn(sectionOf(PAGE, 'PUT'))
      .map(([first = '']) => first)
      .filter((first) => /^\d{3} `/.test(first));
    expect(named.filter((cell) => !given.includes(cell))).to.deep.equal([]);
  });

  for (const heading of ['Errors', 'Statuses']) {
    for (const [status, error] of Object.entries(ERROR_TEXTS)) {
      it(`has the error text of ${status} in "${heading}"`, () => {
        const cells = rowsIn(sectionOf(PAGE, heading)).map((row) => row.join(' '));
        expect(cells.some((row) => row.includes(status) && row.includes(`\`${error}\``))).to.equal(
          true,
        );
      });
    }
  }

  for (const [refusal, line] of Object.entries(REFUSED_STATUS)) {
    it(`tells how a socket is refused: ${refusal}`, () => {
      const status = line.slice(0, 3);
      const row = rowsIn(sectionOf(PAGE, 'Connecting')).find(([first]) => first === status);
      expect(row?.[1]).to.equal(refusal === 'origin' ? '' : String(RETRY_AFTER_SECS));
    });
  }

  for (const reason of new Set(reasonsInCode())) {
    it(`has the reason "${reason}"`, () => {
      expect(PAGE.text).to.include(`\`${reason}\``);
    });
  }
});

describe('the frames in the pages', () => {
  for (const { path, fences } of readPages()) {
    const frames = fences.flatMap(({ text }) => [...text.matchAll(/^ *([→←]) (.*)$/gm)]);
    for (const [, arrow, frame = ''] of frames) {
      if (arrow === '→') {
        it(`of ${path} are taken by the server: ${frame.slice(0, 60)}`, () => {
          expect(decodeClientMessage(frame).kind).to.equal('message');
        });
      } else {
        it(`of ${path} are JSON objects: ${frame.slice(0, 60)}`, () => {
          expect(JSON.parse(frame)).to.be.an('object');
        });
      }
    }
  }
});

/** What the server says in `reason` of error replies, of close frames and of `connect`. */
function reasonsInCode(): readonly string[] {
  const session = filesBelow('src/socket').map(readText).join('\n');
  const codec = readText('src/protocol/codec.ts');
  const connect = readText('src/protocol/connect.ts');
  const found = [
    ...session.matchAll(/\breason: '([^']+)'/g),
    ...session.matchAll(/new SessionError\(\s*\d+,\s*'([^']+)'/g),
    ...codec.matchAll(/\brefused\(\w+, '([^']+)'/g),
    ...codec.matchAll(/\breturn '([^']+ [^']+)'/g),
    ...codec.matchAll(/\? \[\] : '([^']+)'/g),
    ...connect.matchAll(/\binvalid\('([^']+)'/g),
  ].map(([, reason = '']) => reason);
  // Those that are put together from a bound.
  const composed = ['fcm', 'apns'].flatMap((type) => {
    const decoded = decodeConnect({ connect: { type, token: '' } });
    return decoded.kind === 'invalid' ? [decoded.reason] : [];
  });
  return [...found, ...composed];
}
