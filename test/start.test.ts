/** The command `start` as operators meet it: a process with outputs, signals, exit codes and files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { makeCertificate } from './config/certificates.ts';
import { type ChildServer, startChildServer } from './support/child-server.ts';
import { findFreePorts } from './support/free-ports.ts';
import { getJson } from './support/get-json.ts';
import { putStatus } from './support/put.ts';
import { nextAnswer, putBytes } from './support/raw-http.ts';
import { environmentOf, type Settings } from './support/settings.ts';
import { notificationOf, subscribe } from './support/subscription.ts';
import { openTcpClient } from './support/tcp-client.ts';
import { makeTemporaryFolder, type TemporaryFolder } from './support/temporary-folder.ts';

const MAIN_PATH = fileURLToPath(new URL('../src/main.js', import.meta.url));
const EMBEDDED: Settings = { 'storage.driver': 'embedded' };

describe('start', () => {
  let folder: TemporaryFolder;

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const start = (settings: Settings = {}) => startChildServer(folder.path, settings);
  /** Runs a start that should fail, to its end. */
  const startInVain = async (settings: Settings, variables: NodeJS.ProcessEnv = {}) => {
    const child = spawn(process.execPath, [MAIN_PATH, 'start'], {
      cwd: folder.path,
      env: { ...environmentOf(settings), ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    const printed = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes) => {
      printed.stdout += bytes;
    });
    child.stderr.on('data', (bytes) => {
      printed.stderr += bytes;
    });
    const [code] = await once(child, 'close');
    return { code, ...printed };
  };

  it('prints one line when all listeners are up, and logs in JSON', async () => {
    await using server = await start();
    const { ws, endpoint, admin } = server.urls;
    expect((await getJson(`${admin}health`)).status).to.equal(200);
    expect((await getJson(`${endpoint}health`)).status).to.equal(200);
    expect((await getJson(`${ws.replace('ws:', 'http:')}health`)).status).to.equal(200);
    const { device, endpoint: channel } = await subscribe(server);
    await putStatus(channel, { version: 1 });
    device.send('what is no JSON');
    await device.nextClose();
    await server.stop();
    const { stdout, stderr } = server.printed;
    expect(stdout).to.equal(`reveille ready ws=${ws} endpoint=${endpoint} admin=${admin}\n`);
    const lines = stderr.trimEnd().split('\n');
    const events = lines.map((line) => JSON.parse(line).event);
    expect(events).to.include.members(['server.ready', 'server.stop.begun', 'server.stop.done']);
  });

  describe('refuses', () => {
    const listeners = [
      { key: 'socket.port', settings: { 'socket.transport': 'uws' } },
      { key: 'socket.port', settings: { 'socket.transport': 'ws' } },
      { key: 'endpoint.port', settings: { 'endpoint.transport': 'node' } },
      { key: 'endpoint.port', settings: { 'endpoint.transport': 'uws' } },
      { key: 'admin.port', settings: {} },
    ] as const;
    for (const { key, settings } of listeners) {
      it(`a taken port as ${key}, with ${JSON.stringify(settings)}`, async () => {
        const taker = createServer().listen(0, '127.0.0.1');
        await once(taker, 'listening');
        const address = taker.address();
        const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
        const { code, stdout, stderr } = await startInVain({ ...settings, [key]: port });
        taker.close();
        expect(code).to.equal(1);
        expect(stdout).to.equal('');
        expect(stderr).to.match(/^cannot start: .*(?:EADDRINUSE|the address is taken)/m);
        expect(stderr).to.include(`127.0.0.1:${port}`);
      });
    }

    for (const transport of ['uws', 'ws'] as const) {
      it(`a port that another server of ours has, on ${transport}`, async () => {
        const settings = { 'socket.transport': transport } as const;
        await using server = await start(settings);
        const port = Number(new URL(server.urls.ws).port);
        const { code, stderr } = await startInVain({ ...settings, 'socket.port': port });
        expect(code).to.equal(1);
        expect(stderr).to.include(`127.0.0.1:${port}`);
      });
    }

    it('a config with mistakes, and names each of them', async () => {
      const { code, stdout, stderr } = await startInVain(
        { 'socket.port': 70_000, 'endpoint.cors': 'maybe' },
        { REVEILLE__SOCKET__PROT: '1' },
      );
      expect(code).to.equal(2);
      expect(stdout).to.equal('');
      for (const name of ['SOCKET__PORT', 'ENDPOINT__CORS', 'SOCKET__PROT']) {
        expect(stderr).to.include(`REVEILLE__${name}: expected `);
      }
    });

    it('a key that is not the one of the certificate', async () => {
      const one = await makeCertificate(folder.path, 'one');
      const other = await makeCertificate(folder.path, 'other');
      const { code, stderr } = await startInVain({
        'endpoint.tls_certificate_path': one.certificatePath,
        'endpoint.tls_key_path': other.keyPath,
      });
      expect(code).to.equal(2);
      expect(stderr).to.include(
        'endpoint.tls_key_path: expected the private key of the certificate',
      );
    });
  });

  describe('stopped by SIGTERM', () => {
    for (const transport of ['uws', 'ws'] as const) {
      it(`closes sessions with 1001 and exits with 0, on ${transport}`, async () => {
        await using server = await start({ 'socket.transport': transport });
        const { device } = await subscribe(server);
        const silent = await server.connect();
        const stopped = server.stop();
        expect((await device.nextClose()).code).to.equal(1001);
        expect((await silent.nextClose()).code).to.equal(1001);
        expect(await stopped).to.deep.equal({ code: 0, signal: null });
      });
    }

    it('spreads the closes over the configured time', async () => {
      await using server = await start({ 'shutdown.spread_ms': 400 });
      const devices = await Promise.all(Array.from({ length: 8 }, () => server.connect()));
      for (const device of devices) await device.hello();
      const begunMs = performance.now();
      const closedAtMs = devices.map(async (device) => {
        await device.nextClose();
        return performance.now() - begunMs;
      });
      const stopped = server.stop();
      const times = (await Promise.all(closedAtMs)).toSorted((a, b) => a - b);
      expect((await stopped).code).to.equal(0);
      // The first goes after an eighth of the time, the last at its end.
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).to.be.greaterThan(200);
    });

    for (const transport of ['node', 'uws'] as const) {
      it(`answers every PUT that it was sent, on ${transport}`, async () => {
        await using server = await start({ ...EMBEDDED, 'endpoint.transport': transport });
        const { endpoint } = await subscribe(server);
        const clients = await Promise.all(
          Array.from({ length: 20 }, () => openTcpClient(endpoint)),
        );
        for (const [version, client] of clients.entries()) {
          client.write(putBytes(endpoint, { body: `version=${version}` }));
        }
        // Answered after all of them have arrived, because the server has read all sockets that had something to read.
        await putStatus(endpoint, { method: 'OPTIONS' });
        const stopped = server.stop();
        const answers = await Promise.all(clients.map((client) => nextAnswer(client)));
        for (const { status } of answers) expect(status).to.be.oneOf([200, 202, 503]);
        expect(await stopped).to.deep.equal({ code: 0, signal: null });
      });
    }

    it('exits at once at a second signal', async () => {
      await using server = await start({
        'shutdown.spread_ms': 60_000,
        'shutdown.deadline_ms': 120_000,
      });
      const devices = [await server.connect(), await server.connect()];
      const begunMs = performance.now();
      const first = server.stop();
      // One of two goes at once: the signal has arrived.
      await Promise.race(devices.map((device) => device.nextClose()));
      expect(await server.stop()).to.deep.equal({ code: 1, signal: null });
      await first;
      expect(performance.now() - begunMs).to.be.lessThan(5000);
      expect(server.printed.stderr).to.include('server.stop.forced');
    });
  });

  describe('again, in the same folder', () => {
    const restart = async (kill: (server: ChildServer) => Promise<unknown>) => {
      const [socketPort, endpointPort] = await findFreePorts(2);
      const settings = {
        ...EMBEDDED,
        'socket.port': socketPort ?? 0,
        'endpoint.port': endpointPort ?? 0,
      };
      await using server = await start(settings);
      const subscription = await subscribe(server);
      const { device, uaid, channelID, endpoint } = subscription;
      expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
      const [end] = await Promise.all([kill(server), device.nextClose()]);
      await using again = await start(settings);
      expect(again.urls.ws).to.equal(server.urls.ws);
      expect(await putStatus(endpoint, { version: 2 })).to.equal(202);
      const next = await again.connect();
      expect(await next.hello({ uaid, channelIDs: [channelID] })).to.include({ uaid, status: 200 });
      expect(await next.next()).to.deep.equal(notificationOf(channelID, 2));
      expect((await next.register(channelID)).pushEndpoint).to.equal(endpoint);
      return end;
    };

    it('after a stop has the endpoints, devices and updates it had', async () => {
      expect(await restart((server) => server.stop())).to.deep.equal({ code: 0, signal: null });
    });

    it('after a kill has them too', async () => {
      await restart((server) => server.kill());
    });

    it('has what was answered 202 in the moment before a kill', async () => {
      await using server = await start(EMBEDDED);
      const { device, uaid, channelID, endpoint } = await subscribe(server);
      await device.close();
      let accepted = 0;
      for (let version = 1; version <= 20; version++) {
        expect(await putStatus(endpoint, { version })).to.equal(202);
        accepted = version;
      }
      await server.kill();
      await using again = await start(EMBEDDED);
      const next = await again.connect();
      await next.hello({ uaid });
      expect(await next.next()).to.deep.equal(notificationOf(channelID, accepted));
    });
  });

  it('makes the token key for its owner alone', async () => {
    await using server = await start();
    await subscribe(server);
    const { mode } = await stat(join(folder.path, 'data', 'token.key'));
    expect(mode & 0o777).to.equal(0o600);
  });
});
