import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { createMailWatch, type Mailbox, type MailWatch } from '../../../src/client/mail.ts';
import { systemClock } from '../../../src/clock.ts';
import { openMailGateRole } from '../../../src/commands/mail-gate-role.ts';
import { openMailwatchRole } from '../../../src/commands/mailwatch-role.ts';
import type { RunningRole } from '../../../src/commands/role.ts';
import { createLog } from '../../../src/log.ts';
import { runCommand } from '../../e2e/mail-world.ts';
import { answerOf, FakeActiveSync, statusOf } from '../../support/fake-activesync.ts';
import { type KickCertificates, makeKickCertificates } from '../../support/kick-certificates.ts';
import { openTestServer, type TestServer } from '../../support/server.ts';
import { configOf } from '../../support/settings.ts';
import { type Subscription, subscribe } from '../../support/subscription.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../../support/temporary-folder.ts';
import { CHANGE, NO_CHANGE, PATH, PING, QUESTION, SYNC } from './exchanges.ts';

const PASSWORD = 'canary-password';
const POLL_MS = 20;

describe('a mail watch with ActiveSync', function () {
  this.timeout(30_000);

  let folder: TemporaryFolder;
  let push: TestServer;
  let eas: FakeActiveSync;
  let other: FakeActiveSync;
  let gate: RunningRole;
  let backend: RunningRole;
  let watch: MailWatch;
  let news: Subscription;
  let logged: string;
  let openBackend: () => Promise<RunningRole>;
  let pem: KickCertificates;

  before(async () => {
    pem = await makeKickCertificates();
  });

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    push = await openTestServer();
    eas = await new FakeActiveSync(pem).listen();
    other = await new FakeActiveSync(pem).listen();
    const caPath = join(folder.path, 'ca.crt');
    await writeFile(caPath, pem.ca);
    logged = '';
    const destination = { write: (line: string) => (logged += line) };
    const rpcPath = join(folder.path, 'rpc', 'rpc.sock');
    const deps = {
      config: configOf({
        'mailwatch.enabled': true,
        'mailwatch.path': join(folder.path, 'mail-data'),
        'mailwatch.master_key_path': join(folder.path, 'master.key'),
        'mailwatch.sealing_key_path': join(folder.path, 'sealing.key'),
        'mailwatch.rpc_path': rpcPath,
        'mailwatch.operators_path': `${rpcPath}.operators`,
        'mailwatch.endpoint_bases': [`${push.urls.endpoint}update/`],
        'mailwatch.allowed_networks': ['127.0.0.1'],
        'mailwatch.allowed_ports': [String(eas.port), String(other.port)],
        'mailwatch.ca_path': caPath,
        'mailwatch.ramp_ms': 0,
        'mailgate.rpc_path': rpcPath,
        'mailgate.port': 0,
        'mailgate.requests_per_minute_max': 100_000,
      }),
      log: createLog({ level: 'trace', format: 'json', isTerminal: false, destination }),
      clock: systemClock,
    };
    openBackend = () => openMailwatchRole(deps);
    backend = await openBackend();
    gate = await openMailGateRole(deps);
    watch = createMailWatch(gate.urls['mail'] ?? '');
    news = await subscribe(push);
  });
  afterEach(async () => {
    expect(eas.faults).to.deep.equal([]);
    expect(other.faults).to.deep.equal([]);
    news.device.terminate();
    await gate.stop();
    await backend.stop();
    await push.stop();
    await eas.close();
    await other.close();
    await folder[Symbol.asyncDispose]();
  });

  const register = async (changes: Partial<Mailbox> = {}): Promise<string> => {
    const registered = await watch.register({
      endpoint: news.endpoint,
      protocol: 'activesync',
      host: '127.0.0.1',
      port: eas.port,
      exchange: PING,
      credentials: { kind: 'password', username: 'ada', password: PASSWORD },
      ...changes,
    });
    if (!registered.ok) throw new Error(JSON.stringify(registered.problem));
    return registered.value.token;
  };
  const version = async (): Promise<number> => {
    const { updates } = await news.device.nextOf('notification');
    return updates?.[0]?.version ?? 0;
  };
  /** Waits until the watch is in this state. */
  const reaches = async (token: string, kind: string): Promise<void> => {
    for (;;) {
      const status = await watch.status(token);
      if (status.ok && status.value.state.kind === kind) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };

  it('tells a device of mail once, also over a restart, and again after its word', async () => {
    const token = await register();
    const { answer, path } = await eas.asked(1);
    expect(path).to.equal(PATH);
    await reaches(token, 'watching');
    answer(answerOf(CHANGE));
    const first = await version();
    await reaches(token, 'deferred');
    await backend.stop();
    backend = await openBackend();
    await reaches(token, 'deferred');
    expect(eas.asks).to.have.length(1);
    expect((await watch.defer(token, 0)).ok).to.equal(true);
    (await eas.asked(2)).answer(answerOf(CHANGE));
    expect(await version()).to.be.above(first);
  });

  it('takes a person at a terminal from files to the version of a mail, in one line', async () => {
    const request = join(folder.path, 'ping.wbxml');
    const reply = join(folder.path, 'nothing-new.wbxml');
    await writeFile(request, QUESTION);
    await writeFile(reply, NO_CHANGE);
    eas.reactWith(answerOf(NO_CHANGE));
    const args = [
      ...['mail', '--gate', gate.urls['mail'] ?? '', 'register', '--activesync'],
      ...['--endpoint', news.endpoint, '--host', '127.0.0.1', '--port', String(eas.port)],
      ...['--user', 'ada', '--path', PATH, '--request', request, '--unchanged-reply', reply],
      ...['--response-timeout', '600', '--protocol-version', '16.1', '--policy-key', '17'],
      ...['--user-agent', 'phone 1.0'],
    ];
    const env = { REVEILLE_MAIL_PASSWORD: PASSWORD };
    const { code, stdout, stderr } = await runCommand(args, { folder: folder.path, env });
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    const token = stdout.trim().split('\n').at(-1) ?? '';
    // The first answer says that nothing is new: it was compared with the file.
    const { path, headers, body, authorization, answer } = await eas.asked(2);
    expect(path).to.equal(PATH);
    expect(body.equals(QUESTION)).to.equal(true);
    expect(headers).to.include({
      'ms-asprotocolversion': '16.1',
      'x-ms-policykey': '17',
      'user-agent': 'phone 1.0',
    });
    expect(authorization).to.equal(`Basic ${Buffer.from(`ada:${PASSWORD}`).toString('base64')}`);
    expect(news.device.takeUnread()).to.deep.equal([]);
    answer(answerOf(CHANGE));
    expect(await version()).to.be.above(0);
    await reaches(token, 'deferred');
  });

  it('asks after a restart what it was asking before', async () => {
    const token = await register({ exchange: SYNC });
    await eas.asked(1);
    await backend.stop();
    backend = await openBackend();
    (await eas.asked(2)).answer(answerOf(CHANGE));
    expect(await version()).to.be.above(0);
    await reaches(token, 'deferred');
  });

  it('asks again after an answer without news', async () => {
    eas.reactWith(answerOf(NO_CHANGE));
    await register();
    (await eas.asked(2)).answer(answerOf(CHANGE));
    expect(await version()).to.be.above(0);
  });

  it('follows the server to where the mailbox is', async () => {
    const location = `https://127.0.0.1:${other.port}/Microsoft-Server-ActiveSync`;
    eas.reactWith(statusOf(451, { 'X-MS-Location': location }));
    await register();
    const { answer, path, authorization } = await other.asked(1);
    expect(path).to.equal(PATH);
    expect(authorization).to.equal(eas.asks[0]?.authorization);
    answer(answerOf(CHANGE));
    expect(await version()).to.be.above(0);
  });

  it('follows no server to where it may not go', async () => {
    eas.reactWith(statusOf(451, { 'X-MS-Location': 'https://127.0.0.2/' }));
    await reaches(await register(), 'blocked-host');
  });

  it('tells the state endpoint of a device that must be provisioned, and is cured by registering', async () => {
    const state = await subscribe(push);
    eas.reactWith(statusOf(449));
    const token = await register({ stateEndpoint: state.endpoint });
    await state.device.nextOf('notification');
    const status = await watch.status(token);
    expect(status.ok && status.value.state['failure']).to.deep.equal({
      kind: 'auth',
      detail: 'HTTP 449: the device must be provisioned',
    });
    await register({ exchange: { ...PING, policyKey: '17' } });
    const { headers, answer } = await eas.asked(2);
    expect(headers['x-ms-policykey']).to.equal('17');
    answer(answerOf(CHANGE));
    expect(await version()).to.be.above(0);
    state.device.terminate();
  });

  it('keeps nothing of the question in clear, and nothing at all after a stop', async () => {
    const token = await register();
    await eas.asked(1);
    const secrets = [PASSWORD, PING.requestData, 'Cmd=Ping', news.endpoint];
    for (const [name, bytes] of await filesBelow(join(folder.path, 'mail-data'))) {
      for (const secret of secrets) expect(bytes.includes(secret), name).to.equal(false);
    }
    for (const secret of secrets) expect(logged.includes(secret)).to.equal(false);
    const { gone } = await eas.asked(1);
    expect((await watch.stop(token)).ok).to.equal(true);
    await gone;
    const vault = await readdir(join(folder.path, 'mail-data', 'vault'), { recursive: true });
    const account = token.split('.')[0] ?? '';
    expect(vault.filter((name) => name.includes(account))).to.deep.equal([]);
    const after = await watch.status(token);
    expect(!after.ok && after.problem.kind).to.equal('unknown');
  });
});

async function filesBelow(folder: string): Promise<readonly (readonly [string, string])[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return await Promise.all(
    paths.map(async (path) => [path, await readFile(path, 'latin1')] as const),
  );
}
