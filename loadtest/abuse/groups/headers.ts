/** Headers that are none, too many, too long, or oddly written. */
import type { RequestParts } from '../../wire/http.ts';
import { requests } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_OR_UNFINISHED_REQUEST, BAD_REQUEST, TAKEN } from './acceptable.ts';

function header(...headers: readonly string[]): RequestParts {
  return { headers, body: 'version=1' };
}

const broken = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: [...BAD_OR_UNFINISHED_REQUEST, ...TAKEN, '20?, got now'],
    strict: BAD_REQUEST,
    why: 'a line that is no header makes the request no request (RFC 9112, 5)',
  },
  [
    ['no-colon', header('nonsense')],
    ['colon-alone', header(': x')],
    ['blank-before-colon', header('X-Blank : 1')],
    ['blank-before-name', header('A: 1', ' X-Folded: 2'), { strict: [...BAD_REQUEST, ...TAKEN] }],
    ['nul-in-value', header('X-Nul: a\0b')],
    ['nul-in-name', header('X-N\0l: a')],
    ['newline-in-value', header('X-Newline: a\nb')],
    ['return-in-value', header('X-Return: a\rb')],
    ['name-not-ascii', header('X-\xe9: 1')],
    ['name-with-brackets', header('X[0]: 1')],
    ['head-of-20000', header(`X-Long: ${'x'.repeat(20_000)}`)],
    ['name-of-20000', header(`X-${'x'.repeat(20_000)}: 1`)],
    ['headers-3000', header(...Array.from({ length: 3_000 }, (_, at) => `X-${at}: ${at}`))],
    ['no-host', ({ pathname }) => `PUT ${pathname} HTTP/1.1\r\nContent-Length: 9\r\n\r\nversion=1`],
  ],
);

const loose = requests(
  {
    to: 'endpoint',
    accept: [...BAD_REQUEST, ...TAKEN],
    why: 'odd and legal, or passed over by some parsers: refused or taken once',
  },
  [
    ['value-empty', header('X-Empty:')],
    ['value-not-ascii', header('X-Value: \xe9\xff')],
    [
      'value-control',
      header('X-Value: a\x01b'),
      { isUnproxied: true, accept: [...BAD_OR_UNFINISHED_REQUEST, ...TAKEN] },
    ],
    ['value-delete', header('X-Value: a\x7fb')],
    ['two-hosts', header('Host: a.example', 'Host: b.example')],
    ['host-empty', header('Host: ')],
    ['host-with-path', header('Host: a.example/b')],
    ['host-with-user', header('Host: a@b.example')],
    ['host-of-4000', header(`Host: ${'a'.repeat(4_000)}`)],
    ['same-100-times', header(...Array<string>(100).fill('X-Same: 1'))],
    ['prototype-names', header('__proto__: 1', 'constructor: 2', 'toString: 3')],
    ['request-id-injection', header('X-Request-Id: x%0d%0aSet-Cookie: a=b')],
    ['request-id-of-4000', header(`X-Request-Id: ${'a'.repeat(4_000)}`)],
    ['request-id-twice', header('X-Request-Id: a', 'X-Request-Id: b')],
    [
      'upgrade-h2c',
      header('Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AA'),
    ],
    ['upgrade-websocket', header('Upgrade: websocket', 'Connection: Upgrade')],
    ['connection-names-length', header('Connection: Content-Length')],
    ['expect-unknown', header('Expect: 200-ok')],
    ['range', header('Range: bytes=0-,0-,0-,0-')],
    ['cookie-of-4000', header(`Cookie: a=${'b'.repeat(4_000)}`)],
    ['authorization', header('Authorization: Basic Og==')],
    ['method-override', header('X-HTTP-Method-Override: DELETE')],
    ['forwarded-loop', header(`X-Forwarded-For: ${'127.0.0.1, '.repeat(200)}`)],
    ['content-encoding-gzip', header('Content-Encoding: gzip')],
    ['content-range', header('Content-Range: bytes 0-1/2')],
    [
      'content-type-twice',
      header('Content-Type: application/x-www-form-urlencoded', 'Content-Type: text/plain'),
      { accept: [...BAD_REQUEST, ...TAKEN, '20?, got now'] },
    ],
  ],
);

export const HEADERS: Group = {
  name: 'headers',
  about: 'headers that are none, too many, too long, or oddly written',
  cases: [...broken, ...loose],
};
