/** Requests that come together, in pieces, or with something between them. */
import { requestText } from '../../wire/http.ts';
import { requests } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_REQUEST } from './acceptable.ts';

function put(url: URL, version: number, headers: readonly string[] = []): string {
  return requestText(url, { body: `version=${version}`, headers });
}

function puts(url: URL, count: number): string {
  return Array.from({ length: count }, (_, at) => put(url, at + 1)).join('');
}

/** The whole of a server's answers is acceptable as long as nothing is answered that was not asked, nor in another order. */
const SOME = ['20?*, got 1*', ...BAD_REQUEST];

/** The parser finds the fault while the first PUT is still at work, and what it says may come instead of that answer: the PUT is done, and told to be refused. */
const BROKEN_BEHIND = {
  isUnproxied: true,
  accept: ['20?*, got 1', '4??*, got 1', '50?*, got 1', ...BAD_REQUEST],
  strict: [
    '200, got 1',
    '200, 400, got 1',
    '400, got 1',
    '200, closed, got 1',
    '400, closed, got 1',
  ],
} as const;

export const PIPELINING: Group = {
  name: 'pipelining',
  about: 'requests that come together, in pieces, or with something between them',
  cases: requests(
    {
      to: 'endpoint',
      accept: SOME,
      why: 'requests may be pipelined; answers come in their order (RFC 9112, 9.3.2)',
    },
    [
      ['two', (url) => puts(url, 2), { answers: 2, strict: ['200, 200, got 1+2'] }],
      [
        'five',
        (url) => puts(url, 5),
        { answers: 5, strict: ['200, 200, 200, 200, 200, got 1+2+3+4+5'] },
      ],
      [
        'bad-between',
        (url) => put(url, 1) + requestText(url, { body: 'version=x' }) + put(url, 3),
        { answers: 3, accept: ['20?*, got 1*'], strict: ['200, 400, 200, got 1+3'] },
      ],
      [
        'get-between',
        (url) => put(url, 1) + requestText(url, { method: 'GET' }) + put(url, 3),
        { answers: 3, strict: ['200, 405, 200, got 1+3'] },
      ],
      [
        'close-between',
        (url) => put(url, 1, ['Connection: close']) + put(url, 2),
        { ...BROKEN_BEHIND, accept: ['20?, closed, got 1'], showsEnd: true },
      ],
      ['garbage-after', (url) => `${put(url, 1)}\x00\x01\x02garbage\r\n\r\n`, BROKEN_BEHIND],
      [
        'body-longer-than-length',
        (url) => requestText(url, { headers: ['Content-Length: 9'], body: 'version=17' }),
        BROKEN_BEHIND,
      ],
      [
        'empty-lines-between',
        (url) => `${put(url, 1)}\r\n\r\n${put(url, 2)}`,
        { isUnproxied: true, answers: 2, accept: ['20?*, got 1*'] },
      ],
      [
        'http-1.0-then-more',
        (url) => `${requestText(url, { body: 'version=1', protocol: 'HTTP/1.0' })}${put(url, 2)}`,
        { ...BROKEN_BEHIND, accept: ['*got nothing', '20?*, got 1*'] },
      ],
      [
        'websocket-then-put',
        (url) =>
          requestText(url, {
            method: 'GET',
            headers: ['Upgrade: websocket', 'Connection: Upgrade'],
          }) + put(url, 666),
        {
          accept: ['4??*got nothing', '4??, 20?, got 666', '50?*got nothing', 'ended, got nothing'],
        },
      ],
    ],
  ),
};
