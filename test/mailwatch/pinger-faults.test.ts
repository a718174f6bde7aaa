/**
 * The faults of an earlier mail watch, by their numbers, where they concern the watcher. The others are held by tests of their pieces:
 * B1, B14 (races between registrations), B16 by the gate, the backend and the egress guard; B9 by the notifier; B10 by the rpc; B12 and B13 by
 * the roles and the backend; B15 by ActiveSync; B17 by the gate's examples. B11 was a feedback loop of a push service that is no more.
 */
import { expect } from 'chai';
import { FakeImap, type FakeImapOptions, says, saysGoodbye } from '../support/fake-imap.ts';
import { type KickCertificates, makeKickCertificates } from '../support/kick-certificates.ts';
import { type LiveOptions, LiveWatch, until } from './live-watch.ts';

/** All that may ever be said to a mail server. */
const VERBS = new Set([
  ...['CAPABILITY', 'STARTTLS', 'AUTHENTICATE', 'LOGIN', '(response)', 'ID', 'NAMESPACE'],
  ...['LIST', 'LSUB', 'EXAMINE', 'STATUS', 'IDLE', 'DONE', 'NOOP', 'LOGOUT'],
]);

/** Of the fast clock: over only when the test says so. */
const DEFERRAL_MS = 1_000_000;

