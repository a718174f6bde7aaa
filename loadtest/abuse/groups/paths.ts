/** Paths that look like an endpoint and are none, and tokens that were changed. */
import { randomBytes } from 'node:crypto';
import { type Make, requests } from '../build.ts';
import type { Group } from '../case.ts';

const BODY = 'version=666';
/** Servers say 400, 401, 403, 404 or 410, and 503 where ids are looked up. 200 would tell an app server that a device was told. */
const NOT_THERE = ['4??, got nothing', '503, got nothing', 'ended, got nothing'];
const NOT_THERE_STRICT = ['404, got nothing', '400, got nothing'];

/** A PUT to what `change` makes of the endpoint's path. */
function at(change: (path: string) => string): Make {
  return ({ pathname }) => ({ path: change(pathname), body: BODY });
}

/** A PUT to the endpoint with what `change` makes of its token, the last part of the path. */
function token(change: (token: string) => string): Make {
  return at((path) => {
    const start = path.lastIndexOf('/') + 1;
    return `${path.slice(0, start)}${change(path.slice(start))}`;
  });
}

const paths = requests(
  {
    to: 'endpoint',
    accept: [...NOT_THERE, '30?, got nothing', '20?, got nothing', '20?, got 666'],
    strict: NOT_THERE_STRICT,
    why: 'an endpoint is taken as a whole and as it is',
  },
  [
    ['root', at(() => '/')],
    ['update', at(() => '/update')],
    ['update-slash', at(() => '/update/')],
    ['slash-after', at((path) => `${path}/`)],
    ['more-after', at((path) => `${path}/more`)],
    ['double-slash-before', at((path) => `/${path}`)],
    ['double-slash-inside', at((path) => path.replace(/\/(?=[^/]*$)/, '//'))],
    ['dot', at((path) => path.replace(/\/(?=[^/]*$)/, '/./'))],
    ['dots', at((path) => path.replace(/\/(?=[^/]*$)/, '/x/../'))],
    ['dots-encoded', at((path) => path.replace(/\/(?=[^/]*$)/, '/x/%2e%2e/'))],
    ['dots-to-root', at(() => '/../../../../etc/passwd')],
    ['slash-encoded', at((path) => path.replace(/\/(?=[^/]*$)/, '%2F'))],
    ['backslash', at((path) => path.replace(/\/(?=[^/]*$)/, '\\'))],
    ['upper-case', at((path) => path.replace('/update/', '/UPDATE/'))],
    ['semicolon', at((path) => `${path};a=b`)],
    ['nul-encoded', at((path) => `${path}%00`)],
    ['newline-encoded', at((path) => `${path}%0d%0aX:%201`)],
    ['percent-alone', at((path) => `${path}%`)],
    ['percent-zz', at((path) => `${path}%zz`)],
    ['not-utf-8-encoded', at((path) => `${path}%ff`)],
    ['proto', at(() => '/update/__proto__')],
    ['template', at(() => '/update/{{.Token}}')],
    ['status-put', at(() => '/status/')],
    ['health-put', at(() => '/health')],
  ],
);

const same = requests(
  {
    to: 'endpoint',
    accept: [...NOT_THERE, '20?, got 666', '20?, got nothing'],
    strict: ['200, got 666', ...NOT_THERE_STRICT],
    why: 'the same URL in other words: taken, or refused',
  },
  [
    ['absolute', ({ href }) => ({ path: href, body: BODY }), { isUnproxied: true }],
    [
      'absolute-other-host',
      ({ pathname }) => ({ path: `http://nobody.example${pathname}`, body: BODY }),
      { isUnproxied: true },
    ],
    [
      'token-escaped',
      token((text) => [...text].map((one) => `%${one.charCodeAt(0).toString(16)}`).join('')),
    ],
    [
      'first-letter-escaped',
      token((text) => `%${text.charCodeAt(0).toString(16)}${text.slice(1)}`),
    ],
    ['empty-query', at((path) => `${path}?`)],
    ['fragment', at((path) => `${path}#fragment`)],
  ],
);

/** Which sixth of the token has one letter changed. */
const SIXTHS = [0, 1, 2, 3, 4, 5];

const tokens = requests(
  {
    to: 'endpoint',
    accept: NOT_THERE,
    strict: ['404, got nothing'],
    why: 'a token that was changed, cut or made elsewhere is nobody’s, and reaches nobody',
  },
  [
    ...SIXTHS.map(
      (sixth) =>
        [
          `token-changed-${sixth}`,
          token((text) => changed(text, Math.floor((sixth * text.length) / 6))),
        ] as const,
    ),
    ['token-changed-last', token((text) => changed(text, text.length - 1))],
    ['token-cut-by-1', token((text) => text.slice(0, -1))],
    ['token-cut-by-4', token((text) => text.slice(0, -4))],
    ['token-cut-to-half', token((text) => text.slice(0, text.length / 2))],
    ['token-cut-to-1', token((text) => text.slice(0, 1))],
    ['token-without-first', token((text) => text.slice(1))],
    ['token-longer-by-1', token((text) => `${text}A`)],
    ['token-padded', token((text) => `${text}=`), { accept: [...NOT_THERE, '20?, got 666'] }],
    [
      'token-padded-twice',
      token((text) => `${text}==`),
      { accept: [...NOT_THERE, '20?, got 666'] },
    ],
    ['token-doubled', token((text) => text + text)],
    ['token-reversed', token((text) => [...text].reverse().join(''))],
    ['token-upper-case', token((text) => text.toUpperCase())],
    ['token-lower-case', token((text) => text.toLowerCase())],
    [
      'token-random',
      token((text) => randomBytes(text.length).toString('base64url').slice(0, text.length)),
    ],
    ['token-zeros', token((text) => 'A'.repeat(text.length))],
    ['token-of-4000', token(() => 'A'.repeat(4_000))],
    ['token-of-pushgo', token(() => 'j1bqzFq9WiwFZbqay-y7xVlfSvtO1eY=')],
    [
      'token-clear',
      token(() => 'dbda2ba2004c491f9e3dc5950aee93de.848cd5683f2a41089ce4bd0d928ecad4'),
    ],
    ['token-base64-letters', token((text) => `+${text.slice(1)}`)],
    ['token-dot', token(() => '.')],
    ['token-hex', token((text) => randomBytes(text.length / 2).toString('hex'))],
    ['token-not-ascii', token((text) => `%c3%a9${text.slice(2)}`)],
  ],
);

export const PATHS: Group = {
  name: 'paths',
  about: 'paths that look like an endpoint and are none',
  cases: [...paths, ...same],
};

export const TOKENS: Group = {
  name: 'tokens',
  about: 'tokens that were changed, cut or made elsewhere',
  cases: tokens,
};

/** With another letter there: not its neighbour, whose last bits may not count. */
function changed(text: string, at: number): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const other = letters[(letters.indexOf(text[at] ?? 'A') + 32) % letters.length] ?? 'A';
  return `${text.slice(0, at)}${other}${text.slice(at + 1)}`;
}
