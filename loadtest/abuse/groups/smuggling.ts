/**
 * Requests whose end two parsers see in two places (CWE-444). Behind each stands a PUT of version 666: a server that takes it for a
 * request of its own would do so behind a proxy that does not.
 */
import { requestText } from '../../wire/http.ts';
import { requests } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_OR_UNFINISHED_REQUEST, BAD_REQUEST } from './acceptable.ts';

interface Doubtful {
  readonly headers: readonly string[];
  /** What one of the two parsers takes for the body. */
  readonly body?: string;
}

/** The request with doubtful headers, and the PUT that must not be read. */
function hiding({ headers, body = '' }: Doubtful): (url: URL) => string {
  return (url) =>
    `${requestText(url, { headers, body })}${requestText(url, { body: 'version=666' })}`;
}

const CHUNKED = 'Transfer-Encoding: chunked';
const NO_CHUNKS = '0\r\n\r\n';

const lengths = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: BAD_OR_UNFINISHED_REQUEST,
    strict: BAD_REQUEST,
    why: 'a length that is said twice, or is no number, is refused, and the connection is not read on (RFC 9112, 6.3)',
  },
  [
    ['two-lengths', hiding({ headers: ['Content-Length: 0', 'Content-Length: 9'] })],
    ['two-lengths-in-one', hiding({ headers: ['Content-Length: 0, 9'] })],
    ['length-signed', hiding({ headers: ['Content-Length: +0'] })],
    ['length-negative', hiding({ headers: ['Content-Length: -1'] })],
    ['length-hex', hiding({ headers: ['Content-Length: 0x0'] })],
    ['length-exponent', hiding({ headers: ['Content-Length: 0e0'] })],
    ['length-point', hiding({ headers: ['Content-Length: 0.0'] })],
    ['length-blank-inside', hiding({ headers: ['Content-Length: 0 0'] })],
    ['length-text', hiding({ headers: ['Content-Length: none'] })],
    ['length-2-64', hiding({ headers: ['Content-Length: 18446744073709551616'] })],
    ['length-30-digits', hiding({ headers: [`Content-Length: ${'9'.repeat(30)}`] })],
    ['length-blank-before-colon', hiding({ headers: ['Content-Length : 0'] })],
    ['length-and-chunks', hiding({ headers: ['Content-Length: 5', CHUNKED], body: NO_CHUNKS })],
    ['chunks-and-length', hiding({ headers: [CHUNKED, 'Content-Length: 5'], body: NO_CHUNKS })],
    ['length-folded', hiding({ headers: ['X: 1', ' Content-Length: 9', 'Content-Length: 0'] })],
    ['length-after-fold', hiding({ headers: ['Content-Length:', ' 0'] })],
    ['length-empty', hiding({ headers: ['Content-Length:'] })],
  ],
);

const encodings = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: BAD_OR_UNFINISHED_REQUEST,
    strict: BAD_REQUEST,
    why: 'an encoding that is not exactly chunked, once and last, is refused (RFC 9112, 6.1)',
  },
  [
    ['chunked-twice', hiding({ headers: [CHUNKED, CHUNKED], body: NO_CHUNKS })],
    ['chunked-list', hiding({ headers: ['Transfer-Encoding: chunked, chunked'], body: NO_CHUNKS })],
    ['identity', hiding({ headers: ['Transfer-Encoding: identity'] })],
    ['gzip', hiding({ headers: ['Transfer-Encoding: gzip'] })],
    [
      'chunked-then-identity',
      hiding({ headers: ['Transfer-Encoding: chunked, identity'], body: NO_CHUNKS }),
    ],
    ['chunked-quoted', hiding({ headers: ['Transfer-Encoding: "chunked"'], body: NO_CHUNKS })],
    ['chunked-x', hiding({ headers: ['Transfer-Encoding: xchunked'], body: NO_CHUNKS })],
    ['chunked-tab', hiding({ headers: ['Transfer-Encoding:\x0bchunked'], body: NO_CHUNKS })],
    ['chunked-nul', hiding({ headers: ['Transfer-Encoding: chunked\0'], body: NO_CHUNKS })],
    [
      'chunked-blank-before-colon',
      hiding({ headers: ['Transfer-Encoding : chunked'], body: NO_CHUNKS }),
    ],
    ['chunked-newline', hiding({ headers: ['X: 1\nTransfer-Encoding: chunked'], body: NO_CHUNKS })],
    ['chunked-folded', hiding({ headers: ['Transfer-Encoding:', ' chunked'], body: NO_CHUNKS })],
  ],
);

const chunks = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: BAD_OR_UNFINISHED_REQUEST,
    strict: BAD_REQUEST,
    why: 'a chunk is a size in hex, a line end, as many bytes and a line end (RFC 9112, 7.1)',
  },
  [
    ['chunk-no-size', hiding({ headers: [CHUNKED], body: 'x\r\n\r\n' })],
    ['chunk-negative', hiding({ headers: [CHUNKED], body: '-1\r\n\r\n' })],
    ['chunk-0x', hiding({ headers: [CHUNKED], body: '0x0\r\n\r\n' })],
    ['chunk-17-digits', hiding({ headers: [CHUNKED], body: `1${'0'.repeat(16)}\r\n` })],
    [
      'chunk-2-64',
      hiding({ headers: [CHUNKED], body: 'ffffffffffffffff\r\n' }),
      { strict: [...BAD_OR_UNFINISHED_REQUEST] },
    ],
    ['chunk-size-blank', hiding({ headers: [CHUNKED], body: ' 0\r\n\r\n' })],
    ['chunk-longer-than-size', hiding({ headers: [CHUNKED], body: '1\r\nxyz\r\n0\r\n\r\n' })],
    ['chunk-newline-alone', hiding({ headers: [CHUNKED], body: '0\n\n' })],
    [
      'chunk-extension-of-50000',
      hiding({ headers: [CHUNKED], body: `0;${'x'.repeat(50_000)}\r\n\r\n` }),
    ],
    ['chunk-extension-newline', hiding({ headers: [CHUNKED], body: '0;a\nb\r\n\r\n' })],
  ],
);

const clear = requests(
  {
    to: 'endpoint',
    answers: 2,
    accept: ['20?, 20?, got *+666', '20?, 20?, got 666', '20?, got *', ...BAD_REQUEST],
    strict: ['200, 200, got now+666'],
    why: 'where both parsers agree, the second request is one, and is answered',
  },
  [
    ['length-0', hiding({ headers: ['Content-Length: 0'] })],
    [
      'length-000',
      hiding({ headers: ['Content-Length: 000'] }),
      { strict: ['200, 200, got now+666', '400, got nothing'] },
    ],
    ['chunked', hiding({ headers: [CHUNKED], body: NO_CHUNKS })],
    ['chunked-upper-case', hiding({ headers: ['TRANSFER-ENCODING: CHUNKED'], body: NO_CHUNKS })],
  ],
);

export const SMUGGLING: Group = {
  name: 'smuggling',
  about: 'requests whose end two parsers see in two places, with a PUT of version 666 behind',
  cases: [...lengths, ...encodings, ...chunks, ...clear],
};
