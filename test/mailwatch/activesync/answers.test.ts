import { expect } from 'chai';
import type { ExchangeRequest } from '../../../src/mailwatch/account.ts';
import { Body, judgeHead } from '../../../src/mailwatch/activesync/answers.ts';
import { hostHeaderOf, parseLocation } from '../../../src/mailwatch/activesync/location.ts';
import {
  isTooSoon,
  TOO_SOON_MAX_MS,
  TOO_SOON_MIN_MS,
  tooSoonWaitMs,
} from '../../../src/mailwatch/activesync/pace.ts';
import { NO_CHANGE, PING, SYNC } from './exchanges.ts';

const LOCATION = { host: 'eas.example', port: 443, path: '/Microsoft-Server-ActiveSync?Cmd=Ping' };
const CONTEXT = { location: LOCATION, isOauth: false, nowMs: Date.parse('2027-01-15T08:00:00Z') };
const SYNC_WITH_REPLY: ExchangeRequest = { ...SYNC, noChangeReply: NO_CHANGE.toString('base64') };

describe('the head of an ActiveSync answer', () => {
  const heads = [
    { status: 401, kind: 'auth' },
    { status: 403, kind: 'auth' },
    { status: 449, kind: 'auth' },
    { status: 429, kind: 'limited' },
    { status: 503, headers: { 'retry-after': '120' }, kind: 'limited', retryAfterMs: 120_000 },
    {
      status: 503,
      headers: { 'retry-after': 'Fri, 15 Jan 2027 08:01:00 GMT' },
      kind: 'limited',
      retryAfterMs: 60_000,
    },
    { status: 503, kind: 'network' },
    { status: 503, headers: { 'retry-after': 'soon' }, kind: 'network' },
    { status: 500, kind: 'network' },
    { status: 507, kind: 'network' },
    { status: 301, headers: { location: 'https://evil.example/' }, kind: 'protocol' },
    { status: 302, headers: { location: 'https://evil.example/' }, kind: 'protocol' },
    { status: 307, headers: { location: 'https://evil.example/' }, kind: 'protocol' },
    { status: 308, headers: { location: 'https://evil.example/' }, kind: 'protocol' },
    { status: 204, kind: 'protocol' },
    { status: 206, kind: 'protocol' },
    { status: 404, kind: 'protocol' },
    { status: 451, kind: 'protocol' },
    { status: 451, headers: { 'x-ms-location': 'http://eas2.example/x' }, kind: 'protocol' },
    { status: 451, headers: { 'x-ms-location': 'https://u:p@eas2.example/' }, kind: 'protocol' },
    { status: 451, headers: { 'x-ms-location': 'ftp://eas2.example/' }, kind: 'protocol' },
    { status: 200, headers: { 'content-type': 'text/html' }, kind: 'protocol' },
  ] as const;
  for (const head of heads) {
    const headers = 'headers' in head ? head.headers : {};
    it(`takes ${head.status} ${JSON.stringify(headers)} for ${head.kind}`, () => {
      const judged = judgeHead({ status: head.status, headers }, CONTEXT);
      if (judged === 'read-body' || judged.kind !== 'failed') throw new Error(String(judged));
      expect(judged.failure.kind).to.equal(head.kind);
      const retryAfterMs = 'retryAfterMs' in head ? head.retryAfterMs : undefined;
      expect(judged.retryAfterMs).to.equal(retryAfterMs);
    });
  }

  it('takes a refused token for a matter of consent', () => {
    expect(
      judgeHead({ status: 401, headers: {} }, { ...CONTEXT, isOauth: true }),
    ).to.have.nested.property('failure.kind', 'oauth');
  });

  for (const type of [undefined, 'application/vnd.ms-sync.wbxml', 'application/vnd.ms-sync']) {
    it(`leaves 200 with the type ${type} to the body`, () => {
      const headers = { 'content-type': type };
      expect(judgeHead({ status: 200, headers }, CONTEXT)).to.equal('read-body');
    });
  }

  it('follows 451 to an https URL, with the query of the device', () => {
    const headers = { 'x-ms-location': 'https://EAS2.example:8443/New?Cmd=SendMail' };
    expect(judgeHead({ status: 451, headers }, CONTEXT)).to.deep.equal({
      kind: 'moved',
      to: { host: 'eas2.example', port: 8443, path: '/New?Cmd=Ping' },
    });
  });
});

