import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { DOVECOT_PASSWORD, prepareDovecot, type RealDovecot } from '../support/dovecot.ts';
import { makeKickCertificates } from '../support/kick-certificates.ts';
import { Resources } from '../support/resources.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { type LiveOptions, LiveWatch, until } from './live-watch.ts';

const USERS = ['ada', 'bob', 'cleo', 'dan', 'eve', 'fay', 'gil', 'hal', 'ida'];

describe('a watch of a real Dovecot', function () {
  this.timeout(60_000);

  const resources = new Resources();
  let dovecot: RealDovecot;
  let ca: string;
  let live: LiveWatch;

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
    await dovecot.setUsers(USERS);
    await dovecot.start();
  });

  afterEach(async () => {
    await live.dispose();
  });

  after(async () => {
    await dovecot.stop();
    await resources.dispose();
  });

  const open = (username: string, options: Partial<LiveOptions> = {}): LiveWatch => {
    live = new LiveWatch({
      server: { host: 'localhost', port: dovecot.ports.imaps, security: 'tls' },
      address: dovecot.host,
      ca,
      username,
      ...options,
    });
    return live;
  };
  const watched = async (username: string, options: Partial<LiveOptions> = {}) => {
    open(username, options).start();
    await live.watching();
    return live;
  };
  const uidNext = (index = 0) => live.account.progress.folders[index]?.baseline?.uidNext;
  const isStrictlyRising = (versions: readonly number[]) =>
    versions.every((version, index) => index === 0 || version > (versions[index - 1] ?? 0));

  it('comes back after a restart of the server, and tells once of the mail in between', async () => {
    await watched('ada');
    await dovecot.stop();
    await live.backedOff();
    expect(live.failure?.kind).to.equal('network');
    await dovecot.start();
    await dovecot.deliver('ada');
    await live.versionCount(1);
    await live.watching();
    await until('the baseline', () => uidNext() === 2);
    expect([live.versions.length, live.stateVersions.length]).to.deep.equal([1, 0]);
  });

  it('leaves a server that is frozen, and comes back when it thaws', async () => {
    // Long enough for whoever is not frozen, on a busy machine too.
    await watched('bob', {
      rules: { idleMs: 2_000, idleGraceMs: 100_000 },
      imap: { commandMsMax: 100_000 },
    });
    await dovecot.freeze();
    try {
      await live.backedOff();
      expect(live.failure).to.deep.equal({ kind: 'network', detail: 'the server does not answer' });
    } finally {
      await dovecot.thaw();
    }
    await dovecot.deliver('bob');
    await live.versionCount(1);
    expect(live.versions).to.have.length(1);
  });

  it('tells the device when the password was changed, and when it is right again', async () => {
    await watched('cleo');
    await dovecot.setUsers(USERS, 'another one');
    await dovecot.admin('kick', 'cleo');
    await until('the refusal', () => live.kind === 'auth-failed');
    expect(live.failure).to.deep.equal({ kind: 'auth', detail: 'AUTHENTICATIONFAILED' });
    await until('the word to the device', () => live.stateVersions.length === 1);
    await dovecot.deliver('cleo');
    await dovecot.setUsers(USERS, DOVECOT_PASSWORD);
    await live.versionCount(1);
    await until('the second word', () => live.stateVersions.length === 2);
    expect(live.versions).to.have.length(1);
  });

  it('tells once of a mailbox that was made anew with mail, and of none without', async () => {
    await dovecot.deliver('dan');
    await watched('dan');
    const validity = () => live.account.progress.folders[0]?.baseline?.uidValidity ?? 0;
    const anew = async () => {
      await live.watch.stop();
      // Dovecot takes the second in which the folder was made for its UIDVALIDITY.
      const last = validity();
      await until('another second', () => Math.floor(Date.now() / 1000) > last);
      await dovecot.recreate('dan');
      return last;
    };
    await until('the baseline', () => uidNext() === 2);
    const first = await anew();
    await live.restart();
    await until('the new baseline', () => validity() !== first);
    expect([live.versions.length, uidNext()]).to.deep.equal([0, 1]);
    await dovecot.deliver('dan');
    await live.versionCount(1);
    await until('the baseline', () => uidNext() === 2);
    const second = await anew();
    await dovecot.deliver('dan');
    await live.restart();
    await live.versionCount(2);
    await until('the newer baseline', () => validity() !== second);
    expect(live.versions).to.have.length(2);
  });

  it('tells once of mail that came while it was stopped, and of nothing when none came', async () => {
    await watched('eve');
    await live.watch.stop();
    await live.restart();
    await live.watching();
    expect(live.versions).to.deep.equal([]);
    await live.watch.stop();
    await dovecot.deliver('eve');
    await dovecot.deliver('eve');
    await live.restart();
    await live.versionCount(1);
    await until('the baseline', () => uidNext() === 3);
    expect(live.versions).to.have.length(1);
  });

  it('watches several folders', async () => {
    const folders = [{ name: 'INBOX' }, { name: 'Other' }];
    await watched('fay', { folders });
    await until('the baselines', () => uidNext(1) === 1);
    await dovecot.save('fay', 'Other');
    await live.versionCount(1);
    await dovecot.deliver('fay');
    await live.versionCount(2);
    await until('the baselines', () => uidNext(0) === 2 && uidNext(1) === 2);
    expect(live.versions).to.have.length(2);
  });

  it('says few versions of 200 mails, and forgets not the last', async () => {
    await watched('gil', { rules: { debounceMs: 40_000 } });
    await Promise.all(Array.from({ length: 200 }, () => dovecot.deliver('gil')));
    await until('the last mail', () => uidNext() === 201);
    expect(live.versions.length).to.be.within(1, 12);
    expect(isStrictlyRising(live.versions)).to.equal(true);
  });

  it('leaves mail unseen and recent, whatever it does', async () => {
    await dovecot.deliver('hal');
    await watched('hal');
    await dovecot.deliver('hal');
    await live.versionCount(1);
    await live.dispose();
    const flags = await dovecot.admin('fetch', '-u', 'hal', 'flags', 'mailbox', 'INBOX');
    expect(flags).to.include('\\Recent').and.not.to.include('\\Seen');
  });

  it('polls where there is no IDLE', async () => {
    const config = await readFile(dovecot.configPath, 'utf8');
    await writeFile(dovecot.configPath, `${config}imap_capability = IMAP4rev1 LITERAL+ ID\n`);
    await dovecot.stop();
    await dovecot.start();
    await watched('ida');
    expect(live.kind).to.equal('polling');
    await dovecot.deliver('ida');
    await live.versionCount(1);
    await until('the baseline', () => uidNext() === 2);
    expect(live.versions).to.have.length(1);
  });
});
