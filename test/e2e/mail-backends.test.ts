import { expect } from 'chai';
import { createMailWatch, type MailWatch } from '../../src/client/mail.ts';
import type { RealDovecot } from '../support/dovecot.ts';
import { DOVECOT_PASSWORD } from '../support/dovecot.ts';
import { mailSettings, startDovecot } from '../support/mail-setup.ts';
import { filesBelow, reachesState, until } from '../support/mail-until.ts';
import { Resources } from '../support/resources.ts';
import { openTestServer, type TestServer } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { subscribe } from '../support/subscription.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { nextVersion, type RunningCommand, registerAt, startRole } from './mail-world.ts';

const USER = 'ada';
const LEASE_MS = 2000;
const READY = /^reveille (?:mailwatch|mail-gate) ready (?:.*mail=(\S+))?/;

describe('two backends of the mail watch on one folder', function () {
  this.timeout(120_000);

  const resources = new Resources();
  let server: TestServer;
  let dovecot: RealDovecot;
  let folder: string;
  let settings: Settings;
  let watch: MailWatch;

  const start = async (role: 'mailwatch' | 'mail-gate'): Promise<RunningCommand> => {
    const running = resources.keep(startRole(role, folder, settings));
    await until(`a ${role} that is ready`, () => READY.test(running.printed.stdout));
    return running;
  };
  const hasTaken = (backend: RunningCommand, times: number) => {
    const taken = backend.printed.stderr.split('mail.lease.taken').length - 1;
    return taken >= times;
  };
  /** While `work` runs, looks at Dovecot's sessions of the user again and again; resolves to the most there were at once. */
  const mostSessions = async (work: Promise<unknown>): Promise<number> => {
    let isOver = false;
    let most = 0;
    const over = work.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      const sessions = await dovecot.sessions();
      most = Math.max(most, sessions.filter((user) => user === USER).length);
    }
    await over;
    return most;
  };

  beforeEach(async () => {
    folder = resources.keep(await makeTemporaryFolder()).path;
    const dovecotFolder = resources.keep(await makeTemporaryFolder()).path;
    server = resources.keep(await openTestServer());
    const started = await startDovecot(dovecotFolder, [USER]);
    dovecot = started.dovecot;
    resources.keep({ [Symbol.asyncDispose]: () => dovecot.stop() });
    settings = {
      ...mailSettings(folder, started),
      'mailwatch.endpoint_bases': [`${server.urls.endpoint}update/`],
      'mailwatch.lease_ms': LEASE_MS,
      'mailgate.rpc_deadline_ms': 2000,
      'log.format': 'json',
    };
  });
  afterEach(async () => {
    await resources.dispose();
  });

  const begin = async () => {
    const first = await start('mailwatch');
    const second = await start('mailwatch');
    const gate = await start('mail-gate');
    watch = createMailWatch(READY.exec(gate.printed.stdout)?.[1] ?? '');
    const subscription = await subscribe({
      connect: () => server.connect({ waitMsMax: 30_000 }),
    });
    const token = await registerAt(watch, {
      endpoint: subscription.endpoint,
      host: dovecot.host,
      port: dovecot.ports.imaps,
      credentials: { kind: 'password', username: USER, password: DOVECOT_PASSWORD },
    });
    await reachesState(watch, token, 'watching');
    expect(hasTaken(first, 1)).to.equal(true);
    expect(hasTaken(second, 1)).to.equal(false);
    return { first, second, subscription, token };
  };

  it('watches in the second when the first is killed, and never in both', async () => {
    const { first, second, subscription, token } = await begin();
    const takeover = async () => {
      first.signal('SIGKILL');
      await first.exit;
      await dovecot.deliver(USER);
      await until('the takeover', () => hasTaken(second, 1));
      await reachesState(watch, token, 'watching');
    };
    expect(await mostSessions(takeover())).to.equal(1);
    expect(await nextVersion(subscription)).to.be.above(0);
    await dovecot.deliver(USER);
    expect(await nextVersion(subscription)).to.be.above(0);
  });

  it('ends by itself what a backend watches that was frozen while another took over', async () => {
    const { first, second, subscription, token } = await begin();
    first.signal('SIGSTOP');
    await dovecot.deliver(USER);
    await until('the takeover', () => hasTaken(second, 1));
    const told = await nextVersion(subscription);
    expect((await reachesState(watch, token, 'watching')).lastVersion).to.equal(told);
    first.signal('SIGCONT');
    await until('the end of the first', () => first.printed.stderr.includes('mail.lease.lost'));
    await until('one session', async () => (await dovecot.sessions()).length === 1);
    await dovecot.deliver(USER);
    expect(await nextVersion(subscription)).to.be.above(told);
    expect((await watch.stop(token)).ok).to.equal(true);
    second.signal('SIGTERM');
    expect(await second.exit).to.equal(0);
    await until('the first again', () => hasTaken(first, 2));
    const files = await filesBelow(folder);
    for (const [path, bytes] of files) {
      expect(bytes.includes(DOVECOT_PASSWORD), path).to.equal(false);
    }
  });
});
