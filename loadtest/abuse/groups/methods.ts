/** Methods other than PUT, at an endpoint and at other paths. */
import { requests } from '../build.ts';
import type { Group } from '../case.ts';

const OTHERS = ['GET', 'POST', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'LINK', 'PURGE', 'M-SEARCH'];
const UNKNOWN = ['QUERY', 'FOO', 'UPDATE', 'PUTT', 'PU'];

const others = requests(
  {
    to: 'endpoint',
    // Telefonica and AeroGear take a GET with a version for a PUT.
    accept: ['4??, got nothing', '501, got nothing', '20?, got *', 'ended, got nothing'],
    strict: ['405, got nothing'],
    why: 'an endpoint takes PUT and OPTIONS',
  },
  [
    ...OTHERS.map((method) => [method.toLowerCase(), { method, body: 'version=1' }] as const),
    ['head', { method: 'HEAD' }, { isHead: true }],
    ['get-with-query', ({ pathname }) => ({ method: 'GET', path: `${pathname}?version=1` })],
    ['get-without-body', { method: 'GET' }],
    ['delete-without-body', { method: 'DELETE' }],
  ],
);

const unknown = requests(
  {
    to: 'endpoint',
    accept: ['4??, got nothing', '50?, got nothing', '20?, got nothing', 'ended, got nothing'],
    strict: ['405, got nothing', '400, got nothing', 'ended, got nothing'],
    why: 'a method that nobody knows is refused by the server or its parser',
  },
  UNKNOWN.map(
    (method) => [`unknown-${method.toLowerCase()}`, { method, body: 'version=1' }] as const,
  ),
);

const options = requests(
  {
    to: 'endpoint',
    accept: ['20?, got nothing', '4??, got nothing', '501, got nothing'],
    strict: ['200, got nothing'],
    why: 'OPTIONS says what is allowed, and does nothing',
  },
  [
    ['options', { method: 'OPTIONS' }],
    ['options-with-body', { method: 'OPTIONS', body: 'version=1' }],
    [
      'options-cors',
      {
        method: 'OPTIONS',
        headers: ['Origin: https://a.example', 'Access-Control-Request-Method: PUT'],
      },
    ],
  ],
);

const elsewhere = requests(
  {
    to: 'endpoint',
    accept: [
      '4??, got nothing',
      '50?, got nothing',
      '20?, got nothing',
      '30?, got nothing',
      'ended, got nothing',
    ],
    strict: ['4??, got nothing', '501, got nothing', 'ended, got nothing'],
    why: 'there is nothing else at this listener for anybody to change',
  },
  [
    ['options-star', { method: 'OPTIONS', path: '*' }, { strict: ['*, got nothing'] }],
    [
      'get-root',
      { method: 'GET', path: '/' },
      { strict: ['404, got nothing', '405, got nothing'] },
    ],
    ['post-root', { method: 'POST', path: '/' }],
    ['delete-root', { method: 'DELETE', path: '/' }],
    ['get-metrics', { method: 'GET', path: '/metrics' }, { strict: ['404, got nothing'] }],
    ['get-admin', { method: 'GET', path: '/admin' }, { strict: ['404, got nothing'] }],
    ['get-git', { method: 'GET', path: '/.git/config' }, { strict: ['404, got nothing'] }],
    ['get-config', { method: 'GET', path: '/config.toml' }, { strict: ['404, got nothing'] }],
    ['trace-root', { method: 'TRACE', path: '/' }],
  ],
);

export const METHODS: Group = {
  name: 'methods',
  about: 'methods other than PUT, at an endpoint and elsewhere',
  cases: [...others, ...unknown, ...options, ...elsewhere],
};
