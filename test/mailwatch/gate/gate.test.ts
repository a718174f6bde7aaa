import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { quietLog } from '../../../src/log.ts';
import {
  type GateListener,
  type GateOptions,
  listenForRegistrations,
} from '../../../src/mailwatch/gate/gate-listener.ts';
import { createRoutes } from '../../../src/mailwatch/gate/routes.ts';
import { createThrottle } from '../../../src/mailwatch/gate/throttle.ts';
import { BackendUnavailableError, type MailBackend } from '../../../src/mailwatch/rpc/methods.ts';
import { HandClock } from '../../storage/hand-clock.ts';

const BODY_BYTES_MAX = 32_768;
const OPTIONS: GateOptions = {
  host: '127.0.0.1',
  port: 0,
  bodyBytesMax: BODY_BYTES_MAX,
  requestTimeoutMs: 10_000,
  connectionsMax: 100,
  allowedOrigins: [],
  tls: undefined,
};
const REGISTRATION = {
  endpoint: 'https://push.example/update/a',
  server: { host: 'mail.example', port: 993, security: 'tls' },
  keyId: 'k',
  sealed: 'AAAA',
};

describe('the mail gate', () => {
  let gate: GateListener;
  let asked: { readonly method: string; readonly request: unknown }[];
  let answer: unknown;
  let clock: HandClock;
  const statuses: number[] = [];

  const ask = (method: string) => async (request: unknown) => {
    asked.push({ method, request });
    if (answer instanceof Error) throw answer;
    return answer;
  };
  const open = async (perMinute = 1000) => {
    const methods = ['register', 'defer', 'stop', 'status', 'key', 'alive'];
    const backend = Object.fromEntries(methods.map((name) => [name, ask(name)]));
    gate = await listenForRegistrations(OPTIONS, {
      findRoute: createRoutes({ backend: backend as unknown as MailBackend, retryAfterMs: 4001 }),
      throttle: createThrottle({ perMinute, addressesMax: 10 }, clock),
      isTrustedProxy: (address) => address === '127.0.0.1',
      onAnswer: (status) => statuses.push(status),
      log: quietLog,
    });
  };

  beforeEach(async () => {
    asked = [];
    answer = { ok: true, reply: {} };
    clock = new HandClock();
    await open();
  });
  afterEach(async () => {
    await gate.close();
  });

  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${gate.port}${path}`, init);
    const body = await response.text();
    return {
      status: response.status,
      headers: response.headers,
      body: body === '' ? undefined : JSON.parse(body),
    };
  };
  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });

  it('B17: passes a registration on as the pages show it, with what it leaves out', async () => {
    answer = { ok: true, reply: { token: 'fresh' } };
    const { status, body, headers } = await post('/mail/v1/register', REGISTRATION);
    expect({ status, body }).to.deep.equal({ status: 200, body: { token: 'fresh' } });
    expect(headers.get('cache-control')).to.equal('no-store');
    expect(asked).to.deep.equal([
      {
        method: 'register',
        request: {
          ...REGISTRATION,
          protocol: 'imap',
          folders: [{ name: 'INBOX' }],
          waitMs: 0,
          maxPollMs: 90 * 86_400_000,
        },
      },
    ]);
  });

  it('names every bad field of a registration at once', async () => {
    const { status, body } = await post('/mail/v1/register', {
      endpoint: 7,
      server: { host: 'Mail.Example', port: 0 },
      folders: [{ name: 'a\r\nb' }, {}],
      waitMs: -1,
      extra: true,
    });
    expect(status).to.equal(400);
    const fields = body.fields.map(({ field }: { field: string }) => field);
    expect(fields).to.have.members([
      'endpoint',
      'server.host',
      'server.port',
      'server.security',
      'folders[0].name',
      'folders[1].name',
      'waitMs',
      'extra',
      'keyId',
      'sealed',
    ]);
    expect(asked).to.deep.equal([]);
  });

  for (const body of ['', 'no JSON', '[]', 'null', '7', '"text"']) {
    it(`answers 400 to the body ${JSON.stringify(body)}`, async () => {
      expect((await post('/mail/v1/register', body)).status).to.equal(400);
    });
  }

  for (const [path, method, request] of [
    ['/mail/v1/defer', 'defer', { token: 'id.secret', waitMs: 5 }],
    ['/mail/v1/stop', 'stop', { token: 'id.secret' }],
  ] as const) {
    it(`asks to ${method} in the name of the token`, async () => {
      const body = method === 'defer' ? { waitMs: 5 } : {};
      const answered = await post(path, body, { Authorization: 'Bearer id.secret' });
      expect(answered.status).to.equal(200);
      expect(asked).to.deep.equal([{ method, request }]);
    });
  }

  it('asks for the status in the name of the token', async () => {
    const answered = await call('/mail/v1/status', { headers: { Authorization: 'bearer t' } });
    expect(answered.status).to.equal(200);
    expect(asked).to.deep.equal([{ method: 'status', request: { token: 't' } }]);
  });

  for (const authorization of [undefined, '', 'Basic abc', 'Bearer', 'Bearer a b']) {
    it(`answers 401 to the authorization ${JSON.stringify(authorization)}`, async () => {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      const answers = [
        await call('/mail/v1/status', { headers }),
        await post('/mail/v1/stop', {}, headers),
        await post('/mail/v1/defer', { waitMs: 1 }, headers),
      ];
      for (const { status, headers: given } of answers) {
        expect(status).to.equal(401);
        expect(given.get('www-authenticate')).to.equal('Bearer');
      }
      expect(asked).to.deep.equal([]);
    });
  }

  it('takes no token from a body', async () => {
    const body = { waitMs: 1, token: 'other' };
    await post('/mail/v1/defer', body, { Authorization: 'Bearer mine' });
    expect(asked).to.deep.equal([{ method: 'defer', request: { waitMs: 1, token: 'mine' } }]);
  });

  const refusals = [
    [{ kind: 'unknown' }, 404, null],
    [{ kind: 'unauthorized' }, 401, null],
    [{ kind: 'invalid', fields: [{ field: 'sealed', expected: 'x' }] }, 400, null],
    [{ kind: 'throttled', retryAfterMs: 1500 }, 429, '2'],
    [{ kind: 'unavailable', retryAfterMs: 10 }, 503, '1'],
  ] as const;
  for (const [refusal, status, retryAfter] of refusals) {
    it(`answers ${status} when the backend says ${refusal.kind}`, async () => {
      answer = { ok: false, refusal };
      const answered = await call('/mail/v1/status', { headers: { Authorization: 'Bearer t' } });
      expect(answered.status).to.equal(status);
      expect(answered.headers.get('retry-after')).to.equal(retryAfter);
    });
  }

  it('answers 503 and Retry-After while the backend is away', async () => {
    answer = new BackendUnavailableError('gone');
    for (const path of ['/mail/v1/key', '/mail/v1/alive']) {
      const { status, headers } = await call(path);
      expect(status).to.equal(503);
      expect(headers.get('retry-after')).to.equal('5');
    }
  });

  it('answers 500 without a word of what went wrong', async () => {
    answer = new Error('our own bug, with a stack');
    const { status, body } = await call('/mail/v1/key');
    expect({ status, body }).to.deep.equal({ status: 500, body: { error: 'the gate has failed' } });
    answer = { ok: true, reply: {} };
    expect((await call('/mail/v1/key')).status).to.equal(200);
  });

  for (const path of ['/', '/mail', '/mail/v1/', '/mail/v1/register/', '/mail/v1/constructor']) {
    it(`answers 404 to ${path}`, async () => {
      expect((await call(path)).status).to.equal(404);
    });
  }

  for (const [path, method, allow] of [
    ['/mail/v1/register', 'GET', 'POST'],
    ['/mail/v1/defer', 'PUT', 'POST'],
    ['/mail/v1/status', 'POST', 'GET'],
    ['/mail/v1/alive', 'DELETE', 'GET'],
  ] as const) {
    it(`answers 405 to ${method} ${path}`, async () => {
      const { status, headers } = await call(path, { method });
      expect(status).to.equal(405);
      expect(headers.get('allow')).to.equal(allow);
    });
  }

  it('answers 415 to what is not JSON by its type, and takes a charset', async () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await post('/mail/v1/register', '{}', form)).status).to.equal(415);
    const charset = { 'Content-Type': 'application/json; charset=utf-8' };
    expect((await post('/mail/v1/register', REGISTRATION, charset)).status).to.equal(200);
  });

  it('takes a body up to its bound, and none beyond', async () => {
    const fill = (length: number) => {
      const bare = JSON.stringify({ ...REGISTRATION, x: '' });
      return JSON.stringify({ ...REGISTRATION, x: 'x'.repeat(length - bare.length) });
    };
    expect((await post('/mail/v1/register', fill(BODY_BYTES_MAX))).status).to.equal(400);
    expect((await post('/mail/v1/register', fill(BODY_BYTES_MAX + 1))).status).to.equal(413);
  });

  it('counts the requests of each address apart, and none for load balancers', async () => {
    await gate.close();
    await open(2);
    const from = (address: string) =>
      call('/mail/v1/key', { headers: { 'X-Forwarded-For': `10.9.9.9, ${address}` } });
    expect((await from('10.0.0.1')).status).to.equal(200);
    expect((await from('10.0.0.1')).status).to.equal(200);
    const third = await from('10.0.0.1');
    expect(third.status).to.equal(429);
    expect(third.headers.get('retry-after')).to.equal('30');
    expect((await from('10.0.0.2')).status).to.equal(200);
    for (let time = 0; time < 5; time++)
      expect((await call('/mail/v1/alive')).status).to.equal(200);
    clock.moveMs(30_000);
    expect((await from('10.0.0.1')).status).to.equal(200);
  });

  it('ends a request that does not come in time, and serves others meanwhile', async () => {
    await gate.close();
    const options = { ...OPTIONS, requestTimeoutMs: 500 };
    gate = await listenForRegistrations(options, {
      findRoute: createRoutes({ backend: {} as unknown as MailBackend, retryAfterMs: 1 }),
      throttle: () => 0,
      isTrustedProxy: () => false,
      onAnswer: () => {},
      log: quietLog,
    });
    const slow = connect(gate.port, '127.0.0.1');
    slow.write('POST /mail/v1/register HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n');
    const ended = text(slow);
    expect((await call('/')).status).to.equal(404);
    expect(await ended).to.match(/^HTTP\/1\.1 408/);
  });
});
