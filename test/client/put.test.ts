import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import {
  ANSWER_BYTES_MAX,
  parseRetryAfter,
  putVersion,
  RETRY_AFTER_MS_MAX,
} from '../../src/client/put.ts';

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

describe('client/put', () => {
  let server: Server;
  let endpoint: string;
  let answer: Answer;
  let requests: { readonly request: IncomingMessage; readonly body: string }[];

  beforeEach(async () => {
    requests = [];
    answer = { status: 200 };
    server = createServer(async (request, response) => {
      requests.push({ request, body: await text(request) });
      response.writeHead(answer.status, answer.headers).end(answer.body ?? '{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    endpoint = `http://127.0.0.1:${port}/update/token`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const bodies = [
    { version: undefined, data: undefined, body: '' },
    { version: 0, data: undefined, body: 'version=0' },
    { version: 2 ** 53 - 1, data: undefined, body: 'version=9007199254740991' },
    { version: 7, data: 'a & b', body: 'version=7&data=a+%26+b' },
    { version: undefined, data: '', body: 'data=' },
  ];
  for (const { version, data, body } of bodies) {
    it(`sends version ${version} and data ${JSON.stringify(data)} as ${body || 'nothing'}`, async () => {
      await putVersion(endpoint, version, data === undefined ? {} : { data });
      const [sent] = requests;
      expect(sent?.body).to.equal(body);
      expect(sent?.request.method).to.equal('PUT');
      expect(sent?.request.headers['content-type']).to.match(/^application\/x-www-form-urlencoded/);
    });
  }

  it('sends the id of the request when it was given one', async () => {
    const requestId = '0190f2c4-7d2b-7c3a-9b1e-2f6f0a4e8d11';
    await putVersion(endpoint, 7, { requestId });
    await putVersion(endpoint, 7);
    expect(requests.map(({ request }) => request.headers['x-request-id'])).to.deep.equal([
      requestId,
      undefined,
    ]);
    expect(requests[0]?.request.headers['content-type']).to.match(/^application\/x-www-form/);
  });

  const results: readonly { answer: Answer; result: object }[] = [
    { answer: { status: 200 }, result: { kind: 'delivered' } },
    { answer: { status: 202 }, result: { kind: 'stored' } },
    { answer: { status: 404 }, result: { kind: 'unknown-endpoint' } },
    { answer: { status: 410 }, result: { kind: 'gone' } },
    {
      answer: { status: 400, body: '"Invalid Version"' },
      result: { kind: 'refused', status: 400, reason: '"Invalid Version"' },
    },
    {
      answer: { status: 413, body: '' },
      result: { kind: 'refused', status: 413, reason: '' },
    },
    { answer: { status: 500 }, result: { kind: 'try-later', status: 500 } },
    {
      answer: { status: 429, headers: { 'Retry-After': '30' } },
      result: { kind: 'try-later', status: 429, retryAfterMs: 30_000 },
    },
    {
      answer: { status: 503, headers: { 'Retry-After': 'soon' } },
      result: { kind: 'try-later', status: 503 },
    },
  ];
  for (const { answer: given, result } of results) {
    it(`makes ${JSON.stringify(result)} of ${JSON.stringify(given)}`, async () => {
      answer = given;
      expect(await putVersion(endpoint, 1)).to.deep.equal(result);
    });
  }

  it('reads so much of an answer and no more', async () => {
    answer = { status: 400, body: 'x'.repeat(ANSWER_BYTES_MAX) };
    expect(await putVersion(endpoint, 1)).to.have.property('reason', answer.body);
    answer = { status: 400, body: 'x'.repeat(1_000_000) };
    const cut = 'x'.repeat(ANSWER_BYTES_MAX);
    expect(await putVersion(endpoint, 1)).to.have.property('reason', cut);
  });

  it('is unreachable when nothing listens', async () => {
    await new Promise((resolve) => server.close(resolve));
    const result = await putVersion(endpoint, 1);
    expect(result).to.have.property('kind', 'unreachable');
    expect(result).to.have.nested.property('cause.cause.code', 'ECONNREFUSED');
  });

  it('is unreachable when the answer takes too long', async () => {
    const result = await putVersion(endpoint, 1, {
      waitMsMax: 1,
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => {
          init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
        }),
    });
    expect(result).to.have.nested.property('cause.name', 'TimeoutError');
  });

  for (const version of [-1, 1.5, 2 ** 53, Number.NaN]) {
    it(`rejects version ${version} and sends nothing`, async () => {
      const error = await putVersion(endpoint, version).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(RangeError);
      expect(requests).to.deep.equal([]);
    });
  }

  describe('Retry-After', () => {
    const NOW_MS = Date.parse('2026-01-01T00:00:00Z');
    const texts = [
      { text: '0', waitMs: 0 },
      { text: '120', waitMs: 120_000 },
      { text: '86400', waitMs: RETRY_AFTER_MS_MAX },
      { text: '86401', waitMs: RETRY_AFTER_MS_MAX },
      { text: 'Thu, 01 Jan 2026 00:01:00 GMT', waitMs: 60_000 },
      { text: 'Wed, 31 Dec 2025 00:00:00 GMT', waitMs: 0 },
      { text: 'Fri, 01 Jan 2027 00:00:00 GMT', waitMs: RETRY_AFTER_MS_MAX },
      { text: '', waitMs: undefined },
      { text: 'soon', waitMs: undefined },
    ];
    for (const { text: header, waitMs } of texts) {
      it(`of ${JSON.stringify(header)} is a wait of ${waitMs} ms`, () => {
        expect(parseRetryAfter(header, NOW_MS)).to.equal(waitMs);
      });
    }
  });
});
