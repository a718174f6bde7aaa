import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../src/clock.ts';
import type { Credentials } from '../../src/mailwatch/account.ts';
import { createOpenMail } from '../../src/mailwatch/imap.ts';
import type { MailConnection, MailTarget } from '../../src/mailwatch/mailbox.ts';
import { Alarms } from '../../src/mailwatch/watcher/alarms.ts';
import { DOVECOT_PASSWORD, prepareDovecot, type RealDovecot } from '../support/dovecot.ts';
import { makeKickCertificates } from '../support/kick-certificates.ts';
import { Resources } from '../support/resources.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const NEVER = new AbortController().signal;

describe('a connection to a real Dovecot', function () {
  this.timeout(30_000);

  const resources = new Resources();
  const alarms = new Alarms(systemClock);
  let dovecot: RealDovecot;
  let ca: string;
  const connections: MailConnection[] = [];

  before(async () => {
    const folder = resources.keep(await makeTemporaryFolder());
    const { ca: authority, certificate, key } = await makeKickCertificates();
    ca = authority;
    const tls = {
      certificatePath: join(folder.path, 'tls.crt'),
      keyPath: join(folder.path, 'tls.key'),
    };
    await writeFile(tls.certificatePath, certificate);
    await writeFile(tls.keyPath, key);
    dovecot = await prepareDovecot(folder.path, tls);
    await dovecot.setUsers(['ada', 'bob', 'eve']);
    await dovecot.start();
  });

  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
  });

  after(async () => {
    alarms.stop();
    await dovecot.stop();
    await resources.dispose();
  });

  const connect = (
    {
      username = 'ada',
      password = DOVECOT_PASSWORD,
    }: Partial<Extract<Credentials, { kind: 'password' }>>,
    {
      security = 'tls',
      host = 'localhost',
      trusted = ca,
    }: { security?: 'tls' | 'starttls'; host?: string; trusted?: string | undefined } = {},
  ) => {
    const open = createOpenMail({
      commandMsMax: 10_000,
      responseBytesMax: 65_536,
      ca: trusted === '' ? undefined : trusted,
      wait: (waitMs, signal) => alarms.wait(waitMs, signal),
      clock: systemClock,
    });
    const port = security === 'tls' ? dovecot.ports.imaps : dovecot.ports.imap;
    const target: MailTarget = {
      server: { host, port, security },
      address: dovecot.host,
      credentials: { kind: 'password', username, password },
    };
    return open(target, NEVER);
  };

  const connected = async (...args: Parameters<typeof connect>): Promise<MailConnection> => {
    const opened = await connect(...args);
    if (!opened.ok) throw new Error(JSON.stringify(opened.failure));
    connections.push(opened.value);
    return opened.value;
  };

  for (const security of ['tls', 'starttls'] as const) {
    it(`opens by ${security}, and sees mail arrive`, async () => {
      const connection = await connected({}, { security });
      expect(connection.canIdle).to.equal(true);
      const before = await connection.examine('INBOX');
      if (!before.ok) throw new Error(JSON.stringify(before.failure));
      const idling = connection.idle({ maxMs: 20_000, graceMs: 10_000, signal: NEVER });
      expect(connection.changedAtMs).to.equal(undefined);
      const deliveredAtMs = systemClock.monotonicMs();
      await dovecot.deliver('ada');
      expect(await idling).to.deep.equal({ ok: true, value: 'changed' });
      expect(connection.changedAtMs).to.be.within(deliveredAtMs, systemClock.monotonicMs());
      const after = await connection.examine('INBOX');
      expect(connection.changedAtMs).to.equal(undefined);
      expect(after).to.deep.equal({
        ok: true,
        value: {
          ...before.value,
          uidNext: before.value.uidNext + 1,
          exists: before.value.exists + 1,
        },
      });
    });
  }

  it('finds what arrived between a look and IDLE', async () => {
    const connection = await connected({ username: 'bob' });
    const before = await connection.examine('INBOX');
    await dovecot.deliver('bob');
    const waited = await connection.idle({ maxMs: 20_000, graceMs: 10_000, signal: NEVER });
    expect(waited).to.deep.equal({ ok: true, value: 'changed' });
    expect(await connection.examine('INBOX')).not.to.deep.equal(before);
  });

  it('looks at a folder that is not selected', async () => {
    const connection = await connected({ username: 'bob' });
    await connection.examine('INBOX');
    const seen = await connection.status('Other');
    expect(seen.ok && seen.value.uidNext).to.equal(1);
  });

  it('renews IDLE when nothing happens, and can be called off', async () => {
    const connection = await connected({ username: 'eve' });
    await connection.examine('INBOX');
    const short = await connection.idle({ maxMs: 1, graceMs: 10_000, signal: NEVER });
    expect(short).to.deep.equal({ ok: true, value: 'elapsed' });
    const off = new AbortController();
    const long = connection.idle({ maxMs: 60_000, graceMs: 10_000, signal: off.signal });
    off.abort();
    expect(await long).to.deep.equal({ ok: true, value: 'aborted' });
    expect((await connection.examine('INBOX')).ok).to.equal(true);
  });

  it('leaves mail unseen and recent', async () => {
    const connection = await connected({ username: 'eve' });
    await dovecot.deliver('eve');
    await connection.examine('INBOX');
    await connection.close();
    const flags = await dovecot.admin('fetch', '-u', 'eve', 'flags', 'mailbox', 'INBOX');
    expect(flags).to.include('\\Recent').and.not.to.include('\\Seen');
  });

  const failures: readonly {
    readonly title: string;
    readonly open: () => ReturnType<typeof connect>;
    readonly failure: object;
  }[] = [
    {
      title: 'a wrong password',
      open: () => connect({ password: 'wrong' }),
      failure: { kind: 'auth', detail: 'AUTHENTICATIONFAILED' },
    },
    {
      title: 'a certificate of an authority that we do not know',
      open: () => connect({}, { trusted: '' }),
      failure: { kind: 'tls', detail: 'untrusted' },
    },
    {
      title: 'a certificate of another name',
      open: () => connect({}, { host: 'mail.example' }),
      failure: { kind: 'tls', detail: 'wrong-name' },
    },
    {
      title: 'such a certificate after STARTTLS',
      open: () => connect({}, { host: 'mail.example', security: 'starttls' }),
      failure: { kind: 'tls', detail: 'wrong-name' },
    },
  ];
  for (const { title, open, failure } of failures) {
    it(`names ${title}`, async () => {
      expect(await open()).to.deep.equal({ ok: false, failure });
    });
  }

  it('names a folder that is not there, and goes on', async () => {
    const connection = await connected({});
    for (const look of [connection.examine('Nowhere'), connection.status('Nowhere')]) {
      const seen = await look;
      expect(!seen.ok && seen.failure.kind).to.equal('folder');
    }
    expect((await connection.examine('INBOX')).ok).to.equal(true);
  });

  it('gives up a server that is frozen', async () => {
    const connection = await connected({ username: 'bob' });
    await connection.examine('INBOX');
    await dovecot.freeze();
    try {
      const waited = await connection.idle({ maxMs: 1, graceMs: 500, signal: NEVER });
      expect(waited).to.deep.equal({
        ok: false,
        failure: { kind: 'network', detail: 'the server does not answer' },
      });
      expect((await connection.ended).kind).to.equal('network');
    } finally {
      await dovecot.thaw();
    }
  });

  it('notices at once that the server has ended', async () => {
    const connection = await connected({ username: 'bob' });
    await connection.examine('INBOX');
    const idling = connection.idle({ maxMs: 60_000, graceMs: 10_000, signal: NEVER });
    await dovecot.stop();
    const waited = await idling;
    expect(!waited.ok && waited.failure.kind).to.equal('network');
    const refused = await connect({});
    expect(!refused.ok && refused.failure.kind).to.equal('network');
    await dovecot.start();
    expect((await connected({})).canIdle).to.equal(true);
  });
});
