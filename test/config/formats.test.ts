import { expect } from 'chai';
import { FORMATS, type FormatName } from '../../src/config/formats.ts';

const KEY = 'A'.repeat(43);

const TEXTS: Readonly<Record<FormatName, { met: readonly string[]; not: readonly string[] }>> = {
  'apns-host': {
    met: ['production', 'sandbox', 'https://127.0.0.1:8443', 'https://apns.proxy.example'],
    not: ['', 'Production', 'api.push.apple.com', 'http://a', 'https://u:p@a', 'https://a/'],
  },
  'apple-id': {
    met: ['A1B2C3D4E5', '0123456789'],
    not: ['', 'A1B2C3D4E', 'A1B2C3D4E5F', 'a1b2c3d4e5', 'A1B2C3D4E '],
  },
  'bundle-id': {
    met: ['com.example.chat', 'com.example.Chat-1.voip', 'a'.repeat(255)],
    not: ['', 'com.example chat', 'com/example', 'com_example', 'a'.repeat(256)],
  },
  'collapse-key': {
    met: ['reveille', 'A.b_c-1', 'a'.repeat(64)],
    not: ['', 'a b', 'ä', 'a'.repeat(65)],
  },
  host: {
    met: ['127.0.0.1', '::1', 'localhost', 'push-1.example.org', 'a'.repeat(63), '2001:db8::1'],
    not: ['', '[::1]', '1.2.3', '256.1.1.1', 'a b', 'a:80', 'http://a', '-a', 'a'.repeat(254)],
  },
  'http-url': {
    met: ['http://a', 'https://push.example:8443/base/'],
    not: ['', 'a', 'ws://a', 'https://a?b', 'https://u:p@a'],
  },
  'http-url-or-empty': {
    met: ['', 'http://a', 'https://push.example:8443/base/', 'http://[::1]:80'],
    not: ['a', 'ws://a', 'http://', 'https://a?b', 'https://a#', 'https://u:p@a', ' http://a'],
  },
  'https-url': {
    met: ['https://fcm.googleapis.com', 'https://127.0.0.1:1/base/'],
    not: ['', 'http://a', 'a', 'https://', 'https://u@a', 'https://a#b'],
  },
  network: {
    met: [
      '10.0.0.0/8',
      '0.0.0.0/0',
      '192.0.2.7/32',
      '::/0',
      '2001:db8::/32',
      '::1/128',
      '::1',
      '10.0.0.0',
    ],
    not: [
      '',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0/8',
      '::1/129',
      'fe80::1%eth0/64',
      'host/8',
      '10.0.0.0/8 ',
      '10.0.0.0/',
    ],
  },
  origin: {
    met: ['https://app.example', 'http://localhost:8080', 'http://[::1]:1'],
    not: [
      '',
      'null',
      '*',
      'https://*.example',
      'app.example',
      'https://app.example/',
      'https://APP.example',
      'http://a:80',
    ],
  },
  'origin-or-any': {
    met: ['*', 'https://app.example', 'http://localhost:8080'],
    not: ['', 'null', '**', 'https://*.example', 'https://app.example/', 'app.example'],
  },
  path: { met: ['a', '/a b/c.key', '..'], not: ['', 'a\0'] },
  'path-or-empty': { met: ['', 'a'], not: ['\0'] },
  port: { met: ['1', '993', '65535'], not: ['', '0', '65536', '0993', '1e3', ' 1', '-1'] },
  'server-address': {
    met: ['a:1', '10.0.0.1:65535', '[::1]:11211', 'cache-1.example:11211'],
    not: ['', 'a', 'a:', 'a:0', 'a:65536', '::1:11211', '[a]:1', '[10.0.0.1]:1', 'a:1:2', ' a:1'],
  },
  'server-address-or-empty': { met: ['', 'a:1'], not: ['a', 'a:0', ' a:1'] },
  'table-name': {
    met: ['chat', 'chat-2', '2', '-', 'a'.repeat(32)],
    not: ['', 'Chat', 'a_b', 'a.b', 'a b', 'a'.repeat(33)],
  },
  text: {
    met: ['', 'New messages', 'Neue Nachrichten – öffnen 📨', '📨'.repeat(200)],
    not: ['two\nlines', 'tab\t', '\0', 'a'.repeat(201)],
  },
  'token-key': {
    met: [KEY, `${'-_'.repeat(21)}8`],
    not: ['', KEY.slice(1), `${KEY}A`, `${KEY}=`, `${KEY.slice(1)}B`, `${KEY.slice(1)}+`],
  },
  'url-path': {
    met: ['/', '/push', '/a/b-c.d/%20'],
    not: ['', 'push', '/a?b', '/a#b', '/a b', '/ä', '*'],
  },
  'ws-url': {
    met: ['ws://a', 'wss://push.example:8443/x'],
    not: ['', 'http://a', 'ws://a?b', 'ws://u@a', 'ws:'],
  },
  'ws-url-or-empty': { met: ['', 'ws://a'], not: ['http://a'] },
};

for (const [name, { met, not }] of Object.entries(TEXTS)) {
  describe(`format ${name}`, () => {
    const { isMetBy } = FORMATS[name as FormatName];
    for (const text of met) {
      it(`is met by ${JSON.stringify(text)}`, () => expect(isMetBy(text)).to.equal(true));
    }
    for (const text of not) {
      it(`is not met by ${JSON.stringify(text)}`, () => expect(isMetBy(text)).to.equal(false));
    }
  });
}
