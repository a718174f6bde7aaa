/** Request lines that are none, at the endpoint. */

import { requestText } from '../../wire/http.ts';
import { requests } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_OR_UNFINISHED_REQUEST, BAD_REQUEST } from './acceptable.ts';

const BODY = 'version=666';

/** A PUT whose request line is this; `{path}` stands for the endpoint's. */
function line(text: string): (url: URL) => string {
  return (url) => {
    const whole = requestText(url, { body: BODY });
    return `${text.replace('{path}', url.pathname)}${whole.slice(whole.indexOf('\r\n'))}`;
  };
}

const none = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: BAD_OR_UNFINISHED_REQUEST,
    strict: BAD_REQUEST,
    why: 'what is no request line is refused; nothing behind it is taken for a PUT (RFC 9112, 3)',
  },
  [
    ['no-path', line('PUT  HTTP/1.1')],
    ['no-method', line(' {path} HTTP/1.1')],
    ['method-alone', line('PUT')],
    ['version-9', line('PUT {path} HTTP/9.9')],
    ['version-letters', line('PUT {path} HTTP/x.y')],
    ['version-lower-case', line('PUT {path} http/1.1')],
    ['version-long', line('PUT {path} HTTP/1.11')],
    ['version-other', line('PUT {path} ICY/1.1')],
    ['method-lower-case', line('put {path} HTTP/1.1')],
    ['method-slash', line('P/T {path} HTTP/1.1')],
    ['method-long', line(`${'P'.repeat(3_000)} {path} HTTP/1.1`)],
    ['method-nul', line('PU\0T {path} HTTP/1.1')],
    ['method-quoted', line('"PUT" {path} HTTP/1.1')],
    ['path-with-blank', line('PUT {path} x HTTP/1.1')],
    ['path-with-nul', line('PUT {path}\0 HTTP/1.1')],
    ['path-relative', line('PUT update/x HTTP/1.1')],
    ['path-star', line('PUT * HTTP/1.1')],
    ['path-of-20000', line(`PUT /update/${'x'.repeat(20_000)} HTTP/1.1`)],
    ['query-of-20000', line(`PUT {path}?${'x'.repeat(20_000)} HTTP/1.1`)],
    [
      'authority-form',
      line('CONNECT example.com:443 HTTP/1.1'),
      { accept: [...BAD_REQUEST, '200, got nothing'], strict: BAD_REQUEST },
    ],
  ],
);

const loose = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: [...BAD_OR_UNFINISHED_REQUEST, '20?, got 666', '30?, got nothing'],
    why: 'some parsers pass over it: refused or taken, and taken once',
  },
  [
    ['no-version', line('PUT {path}')],
    ['version-2', line('PUT {path} HTTP/2.0')],
    ['two-blanks', line('PUT  {path}  HTTP/1.1')],
    ['tabs', line('PUT\t{path}\tHTTP/1.1')],
    ['blank-at-end', line('PUT {path} HTTP/1.1 ')],
    ['empty-lines-before', line('\r\n\r\nPUT {path} HTTP/1.1')],
    ['http-1.0', line('PUT {path} HTTP/1.0')],
    ['bare-newlines', (url) => requestText(url, { body: BODY }).replaceAll('\r\n', '\n')],
    [
      'bare-returns',
      (url) => requestText(url, { body: BODY }).replaceAll('\r\n', '\r'),
      { accept: BAD_OR_UNFINISHED_REQUEST },
    ],
    ['path-not-ascii', line('PUT {path}\xe9 HTTP/1.1')],
  ],
);

const other = requests(
  {
    to: 'endpoint',
    isUnproxied: true,
    accept: [...BAD_OR_UNFINISHED_REQUEST],
    why: 'other protocols come to open ports all day',
  },
  [
    ['tls-hello', Buffer.from('1603010200010001fc0303', 'hex')],
    ['binary', Buffer.alloc(512, 0x80)],
    ['zeros', Buffer.alloc(512)],
    ['http-2-preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['ssh', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['redis', '*1\r\n$4\r\nPING\r\n'],
    ['memcached', 'flush_all\r\n'],
    ['empty-lines', '\r\n\r\n\r\n\r\n'],
    ['long-line', 'x'.repeat(100_000)],
    ['proxy-protocol', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
  ],
);

export const REQUEST_LINE: Group = {
  name: 'request-line',
  about: 'request lines that are none, at the endpoint',
  cases: [...none, ...loose, ...other],
};
