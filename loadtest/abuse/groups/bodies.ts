/** Bodies of PUTs: forms, types, encodings, sizes. */

import type { RequestParts } from '../../wire/http.ts';
import { requests } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_OR_UNFINISHED_REQUEST, BAD_REQUEST } from './acceptable.ts';

const FORM = 'application/x-www-form-urlencoded';
const BOUNDARY = 'x-boundary';

function body(text: string, type: string = FORM): RequestParts {
  return { headers: type === '' ? [] : [`Content-Type: ${type}`], body: text };
}

function part(name: string, value: string, extra = ''): string {
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${extra}\r\n\r\n${value}\r\n`;
}

function multipart(text: string, type = `multipart/form-data; boundary=${BOUNDARY}`): RequestParts {
  return body(text, type);
}

const END = `--${BOUNDARY}--\r\n`;

const forms = requests(
  {
    to: 'endpoint',
    accept: ['20?, got *', ...BAD_REQUEST],
    strict: ['200, got 7'],
    why: 'version and data are read from a form, whatever else is in it',
  },
  [
    ['form', body('version=7')],
    ['no-type', body('version=7', '')],
    ['charset', body('version=7', `${FORM}; charset=utf-8`)],
    ['charset-unknown', body('version=7', `${FORM}; charset=klingon`)],
    ['type-upper-case', body('version=7', FORM.toUpperCase())],
    ['version-twice', body('version=7&version=8')],
    ['version-among-others', body('a=b&c&=&&version=7&&x==')],
    ['name-escaped', body('%76ersion=7')],
    ['prototype-names', body('__proto__=1&constructor=2&version=7&toString=3')],
    ['parameters-2000', body(`version=7${'&a=1'.repeat(2_000)}`)],
    ['bad-escapes', body('%=1&%zz=2&%c3%28=3&version=7')],
    ['data-empty', body('version=7&data=')],
    ['multipart', multipart(part('version', '7') + END)],
    [
      'multipart-preamble',
      multipart(`preamble\r\n${part('version', '7')}${END}epilogue`),
      { strict: ['200, got 7', '400, got nothing'] },
    ],
    ['multipart-twice', multipart(part('version', '7') + part('version', '8') + END)],
    ['chunked', { headers: ['Transfer-Encoding: chunked'], body: '9\r\nversion=7\r\n0\r\n\r\n' }],
    [
      'chunked-one-byte-each',
      {
        headers: ['Transfer-Encoding: chunked'],
        body: `${[...'version=7'].map((byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`,
      },
    ],
    [
      'chunk-extension',
      { headers: ['Transfer-Encoding: chunked'], body: '9;a=b\r\nversion=7\r\n0\r\n\r\n' },
      { isUnproxied: true, strict: ['200, got 7', '400, got nothing'] },
    ],
    [
      'trailers',
      {
        headers: ['Transfer-Encoding: chunked'],
        body: '9\r\nversion=7\r\n0\r\nversion: 8\r\n\r\n',
      },
      { isUnproxied: true, strict: ['200, got 7', '400, got nothing'] },
    ],
    [
      'expect-continue',
      { headers: ['Expect: 100-continue'], body: 'version=7' },
      {
        accept: ['100, 20?, got *', '20?, got *', ...BAD_REQUEST],
        strict: ['100, 200, got 7', '200, got 7'],
      },
    ],
  ],
);

const ignored = requests(
  {
    to: 'endpoint',
    accept: ['20?, got *', ...BAD_REQUEST],
    strict: ['200, got now'],
    why: 'a body of another type, or without a version, says nothing: the version is the time',
  },
  [
    ['empty', body('')],
    ['empty-version', body('version=')],
    ['name-upper-case', body('VERSION=7')],
    ['text-plain', body('version=7', 'text/plain')],
    ['json', body('{"version":7}', 'application/json')],
    ['octets', body('version=7', 'application/octet-stream')],
    ['type-broken', body('version=7', ';;;')],
    [
      'type-of-4000',
      body('version=7', `text/${'x'.repeat(4_000)}`),
      { strict: ['200, got now', '431, got nothing'] },
    ],
    ['xml', body('<version>7</version>', 'text/xml')],
    ['binary', body(String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at)))],
    ['nul-before', body('\0version=7')],
    ['array-name', body('version[]=7')],
    ['array-json', body('[7]', 'application/json')],
    ['multipart-other-name', multipart(part('x', '7') + END)],
    [
      'multipart-file',
      multipart(part('version', '7', '; filename="v"') + END),
      { strict: ['200, got now', '200, got 7', '400, got nothing'] },
    ],
  ],
);

const queries = requests(
  {
    to: 'endpoint',
    accept: ['20?, got *', ...BAD_REQUEST],
    strict: ['200, got 7'],
    why: 'what the body does not say is read from the query',
  },
  [
    ['query', ({ pathname }) => ({ path: `${pathname}?version=7` })],
    ['query-twice', ({ pathname }) => ({ path: `${pathname}?version=7&version=8` })],
    ['query-under-body', ({ pathname }) => ({ path: `${pathname}?version=8`, body: 'version=7' })],
    ['query-question-marks', ({ pathname }) => ({ path: `${pathname}??&version=7` })],
    [
      'query-fragment',
      ({ pathname }) => ({ path: `${pathname}?version=7#version=8` }),
      { strict: ['200, got 7', '400, got nothing'] },
    ],
  ],
);

const broken = requests(
  {
    to: 'endpoint',
    accept: ['20?, got *', ...BAD_REQUEST],
    strict: ['400, got nothing'],
    why: 'multipart that is not what its boundary says is refused',
  },
  [
    ['multipart-no-boundary', multipart(part('version', '7') + END, 'multipart/form-data')],
    [
      'multipart-other-boundary',
      multipart(part('version', '7') + END, 'multipart/form-data; boundary=other'),
    ],
    ['multipart-no-end', multipart(part('version', '7'))],
    ['multipart-no-head', multipart(`--${BOUNDARY}\r\n7\r\n${END}`)],
    ['multipart-empty', multipart(''), { strict: ['400, got nothing', '200, got now'] }],
  ],
);

const large = requests(
  {
    to: 'endpoint',
    accept: ['20?, got *', '4??, got *', ...BAD_REQUEST],
    strict: ['413, got nothing'],
    why: 'data and bodies have bounds',
  },
  [
    [
      'data-4096',
      body(`version=7&data=${'x'.repeat(4_096)}`),
      { strict: ['200, got 7 and 4096 characters'] },
    ],
    ['data-4097', body(`version=7&data=${'x'.repeat(4_097)}`)],
    ['data-emoji-1025', body(`version=7&data=${'%F0%9F%94%94'.repeat(1_025)}`)],
    ['body-17000', body(`version=7&x=${'y'.repeat(17_000)}`)],
    [
      'body-1-mb',
      body(`version=7&x=${'y'.repeat(1_000_000)}`),
      { strict: ['413, got nothing', 'ended, got nothing'] },
    ],
    [
      'chunked-1-mb',
      {
        headers: ['Transfer-Encoding: chunked'],
        body: `${`10000\r\n${'y'.repeat(65_536)}\r\n`.repeat(16)}0\r\n\r\n`,
      },
      { strict: ['413, got nothing', 'ended, got nothing'] },
    ],
    [
      'length-1-tb',
      { headers: ['Content-Length: 1000000000000'], body: 'version=7' },
      {
        accept: [...BAD_OR_UNFINISHED_REQUEST],
        strict: ['413, got nothing', 'silent, got nothing'],
      },
    ],
  ],
);

const data = requests(
  {
    to: 'endpoint',
    accept: ['20?, got 7*', '20?, got now*', ...BAD_REQUEST],
    strict: ['200, got 7*'],
    why: 'data is any text, and comes to the device as JSON',
  },
  [
    ['data-quotes', body('version=7&data=%22%5C%22'), { strict: ['200, got 7 "\\"\\\\\\""'] }],
    ['data-nul', body('version=7&data=%00'), { strict: ['200, got 7 "\\u0000"'] }],
    ['data-newlines', body('version=7&data=%0d%0a'), { strict: ['200, got 7 "\\r\\n"'] }],
    ['data-script', body('version=7&data=%3C%2Fscript%3E'), { strict: ['200, got 7 "</script>"'] }],
    ['data-not-utf-8', body('version=7&data=%ff%fe')],
    ['data-surrogate', body('version=7&data=%ed%a0%80')],
    ['data-separators', body('version=7&data=%e2%80%a8%e2%80%a9')],
    ['data-twice', body('version=7&data=a&data=b'), { strict: ['200, got 7 "a"'] }],
  ],
);

export const BODIES: Group = {
  name: 'bodies',
  about: 'bodies of PUTs: forms, types, encodings, sizes',
  cases: [...forms, ...ignored, ...queries, ...broken, ...large, ...data],
};
