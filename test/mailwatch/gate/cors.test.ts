import { expect } from 'chai';
import { quietLog } from '../../../src/log.ts';
import {
  type GateListener,
  listenForRegistrations,
} from '../../../src/mailwatch/gate/gate-listener.ts';
import { createRoutes } from '../../../src/mailwatch/gate/routes.ts';
import { createThrottle } from '../../../src/mailwatch/gate/throttle.ts';
import { BackendUnavailableError, type MailBackend } from '../../../src/mailwatch/rpc/methods.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { nextAnswer, type RawAnswer } from '../../support/raw-http.ts';
import { Resources } from '../../support/resources.ts';
import { openTcpClient, type TcpClient } from '../../support/tcp-client.ts';

const APP = 'https://app.example';
const LISTED = [APP, 'http://localhost:8080'];
const STRANGERS = [
  ...['https://other.example', 'https://app.example.other.example', 'https://app.example:8443'],
  ...['http://app.example', 'HTTPS://APP.EXAMPLE', 'null', `${APP}, ${APP}`, '*', ''],
];
const PER_MINUTE = 3;
const PREFLIGHT = ['Access-Control-Request-Method: POST'];

describe('the mail gate and web pages', () => {
  const resources = new Resources();
  let gate: GateListener;
  let client: TcpClient;
  let statuses: number[];
  let answerKey: () => Promise<unknown>;

  const open = async (allowedOrigins: readonly string[]) => {
    statuses = [];
    answerKey = async () => ({ ok: true, reply: { keyId: 'k', publicKey: 'p' } });
    const options = {
      ...{ host: '127.0.0.1', port: 0, bodyBytesMax: 32_768, tls: undefined },
      ...{ requestTimeoutMs: 10_000, connectionsMax: 10, allowedOrigins },
    };
    const limits = { perMinute: PER_MINUTE, addressesMax: 10 };
    const backend = { key: () => answerKey(), alive: () => Promise.reject(AWAY) };
    gate = await listenForRegistrations(options, {
      findRoute: createRoutes({ backend: backend as unknown as MailBackend, retryAfterMs: 4000 }),
      throttle: createThrottle(limits, new HandClock()),
      isTrustedProxy: () => false,
      onAnswer: (status) => statuses.push(status),
      log: quietLog,
    });
    resources.keep({ [Symbol.asyncDispose]: () => gate.close() });
    client = await openTcpClient(`http://127.0.0.1:${gate.port}/`);
    resources.keep({ [Symbol.asyncDispose]: async () => client.destroy() });
  };
  afterEach(() => resources.dispose());

  /** All over one connection, which every answer must leave usable. */
  const ask = (
    line: string,
    origin: string | undefined,
    headers: readonly string[] = [],
    body = '',
  ): Promise<RawAnswer> => {
    const own = origin === undefined ? [] : [`Origin: ${origin}`];
    const length = body === '' ? [] : [`Content-Length: ${body.length}`];
    const head = [`${line} HTTP/1.1`, 'Host: gate.example', ...own, ...headers, ...length];
    client.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    return nextAnswer(client);
  };
  const corsHeadersOf = ({ headers }: RawAnswer) =>
    Object.fromEntries(
      [...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary'),
    );

  const TO_APP = {
    'access-control-allow-origin': APP,
    'access-control-expose-headers': 'Retry-After',
    vary: 'Origin',
  };

  describe('with a list of origins', () => {
    beforeEach(() => open(LISTED));

    for (const [path, method] of [
      ['/mail/v1/register', 'POST'],
      ['/mail/v1/defer?a=b', 'POST'],
      ['/mail/v1/status', 'GET'],
    ] as const) {
      it(`lets a page of the list ask for leave to ${method} ${path}`, async () => {
        const answer = await ask(`OPTIONS ${path}`, APP, [
          `Access-Control-Request-Method: ${method}`,
          'Access-Control-Request-Headers: authorization,content-type',
        ]);
        expect(answer).to.include({ status: 204, body: '' });
        expect(corsHeadersOf(answer)).to.deep.equal({
          ...TO_APP,
          'access-control-allow-methods': method,
          'access-control-allow-headers': 'Authorization, Content-Type',
          'access-control-max-age': '7200',
        });
        expect(answer.headers.has('content-length')).to.equal(false);
        expect(answer.headers.has('content-type')).to.equal(false);
        expect(statuses).to.deep.equal([204]);
      });
    }

    it('knows each origin of its list', async () => {
      for (const origin of LISTED) {
        const { headers } = await ask('OPTIONS /mail/v1/stop', origin, PREFLIGHT);
        expect(headers.get('access-control-allow-origin')).to.equal(origin);
      }
    });

    for (const origin of STRANGERS) {
      it(`tells a page of "${origin}" nothing`, async () => {
        const preflight = await ask('OPTIONS /mail/v1/register', origin, PREFLIGHT);
        expect(preflight.status).to.equal(405);
        expect(preflight.headers.get('allow')).to.equal('POST');
        expect(corsHeadersOf(preflight)).to.deep.equal({ vary: 'Origin' });
        const answer = await ask('GET /mail/v1/key', origin);
        expect(answer.status).to.equal(200);
        expect(corsHeadersOf(answer)).to.deep.equal({ vary: 'Origin' });
      });
    }

    it('answers those who are no page as before', async () => {
      const options = await ask('OPTIONS /mail/v1/register', undefined, PREFLIGHT);
      expect(options.status).to.equal(405);
      expect(corsHeadersOf(options)).to.deep.equal({ vary: 'Origin' });
      const answer = await ask('GET /mail/v1/key', undefined);
      expect(answer.status).to.equal(200);
      expect(corsHeadersOf(answer)).to.deep.equal({ vary: 'Origin' });
    });

    it('takes OPTIONS that ask for no method, or for another, for what they are', async () => {
      for (const headers of [[], ['Access-Control-Request-Method: PUT']]) {
        const answer = await ask('OPTIONS /mail/v1/register', APP, headers);
        expect(answer.status).to.equal(405);
        expect(corsHeadersOf(answer)).to.deep.equal(TO_APP);
      }
      expect((await ask('OPTIONS /mail/v1/else', APP, PREFLIGHT)).status).to.equal(404);
    });

    it('lets a page read every answer, whatever its status', async () => {
      const json = ['Content-Type: application/json'];
      const answers = [
        await ask('GET /mail/v1/key', APP),
        await ask('POST /mail/v1/register', APP, json, '{}'),
        await ask('GET /mail/v1/status', APP),
        await ask('GET /mail/v1/else', APP),
        await ask('DELETE /mail/v1/key', APP),
        await ask('GET /mail/v1/alive', APP),
        await ask('GET /mail/v1/key', APP),
      ];
      expect(statuses).to.deep.equal([200, 400, 401, 404, 405, 503, 429]);
      for (const answer of answers) expect(corsHeadersOf(answer)).to.deep.equal(TO_APP);
    });

    it('lets a page read that the gate has failed', async () => {
      answerKey = () => Promise.reject(new Error('our own bug'));
      const answer = await ask('GET /mail/v1/key', APP);
      expect(answer.status).to.equal(500);
      expect(corsHeadersOf(answer)).to.deep.equal(TO_APP);
    });

    it('counts no preflight', async () => {
      for (let count = 0; count < 4 * PER_MINUTE; count++) {
        expect((await ask('OPTIONS /mail/v1/key', APP, GET_PREFLIGHT)).status).to.equal(204);
      }
      for (let count = 0; count < PER_MINUTE; count++) {
        expect((await ask('GET /mail/v1/key', APP)).status).to.equal(200);
      }
      const late = await ask('GET /mail/v1/key', APP);
      expect(late.status).to.equal(429);
      expect(late.headers.get('retry-after')).to.equal('20');
      expect((await ask('OPTIONS /mail/v1/key', APP, GET_PREFLIGHT)).status).to.equal(204);
    });
  });

  it('lets all pages call when the list says so, and varies by nothing', async () => {
    await open(['*']);
    for (const origin of [APP, 'https://other.example', 'null']) {
      const preflight = await ask('OPTIONS /mail/v1/register', origin, PREFLIGHT);
      expect(preflight.status).to.equal(204);
      expect(preflight.headers.get('access-control-allow-origin')).to.equal('*');
      expect(corsHeadersOf(await ask('GET /mail/v1/alive', origin))).to.deep.equal({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'Retry-After',
      });
    }
    // No page asks without an origin.
    expect((await ask('OPTIONS /mail/v1/register', undefined, PREFLIGHT)).status).to.equal(405);
  });

  it('says nothing to pages without a list', async () => {
    await open([]);
    const preflight = await ask('OPTIONS /mail/v1/register', APP, PREFLIGHT);
    expect(preflight.status).to.equal(405);
    expect(preflight.headers.get('allow')).to.equal('POST');
    expect(corsHeadersOf(preflight)).to.deep.equal({});
    expect(corsHeadersOf(await ask('GET /mail/v1/key', APP))).to.deep.equal({});
  });
});

const GET_PREFLIGHT = ['Access-Control-Request-Method: GET'];
const AWAY = new BackendUnavailableError('away');