describe("the earlier mail watch's faults", function () {
  this.timeout(30_000);

  let certificates: KickCertificates;
  let fake: FakeImap;
  let live: LiveWatch;

  before(async () => {
    certificates = await makeKickCertificates();
  });

  const open = async (
    options: Partial<LiveOptions> = {},
    server: Partial<FakeImapOptions> = {},
  ): Promise<LiveWatch> => {
    fake = await FakeImap.open({ ...certificates, ...server });
    fake.passwords.set('ada', 'correct horse');
    fake.arrive();
    live = new LiveWatch({
      server: { host: 'localhost', port: fake.port, security: fake.security },
      address: fake.host,
      ca: certificates.ca,
      ...options,
    });
    return live;
  };
  const idling = () => until('IDLE', () => fake.idling === 1);

  afterEach(async () => {
    await live.dispose();
    await fake[Symbol.asyncDispose]();
    expect(fake.verbs.filter((verb) => !VERBS.has(verb))).to.deep.equal([]);
  });

  it('B2: a deferral while it idles leaves a watch that works, again and again', async () => {
    (await open()).start();
    for (let count = 1; count <= 3; count++) {
      await idling();
      const nowMs = live.clock.nowMs();
      live.watch.defer(nowMs + DEFERRAL_MS, nowMs);
      await until('the deferral', () => live.kind === 'deferred' && fake.sessions.size === 0);
      live.clock.leap(DEFERRAL_MS);
      await idling();
      fake.arrive();
      await live.versionCount(count);
    }
    expect(live.stateVersions).to.deep.equal([]);
  });

  it('B2: a watch that is registered again works', async () => {
    (await open()).start();
    for (let count = 1; count <= 3; count++) {
      await idling();
      await live.restart();
      await idling();
      fake.arrive();
      await live.versionCount(count);
    }
  });

  it('B3: a mailbox that is quiet for ten times the limit of an answer is still watched', async () => {
    const commandMsMax = 300_000;
    (await open({ imap: { commandMsMax } })).start();
    await idling();
    for (let times = 0; times < 10; times++) {
      live.clock.leap(commandMsMax);
      await live.tick();
    }
    expect([live.kind, fake.accepted, fake.idling]).to.deep.equal(['watching', 1, 1]);
    fake.arrive();
    await live.versionCount(1);
  });

  it('B4: mail that came after the device looked, and before the watch began, is told of', async () => {
    const { uidValidity, uidNext } = (await open()).start() && fake.folder('INBOX');
    await live.dispose();
    await fake[Symbol.asyncDispose]();
    const baseline = { uidValidity, uidNext };
    await open({ folders: [{ name: 'INBOX', baseline }] });
    fake.arrive();
    live.start();
    await live.versionCount(1);
  });

  it('B4: so it is without IDLE', async () => {
    const baseline = { uidValidity: 1, uidNext: 2 };
    await open({ folders: [{ name: 'INBOX', baseline }] });
    fake.capabilities.delete('IDLE');
    fake.arrive();
    live.start();
    await live.versionCount(1);
    expect(live.kind).to.equal('polling');
    fake.arrive();
    await live.versionCount(2);
  });

  it('B5: fewer mails are no news, announced or found', async () => {
    await open();
    fake.arrive('INBOX', 5);
    live.start();
    await idling();
    fake.expunge();
    fake.folder('INBOX').exists--;
    fake.tell('INBOX', `* ${fake.folder('INBOX').exists} EXISTS`);
    await until('the look after it', () => fake.commands.includes('DONE'));
    await idling();
    expect(live.versions).to.deep.equal([]);
    fake.arrive();
    await live.versionCount(1);
  });

  it('B5: a mail that is gone again is news', async () => {
    (await open()).start();
    await idling();
    fake.arrive();
    fake.expunge();
    await live.versionCount(1);
  });

  const EVIL = 'x\r\nA9 DELETE INBOX';
  const injections: readonly [string, (target: LiveWatch) => void, RegExp][] = [
    [
      'a user',
      (target) => {
        const value = { kind: 'password', username: EVIL, password: 'p' } as const;
        target.credentials = async () => ({ ok: true, value });
      },
      /^auth-failed$/,
    ],
    [
      'a password',
      (target) => {
        target.password = EVIL;
      },
      /^auth-failed$/,
    ],
    [
      'a token',
      (target) => {
        const token = { username: 'ada', refreshToken: 'r', clientId: 'c', accessToken: EVIL };
        const value = { kind: 'oauth', tokenEndpoint: 'https://id.example', ...token } as const;
        target.credentials = async () => ({ ok: true, value });
      },
      /^needs-oauth$/,
    ],
  ];
  for (const [what, prepare, state] of injections) {
    it(`B6: nothing that ${what} says is executed`, async () => {
      prepare(await open());
      live.start();
      await until('the refusal', () => state.test(live.kind));
      expect(fake.commands).to.deep.equal([]);
    });
  }

  for (const index of [0, 1]) {
    it(`B6: nothing that the name of folder ${index} says is executed`, async () => {
      const folders = index === 0 ? [{ name: EVIL }] : [{ name: 'INBOX' }, { name: EVIL }];
      (await open({ folders })).start();
      await until('the refusal', () => live.kind === 'backoff');
      expect(live.failure).to.deep.equal({ kind: 'folder', detail: 'the name is no text' });
      expect(fake.commands.join(' ')).not.to.include('DELETE');
    });
  }

  for (const name of [
    'a "quoted" one',
    'back\\slash',
    '日本',
    'paren) LOGOUT',
    '{5}',
    '%',
    '*',
    'a&b',
  ]) {
    it(`B6: a folder's name is sent as a name: ${name}`, async () => {
      (await open({ folders: [{ name: 'INBOX' }, { name }] })).start();
      await until('the answer', () => live.kind === 'backoff');
      expect(live.failure?.kind).to.equal('folder');
      const asked = fake.commands.filter((line) => line.startsWith('STATUS'));
      expect(new Set(asked).size).to.equal(1);
      expect(fake.commands.filter((line) => line.includes('BAD'))).to.deep.equal([]);
    });
  }

  const twoTokens = ['* BYE', '* OK', '* 5', '* EXISTS', '* 3 EXISTS EXISTS', '*', '+', '* BAD'];
  for (const line of twoTokens) {
    it(`B7: a line of few tokens in IDLE, ${line}, ends in a look or in back-off`, async () => {
      (await open()).start();
      await idling();
      fake.tell('INBOX', line);
      fake.arrive();
      await live.versionCount(1);
      expect(live.kind).to.equal('watching');
    });

    it(`B7: so does one in the answer to EXAMINE, ${line}`, async () => {
      await open();
      fake.faults.set('EXAMINE', says(line, '<tag> OK'));
      live.start();
      await live.backedOff();
      fake.faults.clear();
      await idling();
    });
  }

  it('B7: a goodbye in IDLE ends it at once, and the watch comes back', async () => {
    (await open()).start();
    await idling();
    fake.drop('* BYE Autologout');
    await live.backedOff();
    fake.arrive();
    await live.versionCount(1);
  });

  it('B8: thirty renewals leave one connection, one IDLE and two alarms', async () => {
    (await open({ rules: { idleMs: 10 } })).start();
    const dones = () => fake.commands.filter((line) => line === 'DONE').length;
    await until('thirty renewals', () => dones() >= 30);
    expect(fake.sessions.size).to.equal(1);
    expect(live.alarms.size).to.be.at.most(2);
    expect(fake.accepted).to.equal(1);
  });

  it('B9: an answer that is no success is never taken for one', async () => {
    await open();
    live.outcome = { kind: 'later' };
    live.start();
    await idling();
    fake.arrive();
    await until(
      'the look',
      () => fake.commands.filter((line) => line.startsWith('EXAMINE')).length > 4,
    );
    expect(live.account.progress.folders[0]?.baseline?.uidNext).to.equal(2);
    live.outcome = { kind: 'accepted' };
    await live.versionCount(1);
  });

  it('B10: a watch that breaks goes on by itself', async () => {
    const { credentials } = await open();
    live.credentials = () => Promise.reject(new Error('a bug'));
    live.start();
    await live.backedOff();
    live.credentials = credentials;
    await idling();
  });

  it('B14: a wrong password and a server in trouble are not the same', async () => {
    await open();
    fake.faults.set('AUTHENTICATE', saysGoodbye('* BYE internal error'));
    live.start();
    await live.backedOff();
    fake.faults.clear();
    fake.passwords.set('ada', 'another');
    await until('the refusal', () => live.kind === 'auth-failed');
    expect(live.stateVersions).to.have.length(1);
  });
});
