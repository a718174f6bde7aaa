import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createNotifier } from '../../src/mailwatch/notifier.ts';
import { newRequestId } from '../../src/protocol/ids.ts';

const REQUEST_ID = newRequestId();

describe('the notifier', () => {
  let server: Server;
  let base: string;
  let answer: { status: number; headers?: Record<string, string> };
  let asked: { method: string; url: string; body: string }[];
  let requestIds: (string | string[] | undefined)[];

  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        asked.push({ method: request.method ?? '', url: request.url ?? '', body });
        requestIds.push(request.headers['x-request-id']);
        response.writeHead(answer.status, answer.headers).end();
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/update/`;
  });
  beforeEach(() => {
    asked = [];
    requestIds = [];
    answer = { status: 200 };
  });
  after(async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });

  const notifier = (options: { putMsMax?: number; fetch?: typeof fetch } = {}) =>
    createNotifier({ endpointBases: [base], putMsMax: 10_000, ...options });

  it('PUTs the version, as an app server does', async () => {
    expect(await notifier().notify(`${base}token`, 7, REQUEST_ID)).to.deep.equal({
      kind: 'accepted',
    });
    expect(asked).to.deep.equal([{ method: 'PUT', url: '/update/token', body: 'version=7' }]);
  });

  it('sends the id with it by which the push side logs it, and none with a question', async () => {
    await notifier().notify(`${base}token`, 7, REQUEST_ID);
    await notifier().check(`${base}token`);
    expect(requestIds).to.deep.equal([REQUEST_ID, undefined]);
  });

  const outcomes: readonly [number, object, Record<string, string>?][] = [
    [200, { kind: 'accepted' }],
    [202, { kind: 'accepted' }],
    [404, { kind: 'gone' }],
    [410, { kind: 'gone' }],
    ...[201, 204, 400, 401, 403, 405, 409, 413, 429, 500, 502, 503, 504].map(
      (status): [number, object] => [status, { kind: 'later' }],
    ),
    [503, { kind: 'later', retryAfterMs: 7_000 }, { 'Retry-After': '7' }],
    [429, { kind: 'later', retryAfterMs: 7_000 }, { 'Retry-After': '7' }],
  ];
  for (const [status, outcome, headers] of outcomes) {
    it(`takes ${status} for ${JSON.stringify(outcome)}`, async () => {
      answer = headers === undefined ? { status } : { status, headers };
      expect(await notifier().notify(`${base}token`, 7, REQUEST_ID)).to.deep.equal(outcome);
    });
  }

  for (const [status, verdict] of [
    [405, 'ours'],
    [404, 'foreign'],
    [200, 'unknown'],
    [307, 'unknown'],
    [503, 'unknown'],
  ] as const) {
    it(`takes ${status} to HEAD for an endpoint that is ${verdict}`, async () => {
      answer = { status };
      expect(await notifier().check(`${base}token`)).to.equal(verdict);
      expect(asked).to.deep.equal([{ method: 'HEAD', url: '/update/token', body: '' }]);
    });
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`follows no redirect by ${status}`, async () => {
      answer = { status, headers: { Location: `${base}elsewhere` } };
      expect(await notifier().notify(`${base}token`, 7, REQUEST_ID)).to.deep.equal({
        kind: 'later',
      });
      expect(asked).to.have.length(1);
    });
  }

  it('waits for an answer no longer than it may', async () => {
    const silent: typeof fetch = (_url, init) =>
      new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error('late')));
      });
    const outcome = await notifier({ putMsMax: 20, fetch: silent }).notify(
      `${base}token`,
      7,
      REQUEST_ID,
    );
    expect(outcome).to.deep.equal({ kind: 'later' });
  });

  it('takes a server that is away for later', async () => {
    const away = createNotifier({
      endpointBases: ['http://127.0.0.1:1/update/'],
      putMsMax: 10_000,
    });
    expect(await away.notify('http://127.0.0.1:1/update/token', 7, REQUEST_ID)).to.deep.equal({
      kind: 'later',
    });
  });

  const foreign: readonly ((base: string) => string)[] = [
    (ours) => ours,
    (ours) => ours.replace('/update/', '/admin/'),
    (ours) => `${ours}../admin`,
    (ours) => `${ours}%2e%2e/admin`,
    (ours) => `${ours}token?x=y`,
    (ours) => `${ours}token#x`,
    (ours) => ours.replace('http://', 'http://user:pass@'),
    (ours) => ours.replace('http://', 'http://evil.example/'),
    (ours) => ours.replace(/:\d+/, ':1'),
    (ours) => ours.replace('http:', 'https:'),
    (ours) => `${ours.slice(0, -1)}evil/token`,
    (ours) => ` ${ours}token`,
    (ours) => `${ours}to\nken`,
    () => 'http://169.254.169.254/latest/meta-data',
    () => 'file:///etc/passwd',
    () => 'token',
    () => '',
  ];
  for (const disguise of foreign) {
    it(`asks nothing of ${JSON.stringify(disguise('http://ours:80/update/'))}`, async () => {
      const endpoint = disguise(base);
      expect(await notifier().check(endpoint)).to.equal('foreign');
      expect(await notifier().notify(endpoint, 7, REQUEST_ID)).to.deep.equal({ kind: 'later' });
      expect(asked).to.deep.equal([]);
    });
  }
});
