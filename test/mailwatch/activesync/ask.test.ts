import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'chai';
import type { Credentials, ExchangeRequest } from '../../../src/mailwatch/account.ts';
import type { ExchangeOutcome } from '../../../src/mailwatch/activesync/answers.ts';
import {
  type AskExchange,
  BODY_BYTES_MAX,
  createAskExchange,
  type Exchange,
  type ExchangeOptions,
  HEAD_BYTES_MAX,
  INTERIM_ANSWERS_MAX,
} from '../../../src/mailwatch/activesync.ts';
import { Alarms } from '../../../src/mailwatch/watcher/alarms.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import {
  answerOf,
  CUT,
  FakeActiveSync,
  type FakeReaction,
  HANG,
  statusOf,
} from '../../support/fake-activesync.ts';
import { type KickCertificates, makeKickCertificates } from '../../support/kick-certificates.ts';
import { within } from '../../support/within.ts';
import { CHANGE, NO_CHANGE, PASSWORD, PATH, PING, QUESTION, SYNC, TOKEN } from './exchanges.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/vnd.ms-sync.wbxml\r\n';
const STEP_MS_MAX = 30_000;

describe('one hanging question to an ActiveSync server', () => {
  let pem: KickCertificates;
  let server: FakeActiveSync;
  let clock: HandClock;
  let alarms: Alarms;
  let ask: AskExchange;
  let letGo: AbortController;
  let waits: number[];

  before(async () => {
    pem = await makeKickCertificates();
  });
  beforeEach(async () => {
    server = await new FakeActiveSync(pem).listen();
    clock = new HandClock();
    alarms = new Alarms(clock);
    letGo = new AbortController();
    waits = [];
    ask = create();
  });
  afterEach(async () => {
    alarms.stop();
    await server.close();
  });

  const create = (options: Partial<ExchangeOptions> = {}) =>
    createAskExchange({
      stepMsMax: STEP_MS_MAX,
      ca: pem.ca,
      wait(waitMs, signal) {
        waits.push(waitMs);
        return alarms.wait(waitMs, signal);
      },
      clock,
      ...options,
    });
  const exchangeOf = (changes: Partial<Exchange> = {}): Exchange => ({
    location: { host: 'localhost', port: server.port, path: PATH },
    address: '127.0.0.1',
    credentials: PASSWORD,
    request: PING,
    onAsked: () => {},
    ...changes,
  });
  const begin = (changes: Partial<Exchange> = {}): Promise<ExchangeOutcome> =>
    within(ask(exchangeOf(changes), letGo.signal), { wanted: 'an outcome', waitMsMax: 10_000 });
  const outcomeOf = async (reaction: FakeReaction, request: ExchangeRequest = PING) => {
    server.reactWith(reaction);
    const outcome = await begin({ request });
    expect(server.faults).to.deep.equal([]);
    // Whatever the answer was: nothing of the question is left behind.
    expect(alarms.size).to.equal(0);
    return outcome.kind === 'failed'
      ? `${outcome.failure.kind}: ${outcome.failure.detail}`
      : outcome.kind;
  };

  it('is put as MS-ASHTTP asks, with nothing that the device has not named', async () => {
    const request = { ...PING, policyKey: '3942919513', userAgent: 'Phone/1.0 (x)' };
    const asked = begin({ request });
    const { path, headers, body, servername, authorization, answer } = await server.asked(1);
    expect(path).to.equal(PATH);
    expect(body).to.deep.equal(QUESTION);
    expect(servername).to.equal('localhost');
    expect(authorization).to.equal(`Basic ${Buffer.from('ada:sesäme').toString('base64')}`);
    expect(headers).to.deep.equal({
      host: `localhost:${server.port}`,
      authorization,
      'content-type': 'application/vnd.ms-sync.wbxml',
      'content-length': String(QUESTION.length),
      'ms-asprotocolversion': '14.1',
      'accept-encoding': 'identity',
      'x-ms-policykey': '3942919513',
      'user-agent': 'Phone/1.0 (x)',
      connection: 'close',
    });
    answer(answerOf(NO_CHANGE));
    expect(await asked).to.deep.equal({ kind: 'quiet' });
  });

  it('shows a token as a bearer’s, and no policy key or program that is not known', async () => {
    const asked = begin({ credentials: TOKEN, request: { ...PING, requestData: '' } });
    const { authorization, headers, body, answer } = await server.asked(1);
    expect(authorization).to.equal('Bearer access');
    expect(headers).not.to.have.any.keys('x-ms-policykey', 'user-agent');
    expect(body).to.have.length(0);
    answer(statusOf(401));
    expect(await asked).to.have.nested.property('failure.kind', 'oauth');
  });

  const whole: readonly (readonly [string, FakeReaction, ExchangeRequest, string])[] = [
    ['the reply without change', answerOf(NO_CHANGE), PING, 'quiet'],
    ['a change', answerOf(CHANGE), PING, 'news'],
    ['an empty answer to Sync', answerOf(Buffer.alloc(0)), SYNC, 'quiet'],
    ['any other answer to Sync', answerOf(CHANGE), SYNC, 'news'],
    ['no change in chunks of one byte', chunked(NO_CHANGE), PING, 'quiet'],
    ['a change in chunks of one byte', chunked(CHANGE), PING, 'news'],
    ['no change, byte by byte', byteByByte(NO_CHANGE), PING, 'quiet'],
    ['a change, byte by byte', byteByByte(CHANGE), PING, 'news'],
    ['no change that the end of the connection ends', undelimited(NO_CHANGE), PING, 'quiet'],
    ['a change that the end of the connection ends', undelimited(CHANGE), PING, 'news'],
  ];
  for (const [title, reaction, request, wanted] of whole) {
    it(`takes ${title} for ${wanted} (Pinger B15)`, async () => {
      expect(await outcomeOf(reaction, request)).to.equal(wanted);
    });
  }

  const broken: readonly (readonly [string, FakeReaction, RegExp])[] = [
    ['a cut without an answer', CUT, /^network: /],
    [
      'a body cut short of its length',
      raw(`${HEAD}Content-Length: 13\r\n\r\n`, NO_CHANGE.subarray(0, 6)),
      /^network: /,
    ],
    [
      'a body cut between two chunks',
      raw(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '6\r\n', NO_CHANGE.subarray(0, 6), '\r\n'),
      /^network: /,
    ],
    [
      'a beginning of no change without a length',
      undelimited(NO_CHANGE.subarray(0, 6)),
      /^network/,
    ],
    [
      'a chunk without a size',
      raw(`${HEAD}Transfer-Encoding: chunked\r\n\r\nzz`),
      /^protocol: HPE/,
    ],
    ['what is no HTTP', raw('* OK IMAP4rev1 ready\r\n'), /^protocol: HPE/],
    ['a redirect', statusOf(302, { Location: 'https://localhost/' }), /^protocol: HTTP 302$/],
    ['a login page', answerPage(), /^protocol: /],
    ['401', statusOf(401), /^auth: HTTP 401$/],
    ['403', statusOf(403), /^auth: HTTP 403/],
    ['449', statusOf(449), /^auth: HTTP 449/],
    ['500', statusOf(500), /^network: HTTP 500$/],
    ['503 with Retry-After', statusOf(503, { 'Retry-After': '60' }), /^limited: HTTP 503$/],
    [
      'a change of protocols',
      raw('HTTP/1.1 101 X\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\n'),
      /^network/,
    ],
  ];
  for (const [title, reaction, wanted] of broken) {
    it(`never takes ${title} for mail (Pinger B15)`, async () => {
      expect(await outcomeOf(reaction)).to.match(wanted);
    });
  }

  it('reads a body up to its bound, and calls one byte more a flood', async () => {
    expect(BODY_BYTES_MAX).to.equal(8 * 1024 * 1024);
    ask = create({ bodyBytesMax: 100_000 });
    expect(await outcomeOf(answerOf(Buffer.alloc(100_000)))).to.equal('news');
    expect(await outcomeOf(answerOf(Buffer.alloc(100_001)))).to.match(/^protocol: .*too much/);
  });

  it('reads a head up to its bound, and calls a longer one a flood', async () => {
    const header = (length: number) => statusOf(401, { 'X-Long': 'a'.repeat(length) });
    expect(await outcomeOf(header(HEAD_BYTES_MAX / 2))).to.equal('auth: HTTP 401');
    expect(await outcomeOf(header(HEAD_BYTES_MAX + 1))).to.equal('protocol: HPE_HEADER_OVERFLOW');
  });

  it('takes some interim answers, and calls one more a flood', async () => {
    const following = (count: number) =>
      raw(
        'HTTP/1.1 102 Processing\r\n\r\n'.repeat(count),
        `${HEAD}Content-Length: ${CHANGE.length}\r\n\r\n`,
        CHANGE,
      );
    expect(await outcomeOf(following(INTERIM_ANSWERS_MAX))).to.equal('news');
    expect(await outcomeOf(following(INTERIM_ANSWERS_MAX + 1))).to.match(/^protocol: .*too much/);
  });

  it('says where the mailbox is now, and asks nobody there', async () => {
    const other = 'https://eas2.example/Microsoft-Server-ActiveSync';
    server.reactWith(statusOf(451, { 'X-MS-Location': other }));
    expect(await begin()).to.deep.equal({
      kind: 'moved',
      to: { host: 'eas2.example', port: 443, path: PATH },
    });
  });

  it('dials the address that was judged, and nothing else', async () => {
    server.reactWith(answerOf(CHANGE));
    // The name resolves to nothing: only the address can have been dialled, and only the name is proven.
    const location = { host: 'mail.invalid', port: server.port, path: PATH };
    expect(await begin({ location })).to.deep.equal({
      kind: 'failed',
      failure: { kind: 'tls', detail: 'wrong-name' },
    });
    expect(server.asks).to.have.length(0);
  });

  it('proves an address when the device has named one', async () => {
    server.reactWith(answerOf(CHANGE));
    const location = { host: '127.0.0.1', port: server.port, path: PATH };
    expect(await begin({ location })).to.deep.equal({ kind: 'news' });
  });

  it('shows nobody a password who is not trusted', async () => {
    ask = create({ ca: undefined });
    const outcome = await begin();
    expect(outcome).to.have.nested.property('failure.kind', 'tls');
    expect(server.asks).to.have.length(0);
    expect(server.faults).to.deep.equal([]);
  });

  it('is refused where nobody listens', async () => {
    const location = { host: 'localhost', port: 1, path: PATH };
    expect(await begin({ location })).to.deep.equal({
      kind: 'failed',
      failure: { kind: 'network', detail: 'ECONNREFUSED' },
    });
  });

  it('waits a tenth longer than the server was asked to, and then takes it for dead (Pinger B3)', async () => {
    const asked = begin();
    await server.asked(1);
    clock.moveMs(659_999);
    clock.tick();
    expect(alarms.size).to.equal(1);
    clock.moveMs(1);
    clock.tick();
    expect(await asked).to.deep.equal({
      kind: 'failed',
      failure: { kind: 'network', detail: 'the server does not answer' },
    });
  });

  it('hears the mail that comes after a long quiet (Pinger B3)', async () => {
    const asked = begin();
    const { answer } = await server.asked(1);
    clock.moveMs(599_000);
    clock.tick();
    answer(answerOf(CHANGE));
    expect(await asked).to.deep.equal({ kind: 'news' });
  });

  it('waits for a body that has begun only as long as for any step', async () => {
    server.reactWith({ ...raw(`${HEAD}Content-Length: 13\r\n\r\n`), staysOpen: true });
    const asked = begin();
    await server.asked(1);
    // To connect, to answer, and to finish the answer.
    while (waits.length < 3) await nextTurn();
    expect(waits).to.deep.equal([STEP_MS_MAX, 660_000, STEP_MS_MAX]);
    clock.moveMs(STEP_MS_MAX);
    clock.tick();
    expect(await asked).to.have.nested.property('failure.detail', 'the server does not answer');
  });

  it('lets go at once, and of the connection too', async () => {
    const asked = begin();
    const { gone } = await server.asked(1);
    letGo.abort();
    expect(await asked).to.have.nested.property('failure.kind', 'network');
    await within(gone, { wanted: 'the end of the connection', waitMsMax: 10_000 });
    expect(alarms.size).to.equal(0);
    // Let go of before it began.
    expect(await begin()).to.have.nested.property('failure.kind', 'network');
    expect(server.asks).to.have.length(1);
  });

  it('says when it was asked, and not before', async () => {
    const steps: string[] = [];
    const asked = begin({ onAsked: () => steps.push('asked') });
    const { answer } = await server.asked(1);
    steps.push('heard');
    answer(HANG);
    answer(answerOf(NO_CHANGE));
    await asked;
    expect(steps).to.deep.equal(['asked', 'heard']);
  });

  it('tells no credential in what went wrong', async () => {
    const secrets: readonly Credentials[] = [PASSWORD, TOKEN];
    for (const credentials of secrets) {
      server.reactWith(statusOf(401), raw(`* BAD ada sesäme access\r\n`));
      const outcomes = [await begin({ credentials }), await begin({ credentials })];
      expect(JSON.stringify(outcomes)).not.to.match(/sesäme|access|ada/);
    }
  });
});

function raw(...pieces: readonly (string | Uint8Array)[]): FakeReaction & { kind: 'raw' } {
  return { kind: 'raw', pieces };
}

function undelimited(body: Uint8Array): FakeReaction {
  return raw(`${HEAD}Connection: close\r\n\r\n`, body);
}

function byteByByte(body: Uint8Array): FakeReaction {
  const text = Buffer.concat([Buffer.from(`${HEAD}Content-Length: ${body.length}\r\n\r\n`), body]);
  return raw(...Array.from(text, (byte) => Uint8Array.of(byte)));
}

function chunked(body: Uint8Array): FakeReaction {
  const chunks = Array.from(body, (byte) => Buffer.from([0x31, 13, 10, byte, 13, 10]));
  return raw(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`, ...chunks, '0\r\n\r\n');
}

function answerPage(): FakeReaction {
  const headers = { 'Content-Type': 'text/html; charset=utf-8' };
  return { kind: 'answer', status: 200, headers, body: Buffer.from('<p>Please log in.') };
}
