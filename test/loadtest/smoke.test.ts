import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startServer } from '../../loadtest/processes.ts';
import { CHECKS } from '../../loadtest/smoke/checks.ts';
import { smokeCommand } from '../../loadtest/smoke/command.ts';
import { makeCertificate } from '../config/certificates.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { type OddFault, openOddServer } from '../support/odd-server.ts';
import { openTestServer } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { recordCommand } from './recorded-command.ts';

const BUILD = fileURLToPath(new URL('../../', import.meta.url));
/** Far more than any answer takes on a busy machine. */
const PATIENT = ['--timeout', '20000'];
/** For servers that never answer. */
const IMPATIENT = ['--timeout', '300'];

const smoke = (...args: readonly string[]) => recordCommand(smokeCommand, args);

/** The titles of the checks that did not pass. */
function failedIn(out: string): readonly string[] {
  const lines = out.split('\n').filter((line) => line.startsWith('✖'));
  return CHECKS.map(({ title }) => title).filter((title) =>
    lines.some((line) => line.startsWith(`✖ ${title} `)),
  );
}

describe('smoke', function () {
  this.timeout(60_000);

  for (const [socket, endpoint] of [
    ['uws', 'node'],
    ['ws', 'uws'],
  ] as const) {
    it(`passes our server, devices on ${socket} and app servers on ${endpoint}`, async () => {
      await using server = await openTestServer({
        settings: { 'socket.transport': socket, 'endpoint.transport': endpoint },
      });
      const { code, out } = await smoke(server.urls.ws, ...PATIENT);
      expect(out).to.include(`${CHECKS.length} passed, 0 failed, 0 not made`);
      expect(code).to.equal(0);
    });
  }

  it('passes a server that is not ours', async () => {
    await using server = await openOddServer('none');
    const { code, out } = await smoke(server.url, ...PATIENT);
    expect(failedIn(out)).to.deep.equal([]);
    expect(code).to.equal(0);
  });

  const found: readonly { fault: OddFault; checks: readonly string[]; words: string }[] = [
    {
      fault: 'takes-any-token',
      checks: ['a wrong endpoint is refused'],
      words: 'a PUT to an endpoint that nobody has was answered 200',
    },
    {
      fault: 'forgets-updates',
      checks: ['a PUT for a device that is away waits', 'of two that wait the newer comes'],
      words: 'the notification of version',
    },
    {
      fault: 'ignores-acks',
      checks: ['what was acknowledged does not'],
      words: 'an acknowledged update came again',
    },
    {
      fault: 'forgets-devices',
      checks: ['hello again keeps the id'],
      words: 'the device was given a new id',
    },
  ];
  for (const { fault, checks, words } of found) {
    it(`fails a server that ${fault.replaceAll('-', ' ')}, and says why`, async () => {
      await using server = await openOddServer(fault);
      const { code, out } = await smoke(server.url, '--timeout', '1000');
      expect(failedIn(out)).to.include.members(checks);
      expect(out).to.include(words);
      expect(code).to.equal(1);
    });
  }

  it('ends in bounded time with a server that never answers', async () => {
    await using server = await openOddServer('hangs');
    const { code, out } = await smoke(server.url, ...IMPATIENT);
    expect(out).to.include('the hello reply did not come within 300 ms');
    expect(out).to.match(/– register gives an endpoint +0 ms {2}there is no device/);
    expect(code).to.equal(1);
  });

  it('fails a server that echoes', async () => {
    await using server = await openOddServer('echoes');
    const { code, out } = await smoke(server.url, ...IMPATIENT);
    expect(out).to.match(/✖ hello gives a new device an id/);
    expect(code).to.equal(1);
  });

  it('says when the server dies in the middle, and asks no more', async () => {
    await using server = await openOddServer('dies');
    const { code, out } = await smoke(server.url, ...PATIENT);
    expect(out).to.match(/the server ended the connection|cannot connect/);
    expect(out).to.match(/– a close is answered +0 ms {2}the server is gone/);
    expect(code).to.equal(1);
  });

  it('says when nobody listens', async () => {
    const [port] = await findFreePorts(1);
    const { code, out } = await smoke(`ws://127.0.0.1:${port}/`);
    expect(out).to.include(`cannot connect to 127.0.0.1:${port}: connect ECONNREFUSED`);
    expect(out).to.include(`0 passed, 1 failed, ${CHECKS.length - 1} not made`);
    expect(code).to.equal(1);
  });

  it('reaches endpoints where it is told to', async () => {
    await using server = await openOddServer('announces-elsewhere');
    const args = [server.url, '--endpoint-base', server.endpointBase, ...PATIENT];
    expect((await smoke(...args)).code).to.equal(0);
  });

  it('offers the sub-protocol that it is told to', async () => {
    await using server = await openTestServer();
    const { out } = await smoke(server.urls.ws, '--subprotocol', 'chat', ...PATIENT);
    expect(out).to.include('the sub-protocol chat was not chosen');
    expect((await smoke(server.urls.ws, '--subprotocol', '', ...PATIENT)).code).to.equal(0);
  });

  it('talks TLS, with a certificate that it trusts', async () => {
    await using folder = await makeTemporaryFolder();
    const { certificatePath, keyPath } = await makeCertificate(folder.path, 'localhost');
    const settings: Settings = {
      'socket.tls_certificate_path': certificatePath,
      'socket.tls_key_path': keyPath,
      'endpoint.tls_certificate_path': certificatePath,
      'endpoint.tls_key_path': keyPath,
    };
    await using server = await openTestServer({ settings });
    const stranger = await smoke(server.urls.ws, ...PATIENT);
    expect(stranger.code).to.equal(1);
    expect(stranger.out).to.include('--ca');
    expect((await smoke(server.urls.ws, '--insecure', ...PATIENT)).code).to.equal(0);
    const named = (url: string) => url.replace('127.0.0.1', 'localhost');
    const base = ['--endpoint-base', named(server.urls.endpoint)];
    const trusted = await smoke(
      named(server.urls.ws),
      '--ca',
      certificatePath,
      ...base,
      ...PATIENT,
    );
    expect(failedIn(trusted.out)).to.deep.equal([]);
    expect(trusted.code).to.equal(0);
  });

  it('tells the outcomes as JSON', async () => {
    await using server = await openOddServer('takes-any-token');
    const { out } = await smoke(server.url, '--json', ...PATIENT);
    const { isPassed, outcomes } = JSON.parse(out);
    expect(isPassed).to.equal(false);
    expect(outcomes).to.have.lengthOf(CHECKS.length);
    expect(outcomes[0]).to.include({ title: CHECKS[0]?.title, verdict: 'passed', note: '' });
  });

  for (const floor of ['floor', 'mixed-floor']) {
    it(`runs against the ${floor}, which keeps nothing`, async () => {
      const server = await startServer({
        file: process.execPath,
        args: [`${BUILD}loadtest/${floor}.js`],
      });
      try {
        const { code, out } = await smoke(server.wsUrl, '--timeout', '1000');
        expect(failedIn(out)).to.include.members(['hello again keeps the id']);
        expect(out).to.match(/– a newer connection takes over +0 ms {2}there is no uaid/);
        expect(out).to.match(/✔ a PUT reaches the connected device/);
        expect(code).to.equal(1);
      } finally {
        await server.stop();
      }
    });
  }

  it('explains itself, as a program', () => {
    const { status, stdout } = spawnSync(
      process.execPath,
      [`${BUILD}loadtest/smoke.js`, '--help'],
      {
        encoding: 'utf8',
      },
    );
    expect(status).to.equal(0);
    for (const flag of [
      '--endpoint-base',
      '--subprotocol',
      '--ca',
      '--insecure',
      '--timeout',
      '--json',
    ]) {
      expect(stdout).to.include(flag);
    }
  });

  for (const args of [
    [],
    ['http://127.0.0.1/'],
    ['nowhere'],
    ['ws://127.0.0.1/', 'more'],
    ['ws://127.0.0.1/', '--fast'],
    ['ws://127.0.0.1/', '--timeout', '0'],
    ['ws://127.0.0.1/', '--endpoint-base', 'ws://127.0.0.1/'],
    ['ws://127.0.0.1/', '--ca', '/nowhere/ca.pem'],
  ]) {
    it(`refuses ${args.join(' ') || 'no argument'} with exit code 2`, async () => {
      const { code, err } = await smoke(...args);
      expect(code).to.equal(2);
      expect(err).to.match(/^error: /);
    });
  }
});
