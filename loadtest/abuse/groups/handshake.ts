/** Requests for a WebSocket that are none, or not proper ones (RFC 6455, section 4.2.1). */
import { randomBytes } from 'node:crypto';
import { frameBytes } from '../../wire/frames.ts';
import { requests } from '../build.ts';
import type { Group } from '../case.ts';
import { BAD_UPGRADE, BAD_UPGRADE_STRICT } from './acceptable.ts';

const KEY = randomBytes(16).toString('base64');

interface Upgrade {
  readonly start?: string;
  readonly host?: string;
  readonly connection?: string;
  readonly upgrade?: string;
  readonly version?: string;
  readonly key?: string;
  /** Whole lines. */
  readonly more?: readonly string[];
  readonly after?: string;
}

/** An upgrade request with some of its lines replaced; '' leaves a line out. */
function upgrade(parts: Upgrade): (url: URL) => string {
  return ({ host, pathname }) => {
    const line = (name: string, value: string) => (value === '' ? [] : [`${name}: ${value}`]);
    const lines = [
      parts.start ?? `GET ${pathname} HTTP/1.1`,
      ...line('Host', parts.host ?? host),
      ...line('Connection', parts.connection ?? 'Upgrade'),
      ...line('Upgrade', parts.upgrade ?? 'websocket'),
      ...line('Sec-WebSocket-Version', parts.version ?? '13'),
      ...line('Sec-WebSocket-Key', parts.key ?? KEY),
      ...(parts.more ?? []),
    ];
    return `${lines.join('\r\n')}\r\n\r\n${parts.after ?? ''}`;
  };
}

