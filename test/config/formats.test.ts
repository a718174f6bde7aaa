import { expect } from 'chai';
import { FORMATS, type FormatName } from '../../src/config/formats.ts';

const KEY = 'A'.repeat(43);

const TEXTS: Readonly<Record<FormatName, { met: readonly string[]; not: readonly string[] }>> = {
  host: {
    met: ['127.0.0.1', '::1', 'localhost', 'push-1.example.org', 'a'.repeat(63), '2001:db8::1'],
    not: ['', '[::1]', '1.2.3', '256.1.1.1', 'a b', 'a:80', 'http://a', '-a', 'a'.repeat(254)],
  },
  'http-url-or-empty': {
    met: ['', 'http://a', 'https://push.example:8443/base/', 'http://[::1]:80'],
    not: ['a', 'ws://a', 'http://', 'https://a?b', 'https://a#', 'https://u:p@a', ' http://a'],
  },
  origin: {
    met: ['https://app.example', 'http://localhost:8080', 'http://[::1]:1'],
    not: [
      '',
      'null',
      '*',
      'app.example',
      'https://app.example/',
      'https://APP.example',
      'http://a:80',
    ],
  },
  path: { met: ['a', '/a b/c.key', '..'], not: ['', 'a\0'] },
  'path-or-empty': { met: ['', 'a'], not: ['\0'] },
  'server-address': {
    met: ['a:1', '10.0.0.1:65535', '[::1]:11211', 'cache-1.example:11211'],
    not: ['', 'a', 'a:', 'a:0', 'a:65536', '::1:11211', '[a]:1', '[10.0.0.1]:1', 'a:1:2', ' a:1'],
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
