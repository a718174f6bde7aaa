import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { createMailWatch, type Mailbox, type MailCredentials } from '../../src/client/mail.ts';
import { newSealingKey, open, type SealingKey, sealingKeyId } from '../../src/protocol/envelope.ts';

const CREDENTIALS: MailCredentials = { kind: 'password', username: 'ada', password: 'canary' };
const MAILBOX: Mailbox = {
  endpoint: 'https://push.example/update/ada',
  host: 'IMAP.example',
  port: 993,
  credentials: CREDENTIALS,
};

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly body: string;
}

interface Said {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

describe('the client of the mail watch', () => {
  let key: SealingKey;
  let server: Server;
  let gate: string;
  let asked: Asked[];
  /** What the gate says; `/mail/v1/key` says the key. */
  let said: Said;
  let keyId: string;
  /** What the gate says of the key. */
  let keySaid: unknown;

  before(async () => {
    key = await newSealingKey();
    keyId = await sealingKeyId(key.publicKey);
    server = createServer((request, response) => {
      void readAll(request).then((body) => {
        const { method = '', url: path = '', headers } = request;
        asked.push({ method, path, authorization: headers.authorization ?? '', body });
        const keyBody = JSON.stringify(keySaid);
        const answer = path === '/mail/v1/key' ? { status: 200, body: keyBody } : said;
        response.writeHead(answer.status, { ...('headers' in answer ? answer.headers : {}) });
        response.end(answer.body ?? '{}');
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    gate = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  });
  after(async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });
  beforeEach(() => {
    asked = [];
    said = { status: 200, body: '{"token":"t"}' };
    keySaid = { keyId, publicKey: key.publicKey };
  });

  it('registers with credentials that only the backend can open, and only for what was named', async () => {
    const beforeMs = Date.now();
    const registered = await createMailWatch(gate).register(MAILBOX);
    expect(registered).to.deep.equal({ ok: true, value: { token: 't' } });
    const { method, path, body } = asked[1] ?? { method: '', path: '', body: '{}' };
    expect(`${method} ${path}`).to.equal('POST /mail/v1/register');
    expect(body).not.to.include('canary');
    const { sealed, ...members } = JSON.parse(body) as { sealed: string };
    const server = { host: 'imap.example', port: 993, security: 'tls' };
    expect(members).to.deep.equal({
      ...{ endpoint: MAILBOX.endpoint, protocol: 'imap', server, keyId },
    });
    const binding = { endpoint: MAILBOX.endpoint, protocol: 'imap', ...server };
    const text = await open(sealed, key.privateKey, binding);
    const { sealedAtMs, ...credentials } = JSON.parse(text ?? '');
    expect(credentials).to.deep.equal(CREDENTIALS);
    expect(sealedAtMs).to.be.within(beforeMs, Date.now());
    expect(await open(sealed, key.privateKey, { ...binding, host: 'evil.example' })).to.equal(
      undefined,
    );
  });

  it('passes on what else the mailbox names', async () => {
    const more = {
      stateEndpoint: 'https://push.example/update/state',
      folders: [{ name: 'Work', baseline: { uidValidity: 1, uidNext: 2 } }],
      waitMs: 5,
      maxPollMs: 60_000,
    };
    await createMailWatch(gate).register({ ...MAILBOX, ...more, security: 'starttls' });
    expect(JSON.parse(asked[1]?.body ?? '')).to.deep.include(more);
  });

  it('seals to a key that the app knows, and to no other', async () => {
    const pinned = createMailWatch(gate, { keyIds: [keyId] });
    expect((await pinned.register(MAILBOX)).ok).to.equal(true);
    const swapped = await newSealingKey();
    const swappedId = await sealingKeyId(swapped.publicKey);
    asked = [];
    for (const said of [
      { keyId: swappedId, publicKey: swapped.publicKey },
      { keyId, publicKey: swapped.publicKey },
    ]) {
      keySaid = said;
      const refused = await pinned.register(MAILBOX);
      expect(!refused.ok && refused.problem.kind).to.equal('untrusted-key');
    }
    expect(asked.map(({ path }) => path)).to.deep.equal(['/mail/v1/key', '/mail/v1/key']);
  });

  for (const odd of [
    {},
    null,
    { keyId: 7, publicKey: 'AAAA' },
    { keyId: 'k', publicKey: '' },
    [],
  ]) {
    it(`does not reject when the gate says of its key ${JSON.stringify(odd)}`, async () => {
      keySaid = odd;
      expect((await createMailWatch(gate).register(MAILBOX)).ok).to.equal(false);
    });
  }

  it('does not reject when there is more to seal than may be sealed', async () => {
    const credentials = { ...CREDENTIALS, password: 'x'.repeat(20_000) };
    const refused = await createMailWatch(gate).register({ ...MAILBOX, credentials });
    expect(!refused.ok && refused.problem.kind).to.equal('invalid');
  });

  it('speaks of a watch by its token', async () => {
    const watch = createMailWatch(gate);
    await watch.defer('t', 1000);
    await watch.stop('t');
    await watch.status('t');
    expect(asked).to.deep.equal([
      {
        method: 'POST',
        path: '/mail/v1/defer',
        authorization: 'Bearer t',
        body: '{"waitMs":1000}',
      },
      { method: 'POST', path: '/mail/v1/stop', authorization: 'Bearer t', body: '{}' },
      { method: 'GET', path: '/mail/v1/status', authorization: 'Bearer t', body: '' },
    ]);
  });

  const fields = [{ field: 'host', expected: 'a name' }];
  for (const [title, answer, problem] of [
    [
      'every field that is wrong',
      { status: 400, body: JSON.stringify({ error: 'x', fields }) },
      { kind: 'invalid', fields },
    ],
    ['a 400 that says nothing', { status: 400, body: 'no' }, { kind: 'invalid', fields: [] }],
    ['an older token', { status: 401 }, { kind: 'unauthorized' }],
    ['a watch that is gone', { status: 404 }, { kind: 'unknown' }],
    [
      'too many requests',
      { status: 429, headers: { 'Retry-After': '7' } },
      { kind: 'try-later', status: 429, retryAfterMs: 7000 },
    ],
    ['a backend that is away', { status: 503 }, { kind: 'try-later', status: 503 }],
    ['anything else', { status: 413 }, { kind: 'refused', status: 413 }],
  ] as const) {
    it(`tells of ${title}`, async () => {
      said = answer;
      const call = await createMailWatch(gate).status('t');
      expect(call).to.deep.equal({ ok: false, problem });
    });
  }

  it('tells of a gate that is not there, and does not reject', async () => {
    const watch = createMailWatch('http://127.0.0.1:1/');
    const calls = [
      watch.register(MAILBOX),
      watch.defer('t', 1),
      watch.stop('t'),
      watch.status('t'),
    ];
    for (const call of await Promise.all(calls)) {
      expect(!call.ok && call.problem.kind).to.equal('unreachable');
    }
  });

  it('waits no longer than it was told to', async () => {
    const never: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => {
        init?.signal?.addEventListener('abort', () => reject(new Error('too late')));
      });
    const call = await createMailWatch(gate, { waitMsMax: 20, fetch: never }).status('t');
    expect(!call.ok && call.problem.kind).to.equal('unreachable');
  });
});

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
