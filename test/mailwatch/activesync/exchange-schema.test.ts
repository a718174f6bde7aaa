import { expect } from 'chai';
import {
  RESPONSE_TIMEOUT_MS_MAX,
  RESPONSE_TIMEOUT_MS_MIN,
  WBXML_BYTES_MAX,
} from '../../../src/mailwatch/rpc/exchange-schema.ts';
import { checkRequest } from '../../../src/mailwatch/rpc/schemas.ts';
import { PATH, PING, SYNC } from './exchanges.ts';

const REGISTRATION = {
  endpoint: 'https://push.example/update/a',
  protocol: 'activesync',
  server: { host: 'eas.example', port: 443, security: 'tls' },
  folders: [{ name: 'INBOX' }],
  waitMs: 0,
  maxPollMs: 60_000,
  keyId: 'k',
  sealed: 'AAAA',
  exchange: PING,
};
const SYNC_PATH = SYNC.path;

function base64Of(bytes: number): string {
  return Buffer.alloc(bytes, 3).toString('base64');
}

function fieldsOf(registration: object): readonly string[] {
  const checked = checkRequest('register', registration);
  return checked.ok ? [] : checked.fields.map(({ field }) => field);
}

describe('the form of an ActiveSync registration', () => {
  const allowed: readonly (readonly [string, object])[] = [
    ['a Ping', PING],
    ['a Sync', SYNC],
    ['a Sync with a reply without change', { ...SYNC, noChangeReply: PING.noChangeReply }],
    ['a question without a body', { ...PING, requestData: '' }],
    ['all that may be left out', { ...PING, policyKey: '4294967295', userAgent: 'Phone/1 (x)' }],
    [
      'everything at its bound',
      {
        ...PING,
        path: PATH.padEnd(2048, 'a'),
        requestData: base64Of(WBXML_BYTES_MAX),
        noChangeReply: base64Of(WBXML_BYTES_MAX),
        responseTimeoutMs: RESPONSE_TIMEOUT_MS_MAX,
        userAgent: 'a'.repeat(255),
      },
    ],
    ['the shortest hold', { ...PING, responseTimeoutMs: RESPONSE_TIMEOUT_MS_MIN }],
  ];
  for (const [title, exchange] of allowed) {
    it(`allows ${title}`, () => {
      expect(fieldsOf({ ...REGISTRATION, exchange })).to.deep.equal([]);
    });
  }

  const refused: readonly (readonly [string, object, string])[] = [
    ['a longer path', { ...PING, path: PATH.padEnd(2049, 'a') }, 'path'],
    ['a path with a line end', { ...PING, path: `${PATH}\r\nX-Evil: 1` }, 'path'],
    ['a path with a space', { ...PING, path: `${PATH}&x=a b` }, 'path'],
    ['a path with a fragment', { ...PING, path: `${PATH}#x` }, 'path'],
    ['a path that is a URL', { ...PING, path: `https://evil.example${PATH}` }, 'path'],
    ['a path in another script', { ...PING, path: `${PATH}&x=ä` }, 'path'],
    ['a path without a command', { ...PING, path: '/Microsoft-Server-ActiveSync' }, 'path'],
    ['a command in base64', { ...PING, path: '/Microsoft-Server-ActiveSync?jQAJBBB2' }, 'path'],
    ['another command', { ...PING, path: PATH.replace('Ping', 'SendMail') }, 'path'],
    ['a second command', { ...PING, path: `${PATH}&Cmd=SendMail` }, 'path'],
    ['a second command in disguise', { ...PING, path: `${PATH}&%63mD=SendMail` }, 'path'],
    ['Sync where Ping is meant', { ...PING, path: SYNC_PATH }, 'path'],
    ['Ping where Sync is meant', { ...SYNC, path: PATH }, 'path'],
    ['longer request data', { ...PING, requestData: base64Of(WBXML_BYTES_MAX + 1) }, 'requestData'],
    ['request data that is no base64', { ...PING, requestData: 'a b=' }, 'requestData'],
    ['half base64', { ...PING, requestData: 'AAAAA' }, 'requestData'],
    ['a longer reply', { ...PING, noChangeReply: base64Of(WBXML_BYTES_MAX + 1) }, 'noChangeReply'],
    ['an empty reply', { ...PING, noChangeReply: '' }, 'noChangeReply'],
    ['a Ping without a reply', { ...PING, noChangeReply: undefined }, 'noChangeReply'],
    [
      'a shorter hold',
      { ...PING, responseTimeoutMs: RESPONSE_TIMEOUT_MS_MIN - 1 },
      'responseTimeoutMs',
    ],
    [
      'a longer hold',
      { ...PING, responseTimeoutMs: RESPONSE_TIMEOUT_MS_MAX + 1 },
      'responseTimeoutMs',
    ],
    ['an unknown version', { ...PING, protocolVersion: '13.0' }, 'protocolVersion'],
    ['a policy key of letters', { ...PING, policyKey: '12a' }, 'policyKey'],
    ['a longer policy key', { ...PING, policyKey: '12345678901' }, 'policyKey'],
    ['a user agent with a line end', { ...PING, userAgent: 'a\r\nX-Evil: 1' }, 'userAgent'],
    ['a longer user agent', { ...PING, userAgent: 'a'.repeat(256) }, 'userAgent'],
    ['a header of the device’s own (Pinger B16)', { ...PING, headers: { Host: 'x' } }, 'headers'],
  ];
  for (const [title, exchange, field] of refused) {
    it(`refuses ${title}`, () => {
      const json: object = JSON.parse(JSON.stringify(exchange));
      expect(fieldsOf({ ...REGISTRATION, exchange: json })).to.deep.equal([`exchange.${field}`]);
    });
  }

  it('needs what is asked', () => {
    const { exchange: _, ...without } = REGISTRATION;
    expect(fieldsOf(without)).to.deep.equal(['exchange']);
  });

  it('goes by TLS from the first byte', () => {
    const server = { ...REGISTRATION.server, security: 'starttls' };
    expect(fieldsOf({ ...REGISTRATION, server })).to.deep.equal(['server.security']);
  });

  it('has no part in an IMAP registration', () => {
    expect(fieldsOf({ ...REGISTRATION, protocol: 'imap' })).to.deep.equal(['exchange']);
  });

  it('says what is wrong in words', () => {
    const exchange = { ...PING, path: '/', requestData: '?' };
    const checked = checkRequest('register', { ...REGISTRATION, exchange });
    if (checked.ok) throw new Error('was allowed');
    expect(checked.fields).to.have.deep.members([
      { field: 'exchange.requestData', expected: 'base64 of at most 10240 bytes' },
      {
        field: 'exchange.path',
        expected: 'a path and a query without spaces, with Cmd=Ping once',
      },
    ]);
  });
});
