/** The roles of `start` as processes: what they are given, how they die and come back, and that none outlives it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { parseExposition } from '../admin/exposition.ts';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { getJson } from '../support/get-json.ts';
import { putStatus } from '../support/put.ts';
import { environmentOf, type Settings } from '../support/settings.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { within } from '../support/within.ts';

const MAIN_PATH = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const WAIT_MS_MAX = 10_000;
/** Seldom enough not to keep the roles from their work. */
const POLL_MS = 20;

describe('the roles of start', function () {
  this.timeout(3 * WAIT_MS_MAX);

  let folder: TemporaryFolder;

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const start = (settings: Settings = {}) => startChildServer(folder.path, settings);
  const health = (server: ChildServer) => getJson(`${server.urls.admin}health`);
  const push = async (server: ChildServer): Promise<Readonly<Record<string, unknown>>> => {
    const { body } = await getJson(`${server.urls.admin}status`);
    const { roles } = body as { readonly roles: { readonly push: Record<string, unknown> } };
    return roles.push;
  };
  /** Asks until the answer is as wanted. */
  const until = (wanted: string, isSo: () => Promise<boolean>) => {
    const ask = async () => {
      while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    };
    return within(ask(), { wanted, waitMsMax: WAIT_MS_MAX });
  };

  /** A store is asked for its first sign of life while the listeners open already. */
  const untilReady = (server: ChildServer) =>
    until('the server to be ready', async () => (await health(server)).status === 200);

  it('get a part of the config, and nothing of it from the environment or the command line', async () => {
    await using server = await start();
    const pid = await server.pushPid();
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    expect(environment).not.to.include('REVEILLE__');
    const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    expect(commandLine.split('\0')).to.include.members(['push', '--config', '-']);
    expect(commandLine).not.to.include(folder.path);
  });

  it('come back where they were after a kill -9, and devices with them', async () => {
    await using server = await start({
      'storage.driver': 'embedded',
      'start.restart_backoff_min_ms': 1500,
    });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    const pid = await server.pushPid();
    process.kill(pid, 'SIGKILL');
    await device.nextClose();
    await until('a report of the death', async () => {
      const { status, body } = await health(server);
      const reasons = String(body['reasons']);
      return status === 503 && /^push: (?:has ended \(SIGKILL\)|is starting)/.test(reasons);
    });
    await untilReady(server);
    const report = await push(server);
    expect(report).to.include({ restarts: 1 });
    expect(report['pid']).not.to.equal(pid);
    expect(await putStatus(endpoint, { version: 2 })).to.equal(202);
    const next = await server.connect();
    expect(await next.hello({ uaid, channelIDs: [channelID] })).to.include({ uaid });
    expect(await next.next()).to.deep.equal(notificationOf(channelID, 2));
    const { samples } = parseExposition(await (await fetch(`${server.urls.admin}metrics`)).text());
    expect(samples.get('reveille_role_restarts_total{role="push"}')).to.equal(1);
    expect(await server.stop()).to.deep.equal({ code: 0, signal: null });
  });

  it('end at once when start is killed -9, without draining, and leave their ports free', async () => {
    const [socketPort = 0, endpointPort = 0] = await findFreePorts(2);
    const settings: Settings = {
      'storage.driver': 'embedded',
      'socket.port': socketPort,
      'endpoint.port': endpointPort,
      'shutdown.spread_ms': 60_000,
      'shutdown.deadline_ms': 120_000,
    };
    await using server = await start(settings);
    const { device } = await subscribe(server);
    // Its end is that of the push process too, which has its stderr.
    const killed = server.kill();
    expect((await device.nextClose()).code).to.equal(1006);
    await within(killed, { wanted: 'the end of all processes', waitMsMax: WAIT_MS_MAX });
    await using again = await start(settings);
    await untilReady(again);
  });

  it('leave signals to start: Ctrl-C in a terminal stops once, in order', async () => {
    await using server = await start();
    const { device } = await subscribe(server);
    const pid = await server.pushPid();
    // As a terminal does it, to every process of the group.
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.kill(pid, signal);
    await device.ping();
    const stopped = server.stop();
    expect((await device.nextClose()).code).to.equal(1001);
    expect(await stopped).to.deep.equal({ code: 0, signal: null });
    expect(server.printed.stderr).not.to.include('role.ended');
  });

  it('are reported when they hang, and keep nobody waiting', async () => {
    await using server = await start();
    const pid = await server.pushPid();
    process.kill(pid, 'SIGSTOP');
    const [told, report, page] = await Promise.all([
      health(server),
      push(server),
      fetch(`${server.urls.admin}metrics`).then((response) => response.text()),
    ]);
    expect(told.body['reasons']).to.deep.equal(['push: does not answer']);
    expect(report).to.deep.include({ ready: false, reasons: ['does not answer'] });
    expect(parseExposition(page).samples.get('reveille_role_up{role="push"}')).to.equal(0);
    process.kill(pid, 'SIGCONT');
    await untilReady(server);
  });

  describe('with a provider', () => {
    const WITH_KICK: Settings = {
      'storage.driver': 'embedded',
      'kick.udp.networks': ['127.0.0.1/32'],
    };

    it('are push and kick, both told of, and stopped in this order', async () => {
      await using server = await start(WITH_KICK);
      await untilReady(server);
      expect(await push(server)).to.include({ pid: await server.pushPid() });
      const { body } = await getJson(`${server.urls.admin}status`);
      expect(body).to.have.nested.property('roles.kick.pid', await server.kickPid());
      const page = await (await fetch(`${server.urls.admin}metrics`)).text();
      const { samples } = parseExposition(page);
      for (const role of ['push', 'kick']) {
        expect(samples.get(`reveille_role_up{role="${role}"}`)).to.equal(1);
        expect(samples.get(`reveille_ready{role="${role}"}`)).to.equal(1);
      }
      expect(await server.stop()).to.deep.equal({ code: 0, signal: null });
      const stopped = server.printed.stderr
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ event }) => event === 'server.stop.done')
        .map(({ role }) => role ?? 'start');
      expect(stopped).to.deep.equal(['push', 'kick', 'start']);
    });

    it('die apart: devices keep their sockets while kick comes back', async () => {
      await using server = await start(WITH_KICK);
      const { device } = await subscribe(server);
      const pid = await server.kickPid();
      process.kill(pid, 'SIGKILL');
      await until('the return', async () => {
        const { body } = await getJson(`${server.urls.admin}status`);
        const { roles } = body as { readonly roles: { readonly kick: Record<string, unknown> } };
        return roles.kick['restarts'] === 1 && roles.kick['ready'] === true;
      });
      await device.ping();
      expect(await push(server)).to.include({ restarts: 0 });
    });

    it('all end when one cannot start, with its message and its exit code', async () => {
      const failed = start({
        ...WITH_KICK,
        'kick.fcm.service_account_path': 'missing.json',
      });
      const why = await failed.then(
        () => expect.fail('it started'),
        (error: Error) => error.message,
      );
      expect(why).to.include('kick.fcm.service_account_path').and.include('server.start.failed');
    });
  });

  describe('by themselves', () => {
    it('serve in the foreground with a listener for operators', async () => {
      await using server = await startChildServer(folder.path, {}, { command: 'push' });
      const { ws, endpoint, admin } = server.urls;
      await untilReady(server);
      await subscribe(server);
      expect(await push(server)).to.include({ devices: 1 });
      expect(await server.stop()).to.deep.equal({ code: 0, signal: null });
      expect(server.printed.stdout).to.equal(
        `reveille push ready ws=${ws} endpoint=${endpoint} admin=${admin}\n`,
      );
      expect(JSON.parse(server.printed.stderr.split('\n', 1)[0] ?? '')).to.include({
        role: 'push',
      });
    });

    const refused = [
      { args: ['--config', '-'], stdin: '[socket]\nprot = 1\n', told: 'socket.prot: expected' },
      { args: ['--config', '-'], stdin: 'no TOML', told: '<stdin>:1:' },
      { args: ['--supervised'], stdin: '', told: '--supervised: only the command start' },
    ];
    for (const { args, stdin, told } of refused) {
      it(`refuse ${args.join(' ')} with ${JSON.stringify(stdin)}`, async () => {
        const child = spawn(process.execPath, [MAIN_PATH, 'push', ...args], {
          cwd: folder.path,
          env: { ...environmentOf({}) },
          stdio: ['pipe', 'ignore', 'pipe'],
        });
        let stderr = '';
        child.stderr.on('data', (bytes) => {
          stderr += bytes;
        });
        child.stdin.end(stdin);
        const [code] = await once(child, 'close');
        expect(code).to.equal(2);
        expect(stderr).to.include(told);
      });
    }
  });
});