const improper = requests(
  {
    to: 'socket',
    accept: [...BAD_UPGRADE, '101'],
    strict: BAD_UPGRADE_STRICT,
    why: 'a request without all that RFC 6455 asks for is no WebSocket request',
  },
  [
    ['no-connection', upgrade({ connection: '' })],
    ['connection-close', upgrade({ connection: 'close' })],
    ['no-version', upgrade({ version: '' })],
    ['version-12', upgrade({ version: '12' })],
    ['version-14', upgrade({ version: '14' })],
    ['version-list', upgrade({ version: '13, 8, 7' })],
    ['version-text', upgrade({ version: 'thirteen' })],
    ['version-huge', upgrade({ version: '9'.repeat(100) })],
    ['no-upgrade', upgrade({ upgrade: '' })],
    ['upgrade-to-h2c', upgrade({ upgrade: 'h2c' })],
    ['no-key', upgrade({ key: '' })],
    ['method-post', upgrade({ start: 'POST / HTTP/1.1', more: ['Content-Length: 0'] })],
    ['method-put', upgrade({ start: 'PUT / HTTP/1.1', more: ['Content-Length: 0'] })],
    ['method-head', upgrade({ start: 'HEAD / HTTP/1.1' }), { isHead: true }],
    ['method-trace', upgrade({ start: 'TRACE / HTTP/1.1' })],
    ['method-lower-case', upgrade({ start: 'get / HTTP/1.1' })],
    ['plain-get', ({ host }) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`],
    ['http-2-preface', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['start-of-spaces', upgrade({ start: '   ' })],
    ['http-9', upgrade({ start: 'GET / HTTP/9.9' })],
  ],
);

const loose = requests(
  {
    to: 'socket',
    accept: [...BAD_UPGRADE, '101'],
    why: 'a request that some servers pass over the oddity of: refused or let in, never left hanging',
  },
  [
    [
      'no-version-of-http',
      upgrade({ start: 'GET /' }),
      { accept: [...BAD_UPGRADE, '101', 'silent'] },
    ],
    ['headers-1000', upgrade({ more: Array.from({ length: 1000 }, (_, at) => `X-${at}: 1`) })],
    ['connection-list', upgrade({ connection: 'keep-alive, Upgrade' })],
    ['upgrade-upper-case', upgrade({ upgrade: 'WEBSOCKET' })],
    ['upgrade-list', upgrade({ upgrade: 'websocket, h2c' })],
    ['version-8', upgrade({ version: '8' })],
    ['key-of-15-bytes', upgrade({ key: randomBytes(15).toString('base64') })],
    ['key-of-17-bytes', upgrade({ key: randomBytes(17).toString('base64') })],
    ['key-not-base64', upgrade({ key: '!!!!!!!!!!!!!!!!!!!!!!==' })],
    ['key-of-4000', upgrade({ key: 'A'.repeat(4000) })],
    ['two-keys', upgrade({ more: [`Sec-WebSocket-Key: ${KEY}`] })],
    ['http-1.0', upgrade({ start: 'GET / HTTP/1.0' })],
    ['no-host', upgrade({ host: '' })],
    ['two-hosts', upgrade({ more: ['Host: other.example'] })],
    ['origin-null', upgrade({ more: ['Origin: null'] })],
    ['origin-script', upgrade({ more: ['Origin: javascript:alert(1)'] })],
    ['origin-of-3000', upgrade({ more: [`Origin: https://${'a'.repeat(3000)}.example`] })],
    ['protocol-empty', upgrade({ more: ['Sec-WebSocket-Protocol: '] })],
    ['protocol-commas', upgrade({ more: ['Sec-WebSocket-Protocol: ,,,,'] })],
    ['protocol-unknown', upgrade({ more: ['Sec-WebSocket-Protocol: chat'] })],
    ['protocol-two', upgrade({ more: ['Sec-WebSocket-Protocol: chat, push-notification'] })],
    ['protocol-quoted', upgrade({ more: ['Sec-WebSocket-Protocol: "push notification"'] })],
    ['protocol-500', upgrade({ more: [`Sec-WebSocket-Protocol: ${list('p', 500)}`] })],
    ['extension-deflate', upgrade({ more: ['Sec-WebSocket-Extensions: permessage-deflate'] })],
    ['extension-unknown', upgrade({ more: ['Sec-WebSocket-Extensions: x-nothing; a="b"'] })],
    ['extension-broken', upgrade({ more: ['Sec-WebSocket-Extensions: ;;=",'] })],
    ['frame-in-the-same-packet', upgrade({ after: frameBytes('{}').toString('latin1') })],
    ['body', upgrade({ more: ['Content-Length: 5'], after: 'hello' })],
    ['chunked-body', upgrade({ more: ['Transfer-Encoding: chunked'], after: '0\r\n\r\n' })],
    ['cookie-of-3000', upgrade({ more: [`Cookie: a=${'b'.repeat(3000)}`] })],
    ['absolute-url', (url) => upgrade({ start: `GET ${url.href} HTTP/1.1` })(url)],
    ['fragment', upgrade({ start: 'GET /#fragment HTTP/1.1' })],
  ],
);

const elsewhere = requests(
  {
    to: 'socket',
    accept: [...BAD_UPGRADE, '30?', '101'],
    strict: ['404', '400', '431', 'ended'],
    why: 'devices connect at one path; what looks like it is another',
  },
  [
    ['path-unknown', upgrade({ start: 'GET /nobody HTTP/1.1' })],
    ['path-double-slash', upgrade({ start: 'GET //nobody HTTP/1.1' })],
    ['path-dots', upgrade({ start: 'GET /../../etc/passwd HTTP/1.1' })],
    ['path-encoded-dots', upgrade({ start: 'GET /%2e%2e/%2e%2e/etc HTTP/1.1' })],
    ['path-backslash', upgrade({ start: 'GET /\\..\\ HTTP/1.1' })],
    ['path-of-4000', upgrade({ start: `GET /${'a'.repeat(4000)} HTTP/1.1` })],
    ['path-update', upgrade({ start: 'GET /update/x HTTP/1.1' })],
  ],
);

const noHttp = requests(
  {
    to: 'socket',
    accept: [...BAD_UPGRADE, 'silent', '200'],
    why: 'other protocols come to open ports all day',
  },
  [
    ['tls-hello', Buffer.from('16030102000100 01fc0303'.replaceAll(' ', ''), 'hex')],
    ['binary', Buffer.alloc(512, 0x80)],
    ['zeros', Buffer.alloc(512)],
    ['ssh', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['smtp', 'EHLO nobody.example\r\n'],
    ['redis', '*1\r\n$4\r\nPING\r\n'],
    ['memcached', 'stats\r\n'],
    ['frame-without-upgrade', frameBytes('{"messageType":"hello","channelIDs":[]}')],
    ['empty-lines', '\r\n\r\n\r\n\r\n'],
    ['head-of-100000', upgrade({ more: [`X-Long: ${'x'.repeat(100_000)}`] })],
  ],
);

export const HANDSHAKE: Group = {
  name: 'handshake',
  about: 'requests for a WebSocket that are none, or not proper ones',
  cases: [...improper, ...loose, ...elsewhere, ...noHttp],
};

function list(name: string, count: number): string {
  return Array.from({ length: count }, (_, at) => `${name}${at}`).join(', ');
}