describe('the location of an ActiveSync server', () => {
  it('refuses a URL of more characters than it may have', () => {
    const start = 'https://eas2.example/';
    expect(parseLocation(start.padEnd(2048, 'a'), LOCATION)).not.to.equal(undefined);
    expect(parseLocation(start.padEnd(2049, 'a'), LOCATION)).to.equal(undefined);
  });

  for (const [host, port, header] of [
    ['eas.example', 443, 'eas.example'],
    ['eas.example', 8443, 'eas.example:8443'],
    ['2001:db8::1', 443, '[2001:db8::1]'],
    ['2001:db8::1', 444, '[2001:db8::1]:444'],
  ] as const) {
    it(`is ${header} in the Host header`, () => {
      expect(hostHeaderOf({ host, port, path: '/' })).to.equal(header);
    });
  }

  it('has an IPv6 address without brackets', () => {
    expect(parseLocation('https://[2001:db8::1]/x', LOCATION)).to.include({ host: '2001:db8::1' });
  });
});

describe('the body of an ActiveSync answer (Pinger B15)', () => {
  const judge = (request: ExchangeRequest, pieces: readonly Uint8Array[], isDelimited = true) => {
    const body = new Body(request);
    for (const piece of pieces) body.add(piece);
    const outcome = body.judge({ isDelimited });
    return outcome.kind === 'failed' ? outcome.failure.kind : outcome.kind;
  };
  const bytes = Array.from(NO_CHANGE, (byte) => Uint8Array.of(byte));
  const changed = Buffer.from(NO_CHANGE);
  changed[changed.length - 1] = 0;

  it('is quiet when all of it is the reply without change', () => {
    expect(judge(PING, [NO_CHANGE])).to.equal('quiet');
  });
  it('is quiet when that reply comes byte by byte', () => {
    expect(judge(PING, bytes)).to.equal('quiet');
  });
  it('is news when one byte differs', () => {
    expect(judge(PING, [changed])).to.equal('news');
  });
  it('is news when there is more of it', () => {
    expect(judge(PING, [NO_CHANGE, Uint8Array.of(0)])).to.equal('news');
    expect(judge(PING, [Buffer.concat([NO_CHANGE, NO_CHANGE])])).to.equal('news');
  });
  it('is news when it is whole and shorter', () => {
    expect(judge(PING, [NO_CHANGE.subarray(0, 5)])).to.equal('news');
    expect(judge(PING, [])).to.equal('news');
  });
  it('is a broken connection when its end is not told from a cut', () => {
    expect(judge(PING, [NO_CHANGE.subarray(0, 5)], false)).to.equal('network');
    expect(judge(PING, [], false)).to.equal('network');
    expect(judge(PING, [NO_CHANGE], false)).to.equal('quiet');
    expect(judge(PING, [changed], false)).to.equal('news');
  });
  it('of Sync is quiet when it is empty, and news otherwise', () => {
    expect(judge(SYNC, [])).to.equal('quiet');
    expect(judge(SYNC, [], false)).to.equal('quiet');
    expect(judge(SYNC, [Uint8Array.of(3)])).to.equal('news');
  });
  it('of Sync is quiet when it is the reply that the device has named', () => {
    expect(judge(SYNC_WITH_REPLY, [NO_CHANGE])).to.equal('quiet');
    expect(judge(SYNC_WITH_REPLY, [changed])).to.equal('news');
  });
});

describe('the pace after an answer that came too soon', () => {
  it('knows it by a quarter of the time that the server was asked for', () => {
    expect(isTooSoon(14_999, 60_000)).to.equal(true);
    expect(isTooSoon(15_000, 60_000)).to.equal(false);
  });
  it('doubles from two seconds to ten minutes, by chance between nothing and all of it', () => {
    expect(TOO_SOON_MIN_MS).to.equal(2_000);
    expect(TOO_SOON_MAX_MS).to.equal(600_000);
    const ceilings = [1, 2, 3, 9, 10, 11, 1000].map((inRow) =>
      tooSoonWaitMs(inRow, () => 0.999999),
    );
    expect(ceilings).to.deep.equal([1999, 3999, 7999, 511_999, 599_999, 599_999, 599_999]);
    expect(tooSoonWaitMs(1000, () => 0)).to.equal(0);
  });
});
