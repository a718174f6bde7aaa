/** HTTP as strangers speak it, well or badly. The two transports answer alike where nothing else is said. */
import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { nextAnswer, putBytes } from '../support/raw-http.ts';
import { openTestServer, type TestServer } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { type Subscription, subscribe } from '../support/subscription.ts';
import { openTcpClient, type TcpClient } from '../support/tcp-client.ts';

const BODY_BYTES_MAX = 16_384;

for (const transport of ['node', 'uws'] as const) {
  const isStrict = transport === 'node';

  describe(`HTTP on ${transport}`, () => {
    let server: TestServer;
    let subscription: Subscription;
    let endpoint: string;
    let client: TcpClient;

    const open = async (settings: Settings = {}, store = openMemoryStore()) => {
      server = await openTestServer({
        settings: { 'endpoint.transport': transport, ...settings },
        store,
      });
      subscription = await subscribe(server);
      ({ endpoint } = subscription);
      client = await openTcpClient(endpoint);
    };
    const reopen = async (settings: Settings, store = openMemoryStore()) => {
      await close();
      await open(settings, store);
    };
    const close = async () => {
      client.destroy();
      await server.stop();
    };

    beforeEach(() => open());
    afterEach(close);

    const put = (version: number, headers: readonly string[] = []) =>
      putBytes(endpoint, { body: `version=${version}`, headers });
    /** What the device was sent up to now: the versions. */
    const delivered = async () => {
      await subscription.device.ping();
      const texts = subscription.device.takeUnread();
      return texts.map((text) => JSON.parse(text).updates[0].version);
    };
    /** Resolves when the server has read all that was written before. */
    const barrier = async (other: TcpClient) => {
      other.write(putBytes(endpoint, { method: 'OPTIONS', body: '' }));
      await nextAnswer(other);
    };

    it('keeps a connection open between requests', async () => {
      for (const version of [1, 2, 3]) {
        client.write(put(version));
        expect((await nextAnswer(client)).status).to.equal(200);
      }
      expect(await delivered()).to.deep.equal([1, 2, 3]);
    });

    it('closes it where the request says so', async () => {
      client.write(put(1, ['Connection: close']));
      expect((await nextAnswer(client)).status).to.equal(200);
      await client.ended();
    });

    it('answers pipelined requests, each, in their order', async () => {
      const requestIds = Array.from({ length: 5 }, () => randomUUID());
      client.write(requestIds.map((id, at) => put(at, [`X-Request-Id: ${id}`])).join(''));
      for (const requestId of requestIds) {
        const { status, headers } = await nextAnswer(client);
        expect(status).to.equal(200);
        expect(headers.get('x-request-id')).to.equal(requestId);
      }
      expect(await delivered()).to.deep.equal([0, 1, 2, 3, 4]);
    });

    describe('reads a body', () => {
      it('that comes byte by byte', async () => {
        const bytes = put(1);
        const headEnd = bytes.indexOf('\r\n\r\n') + 4;
        client.write(bytes.slice(0, headEnd));
        for (const byte of bytes.slice(headEnd)) client.write(byte);
        expect((await nextAnswer(client)).status).to.equal(200);
        expect(await delivered()).to.deep.equal([1]);
      });

      it('in chunks', async () => {
        const headers = ['Transfer-Encoding: chunked'];
        const body = '3\r\nver\r\n6\r\nsion=1\r\n0\r\n\r\n';
        client.write(putBytes(endpoint, { body, headers }));
        expect((await nextAnswer(client)).status).to.equal(200);
        client.write(put(2));
        expect((await nextAnswer(client)).status).to.equal(200);
        expect(await delivered()).to.deep.equal([1, 2]);
      });

      it('that waits for 100 Continue', async () => {
        const [head = '', body = ''] = put(1, ['Expect: 100-continue']).split('\r\n\r\n');
        client.write(`${head}\r\n\r\n`);
        expect((await nextAnswer(client)).status).to.equal(100);
        client.write(body);
        expect((await nextAnswer(client)).status).to.equal(200);
      });

      for (const headers of [[], ['Transfer-Encoding: chunked']]) {
        const form = headers.length === 0 ? 'in one piece' : 'in chunks';
        const bodyOf = (length: number) => {
          const text = `version=1&x=${'x'.repeat(length - 12)}`;
          return headers.length === 0 ? text : `${length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
        };

        it(`of as many bytes as there may be, ${form}`, async () => {
          client.write(putBytes(endpoint, { body: bodyOf(BODY_BYTES_MAX), headers }));
          expect((await nextAnswer(client)).status).to.equal(200);
          client.write(put(2));
          expect((await nextAnswer(client)).status).to.equal(200);
        });

        for (const length of [BODY_BYTES_MAX + 1, 2_000_000]) {
          it(`not of ${length} bytes, ${form}: it answers 413 and closes`, async () => {
            client.write(putBytes(endpoint, { body: bodyOf(length), headers }));
            const { status, body } = await nextAnswer(client);
            expect({ status, body }).to.deep.equal({ status: 413, body: '"Body Too Large"' });
            await client.ended();
            expect(await delivered()).to.deep.equal([]);
          });
        }
      }
    });

    it('does nothing of a request that is broken off', async () => {
      const bytes = put(1);
      for (const length of [10, bytes.length - 12, bytes.length - 1]) {
        const broken = await openTcpClient(endpoint);
        broken.write(bytes.slice(0, length));
        await barrier(client);
        broken.destroy();
      }
      await barrier(client);
      expect(await delivered()).to.deep.equal([]);
    });

    it('survives a caller that leaves while the store works on its PUT', async () => {
      const store = new StoppableStore(openMemoryStore());
      await reopen({}, store);
      const putting = store.hold('putUpdate');
      client.write(put(1));
      await putting.reached;
      client.destroy();
      const other = await openTcpClient(endpoint);
      await barrier(other);
      putting.release();
      await barrier(other);
      expect(await delivered()).to.deep.equal([1]);
      other.destroy();
    });

    it('holds up nobody for callers that are slow', async () => {
      const bytes = put(9);
      const slow = await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const caller = await openTcpClient(endpoint);
          caller.write(bytes.slice(0, (index * 5) % bytes.length));
          return caller;
        }),
      );
      client.write(put(1));
      expect((await nextAnswer(client)).status).to.equal(200);
      expect(await delivered()).to.deep.equal([1]);
      for (const caller of slow) caller.destroy();
    });

    it('takes as many connections as there may be, and ends one more', async () => {
      await reopen({ 'endpoint.connections_max': 2 });
      const second = await openTcpClient(endpoint);
      await barrier(client);
      await barrier(second);
      const third = await openTcpClient(endpoint);
      await third.ended();
      second.socket.end();
      await second.ended();
      const fourth = await openTcpClient(endpoint);
      await barrier(fourth);
      fourth.destroy();
    });

    it('answers 431 to a head that is too large', async () => {
      client.write(put(1, [`X-Large: ${'x'.repeat(9000)}`]));
      expect((await nextAnswer(client)).status).to.equal(431);
      await client.ended();
    });

    it('answers HEAD without a body', async () => {
      client.write(putBytes(endpoint, { method: 'HEAD', body: '' }));
      const { status, headers } = await nextAnswer(client, { hasBody: false });
      expect(status).to.equal(405);
      expect(headers.get('allow')).to.equal('PUT, OPTIONS');
      client.write(put(1));
      expect((await nextAnswer(client)).status).to.equal(200);
    });

    describe('answers 400 and closes after', () => {
      const bad: readonly { title: string; headers: readonly string[] }[] = [
        {
          title: 'a length and chunks',
          headers: ['Content-Length: 9', 'Transfer-Encoding: chunked'],
        },
        { title: 'a length with a sign', headers: ['Content-Length: +9'] },
        { title: 'a negative length', headers: ['Content-Length: -9'] },
        { title: 'a list of lengths', headers: ['Content-Length: 9, 9'] },
        { title: 'a length that is no number', headers: ['Content-Length: x'] },
        { title: 'a length beyond all numbers', headers: [`Content-Length: ${'9'.repeat(30)}`] },
      ];
      for (const { title, headers } of bad) {
        it(title, async () => {
          client.write(putBytes(endpoint, { headers }));
          expect((await nextAnswer(client)).status).to.equal(400);
          await client.ended();
          expect(await delivered()).to.deep.equal([]);
        });
      }

      // What uWebSockets.js makes of these is in docs/decisions/transports.md.
      const badToTheStrict: readonly { title: string; bytes: () => string }[] = [
        {
          title: 'two lengths',
          bytes: () => putBytes(endpoint, { headers: ['Content-Length: 9', 'Content-Length: 5'] }),
        },
        {
          title: 'an empty length',
          bytes: () => putBytes(endpoint, { headers: ['Content-Length:'] }),
        },
        { title: 'a method in lower case', bytes: () => putBytes(endpoint, { method: 'put' }) },
        { title: 'a method that is none', bytes: () => putBytes(endpoint, { method: 'NONE' }) },
        { title: 'a blank before a colon', bytes: () => put(1, ['X-Name : x']) },
        { title: 'a header over two lines', bytes: () => put(1, ['X-Name: x\r\n x']) },
        { title: 'a NUL in a header', bytes: () => put(1, ['X-Name: \0']) },
        { title: 'what is no HTTP', bytes: () => 'hello\r\n\r\n' },
      ];
      if (isStrict) {
        for (const { title, bytes } of badToTheStrict) {
          it(title, async () => {
            client.write(bytes());
            expect((await nextAnswer(client)).status).to.equal(400);
            await client.ended();
            expect(await delivered()).to.deep.equal([]);
          });
        }
      }
    });

    it('serves HTTP/1.0, or says that it does not', async () => {
      client.write(put(1).replace('HTTP/1.1', 'HTTP/1.0'));
      expect((await nextAnswer(client)).status).to.equal(isStrict ? 200 : 505);
      await client.ended();
    });
  });
}

describe('HTTP on node', () => {
  it('ends a connection whose head or body takes too long', async () => {
    await using server = await openTestServer({
      settings: {
        'endpoint.headers_timeout_ms': 200,
        'endpoint.request_timeout_ms': 400,
      },
    });
    const { endpoint } = await subscribe(server);
    const bytes = putBytes(endpoint);
    const statuses = [20, bytes.length - 1].map(async (length) => {
      const slow = await openTcpClient(endpoint);
      slow.write(bytes.slice(0, length));
      const { status } = await nextAnswer(slow);
      await slow.ended();
      return status;
    });
    expect(await Promise.all(statuses)).to.deep.equal([408, 408]);
  });

  it('ends a connection that is quiet between two requests', async () => {
    const settings = { 'endpoint.keep_alive_timeout_ms': 100 };
    await using server = await openTestServer({ settings });
    const { endpoint } = await subscribe(server);
    const client = await openTcpClient(endpoint);
    client.write(putBytes(endpoint));
    await nextAnswer(client);
    await client.ended();
  });
});

describe('HTTP on uws', () => {
  /** The library's own timeout of 10 s, and the step in which it looks. */
  const timeoutMsMax = 16_000;

  it('ends a connection whose head or body takes too long, though it drips', async function () {
    this.timeout(timeoutMsMax);
    await using server = await openTestServer({ settings: { 'endpoint.transport': 'uws' } });
    const { endpoint } = await subscribe(server);
    const bytes = putBytes(endpoint);
    const ends = [20, bytes.length - 1].map(async (length) => {
      const slow = await openTcpClient(endpoint);
      slow.write(bytes.slice(0, length));
      await slow.ended(timeoutMsMax);
    });
    await Promise.all(ends);
  });
});
