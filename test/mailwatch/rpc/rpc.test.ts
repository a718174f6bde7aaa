import { stat, writeFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../../src/clock.ts';
import { quietLog } from '../../../src/log.ts';
import type { RpcAddress, RpcLimits } from '../../../src/mailwatch/rpc/address.ts';
import { createRpcClient, type RpcClient } from '../../../src/mailwatch/rpc/client.ts';
import {
  BackendUnavailableError,
  type MailService,
  type RegisterRequest,
} from '../../../src/mailwatch/rpc/methods.ts';
import { listenForGates, type RpcServer } from '../../../src/mailwatch/rpc/server.ts';
import { makeKickCertificates } from '../../support/kick-certificates.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';

const LIMITS: RpcLimits = { deadlineMs: 10_000, inFlightMax: 8, messageBytesMax: 65_536 };
const SHORT: RpcLimits = { ...LIMITS, deadlineMs: 100 };
const REGISTRATION: RegisterRequest = {
  endpoint: 'https://push.example/update/a',
  protocol: 'imap',
  server: { host: 'mail.example', port: 993, security: 'tls' },
  folders: [{ name: 'INBOX' }],
  waitMs: 0,
  maxPollMs: 60_000,
  keyId: 'k',
  sealed: 'AAAA',
};

/** Answers everything well, and notes what it was asked. */
function createService(asked: unknown[] = []): MailService {
  return {
    register: async (request) => {
      asked.push(request);
      return { ok: true, reply: { token: 'fresh' } };
    },
    defer: async ({ waitMs }) => ({ ok: true, reply: { untilMs: waitMs } }),
    stop: async () => ({ ok: true, reply: {} }),
    status: async () => ({
      ok: true,
      reply: { state: { kind: 'watching' }, sinceMs: 1, folders: [{ name: 'INBOX' }] },
    }),
    key: async () => ({ ok: true, reply: { keyId: 'k', publicKey: 'AAAA' } }),
    alive: async () => ({ ok: true, reply: { watches: 3 } }),
  };
}

describe('the calls between gate and backend', () => {
  let folder: TemporaryFolder;
  let address: RpcAddress & { readonly kind: 'unix' };
  const closing: (() => unknown)[] = [];

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    address = { kind: 'unix', path: join(folder.path, 'rpc', 'rpc.sock') };
  });
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    await folder[Symbol.asyncDispose]();
  });

  const listen = async (service: MailService, limits = LIMITS): Promise<RpcServer> => {
    const server = await listenForGates(address, { service, limits, log: quietLog });
    closing.push(() => server.close());
    return server;
  };
  const client = (limits = LIMITS, to: RpcAddress = address): RpcClient => {
    const made = createRpcClient(to, limits, systemClock);
    closing.push(() => made.close());
    return made;
  };
  /** A backend that does with its sockets what a test wants. */
  const oddBackend = async (onSocket: (socket: Socket) => void): Promise<Server> => {
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => {});
      onSocket(socket);
    });
    const path = join(folder.path, 'odd.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    closing.push(() => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    });
    address = { kind: 'unix', path };
    return server;
  };

  it('go there and back, each with its own answer', async () => {
    const asked: unknown[] = [];
    await listen(createService(asked));
    const { backend } = client();
    const answers = await Promise.all([
      backend.register(REGISTRATION),
      backend.defer({ token: 't', waitMs: 7 }),
      backend.stop({ token: 't' }),
      backend.status({ token: 't' }),
      backend.key({}),
      backend.alive({}),
    ]);
    expect(answers).to.deep.equal([
      { ok: true, reply: { token: 'fresh' } },
      { ok: true, reply: { untilMs: 7 } },
      { ok: true, reply: {} },
      {
        ok: true,
        reply: { state: { kind: 'watching' }, sinceMs: 1, folders: [{ name: 'INBOX' }] },
      },
      { ok: true, reply: { keyId: 'k', publicKey: 'AAAA' } },
      { ok: true, reply: { watches: 3 } },
    ]);
    expect(asked).to.deep.equal([REGISTRATION]);
  });

  it('use one connection', async () => {
    let connections = 0;
    await oddBackend((socket) => {
      connections++;
      socket.on('data', (bytes) => {
        for (const line of String(bytes).trim().split('\n')) {
          const { id } = JSON.parse(line);
          socket.write(`${JSON.stringify({ id, ok: true, reply: { watches: 0 } })}\n`);
        }
      });
    });
    const { backend } = client();
    await Promise.all(Array.from({ length: 5 }, () => backend.alive({})));
    await backend.alive({});
    expect(connections).to.equal(1);
  });

  it('have a socket for its owner alone', async () => {
    await listen(createService());
    expect((await stat(address.path)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(folder.path, 'rpc'))).mode & 0o777).to.equal(0o700);
  });

  it('find the backend that comes back after a kill, at the same path', async () => {
    await writeFile(join(folder.path, 'rpc.sock'), '').catch(() => undefined);
    const first = await listen(createService());
    const { backend } = client();
    expect((await backend.alive({})).ok).to.equal(true);
    await first.close();
    expect(await failure(backend.alive({}))).to.be.instanceOf(BackendUnavailableError);
    await listen(createService());
    expect((await backend.alive({})).ok).to.equal(true);
  });

  it('do not take the place of a backend that lives', async () => {
    await listen(createService());
    expect(await failure(listen(createService()))).to.be.instanceOf(Error);
    expect((await client().backend.alive({})).ok).to.equal(true);
  });

  for (const refusal of [
    { kind: 'unknown' },
    { kind: 'unauthorized' },
    { kind: 'invalid', fields: [{ field: 'endpoint', expected: 'another' }] },
    { kind: 'throttled', retryAfterMs: 5 },
    { kind: 'unavailable', retryAfterMs: 5 },
  ] as const) {
    it(`carry the refusal ${refusal.kind}`, async () => {
      await listen({ ...createService(), stop: async () => ({ ok: false, refusal }) });
      expect(await client().backend.stop({ token: 't' })).to.deep.equal({ ok: false, refusal });
    });
  }

  it('are refused by the backend when they have another form', async () => {
    await listen(createService());
    const answer = await client().backend.defer({ token: 't', waitMs: -1 });
    expect(!answer.ok && answer.refusal.kind).to.equal('invalid');
  });

  it('B10: outlive a fault in one of them', async () => {
    const service = createService();
    await listen({
      ...service,
      stop: async () => {
        throw new Error('our own bug');
      },
    });
    const { backend } = client();
    const answer = await backend.stop({ token: 't' });
    expect(!answer.ok && answer.refusal.kind).to.equal('unavailable');
    expect((await backend.alive({})).ok).to.equal(true);
  });

  it('fail at their deadline when the backend hangs, and leave nothing behind', async () => {
    await oddBackend(() => {});
    const rpc = client(SHORT);
    const calls = Array.from({ length: 8 }, () => failure(rpc.backend.alive({})));
    expect(rpc.inFlight).to.equal(8);
    for (const error of await Promise.all(calls)) {
      expect(error).to.be.instanceOf(BackendUnavailableError);
    }
    expect(rpc.inFlight).to.equal(0);
  });

  it('are answered beside one that takes too long, which alone fails', async () => {
    const service = createService();
    await listen({ ...service, stop: () => new Promise(() => {}) });
    const { backend } = client(SHORT);
    const late = failure(backend.stop({ token: 't' }));
    let isOver = false;
    void late.then(() => {
      isOver = true;
    });
    while (!isOver) {
      expect((await backend.alive({})).ok).to.equal(true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await late).to.be.instanceOf(BackendUnavailableError);
    expect((await backend.alive({})).ok).to.equal(true);
  });

  it('say why there is no connection', async () => {
    const error = await failure(client().backend.alive({}));
    expect((error as Error).message).to.include('ENOENT');
  });

  it('are soon no more for a gate that reads no answers', async () => {
    await listen(createService());
    const deaf = connect(address.path);
    closing.push(() => deaf.destroy());
    await new Promise((resolve) => deaf.once('connect', resolve));
    deaf.pause();
    const ended = new Promise((resolve) => deaf.once('close', resolve));
    deaf.on('error', () => {});
    const call = `${JSON.stringify({ id: 1, method: 'alive', request: {} })}\n`;
    const fill = () => {
      while (!deaf.destroyed && deaf.write(call.repeat(500)));
    };
    deaf.on('drain', fill);
    fill();
    await ended;
  });

  it('are not carried out behind something that was refused', async () => {
    const asked: unknown[] = [];
    await listen(createService(asked));
    const stranger = connect(address.path);
    closing.push(() => stranger.destroy());
    stranger.on('error', () => {});
    const ended = new Promise((resolve) => stranger.once('close', resolve));
    const register = JSON.stringify({ id: 1, method: 'register', request: REGISTRATION });
    stranger.write(`\n${register}\n`);
    stranger.resume();
    await ended;
    expect(asked).to.deep.equal([]);
  });

  it('are no more at once than they may be', async () => {
    await oddBackend(() => {});
    const rpc = client();
    const calls = Array.from({ length: 8 }, () => failure(rpc.backend.alive({})));
    expect(await failure(rpc.backend.alive({}))).to.be.instanceOf(BackendUnavailableError);
    expect(rpc.inFlight).to.equal(8);
    rpc.close();
    await Promise.all(calls);
  });

  const odd: readonly {
    readonly title: string;
    readonly say: (line: string) => string | Buffer;
  }[] = [
    { title: 'no JSON', say: () => 'what?\n' },
    { title: 'no id', say: () => '{"ok":true}\n' },
    {
      title: 'another form',
      say: (line) => line.replace(/"method".*/, '"ok":true,"reply":{"x":1}}\n'),
    },
    { title: 'an endless line', say: () => Buffer.alloc(70_000, 'x') },
    {
      title: 'an unknown refusal',
      say: (line) => line.replace(/"method".*/, '"ok":false,"refusal":{"kind":"x"}}\n'),
    },
  ];
  for (const { title, say } of odd) {
    it(`fail when the backend answers with ${title}`, async () => {
      await oddBackend((socket) => socket.on('data', (bytes) => socket.write(say(String(bytes)))));
      expect(await failure(client().backend.alive({}))).to.be.instanceOf(BackendUnavailableError);
    });
  }

  for (const [title, bytes] of [
    ['no JSON', 'GET / HTTP/1.1\r\n\r\n'],
    ['an unknown method', '{"id":1,"method":"erase","request":{}}\n'],
    ['a name of an object', '{"id":1,"method":"__proto__","request":{}}\n'],
    ['an endless line', 'x'.repeat(70_000)],
  ] as const) {
    it(`are ended by the backend for a gate that says ${title}, and for no other`, async () => {
      await listen(createService());
      const { backend } = client();
      await backend.alive({});
      const stranger = connect(address.path);
      stranger.on('error', () => {});
      const ended = new Promise((resolve) => stranger.once('close', resolve));
      stranger.write(bytes);
      stranger.resume();
      await ended;
      expect((await backend.alive({})).ok).to.equal(true);
    });
  }

  describe('over TLS', () => {
    it('do not keep the end waiting for a connection that never shakes hands', async () => {
      const { ca, certificate, key } = await makeKickCertificates();
      const tls = { certificate, key, ca };
      const place = { kind: 'tls', host: '127.0.0.1', port: 0, serverName: 'localhost' } as const;
      const server = await listenForGates(
        { ...place, tls },
        { service: createService(), limits: LIMITS, log: quietLog },
      );
      const silent = connect(server.port ?? 0, '127.0.0.1');
      silent.on('error', () => {});
      await new Promise((resolve) => silent.once('connect', resolve));
      await server.close();
      silent.destroy();
    });

    it('want a certificate on both ends', async () => {
      const { ca, certificate, key } = await makeKickCertificates();
      const other = await makeKickCertificates();
      const tls = { certificate, key, ca };
      const place = { kind: 'tls', host: '127.0.0.1', port: 0, serverName: 'localhost' } as const;
      const server = await listenForGates(
        { ...place, tls },
        { service: createService(), limits: LIMITS, log: quietLog },
      );
      closing.push(() => server.close());
      const at = { ...place, port: server.port ?? 0 };
      expect((await client(LIMITS, { ...at, tls }).backend.alive({})).ok).to.equal(true);
      const strangers = [
        { ...at, tls: { ...tls, certificate: other.certificate, key: other.key } },
        { ...at, tls: { ...tls, ca: other.ca } },
        { ...at, serverName: 'elsewhere', tls },
      ];
      for (const stranger of strangers) {
        expect(await failure(client(LIMITS, stranger).backend.alive({}))).to.be.instanceOf(
          BackendUnavailableError,
        );
      }
    });
  });
});

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
