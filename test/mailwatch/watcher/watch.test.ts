import { expect } from 'chai';
import type { Credentials, MailFailure } from '../../../src/mailwatch/account.ts';
import type { MailResult } from '../../../src/mailwatch/mailbox.ts';
import { LOOK_INTERVAL_MS } from '../../../src/mailwatch/watcher/vigil.ts';
import { CUT } from './scripted-mailbox.ts';
import { ENDPOINT, HOUR_MS, PASSWORD, type RigOptions, RULES, WatchRig } from './watch-rig.ts';

const AUTH: MailFailure = { kind: 'auth', detail: 'AUTHENTICATIONFAILED' };
const OAUTH: MailFailure = { kind: 'oauth', detail: 'invalid_grant' };
const LIMITED: MailFailure = { kind: 'limited', detail: 'LIMIT' };
const TWO_FOLDERS = ['INBOX', 'Work'].map((name) => ({
  name,
  baseline: { uidValidity: 1, uidNext: 10 },
}));

describe('a watch', () => {
  let rig: WatchRig;
  const started = async (options: RigOptions = {}, before: (rig: WatchRig) => void = () => {}) => {
    rig = new WatchRig(options);
    before(rig);
    return await rig.start();
  };
  /** Of a watch that lives an hour: that hour, and one more in which its clock could have been corrected. */
  const expire = async () => {
    await rig.leap(HOUR_MS);
    await rig.leap(HOUR_MS);
  };

  afterEach(async () => {
    await rig.stop();
    rig.alarms.stop();
    expect(rig.slots).to.equal(0);
    expect(rig.mailbox.live.size).to.equal(0);
    expect(rig.clock.repeatedCount).to.equal(0);
  });

  describe('telling of mail', () => {
    it('tells at once of a single one, with the time in seconds', async () => {
      const { mailbox, clock } = await started();
      await rig.leap(HOUR_MS / 3);
      mailbox.arrive();
      await rig.flush();
      expect(rig.versions).to.deep.equal([Math.floor(clock.nowMs() / 1000)]);
      expect(rig.watch.report()).to.deep.include({
        lastVersion: rig.versions[0],
        lastNewsAtMs: clock.nowMs(),
        folders: [{ name: 'INBOX', baseline: { uidValidity: 1, uidNext: 11 } }],
      });
    });

    it('tells of what came before it began, by the baseline that it was given', async () => {
      await started({}, ({ mailbox }) => mailbox.arrive());
      expect(rig.versions).to.have.length(1);
    });

    it('takes the first look as baseline where it was given none', async () => {
      await started({ folders: [{ name: 'INBOX' }] }, ({ mailbox }) => mailbox.arrive());
      expect(rig.versions).to.deep.equal([]);
      await rig.leap(LOOK_INTERVAL_MS);
      rig.mailbox.arrive();
      await rig.flush();
      expect(rig.versions).to.have.length(1);
    });

    it('makes few versions of a thousand mails, and forgets not the last', async () => {
      await started();
      for (let mail = 0; mail < 1000; mail++) {
        rig.mailbox.arrive();
        await rig.leap(10);
      }
      await rig.pass(2 * RULES.debounceMs);
      expect(rig.versions.length).to.be.within(2, 1 + 10_000 / RULES.debounceMs + 1);
      expect(rig.account.progress.folders[0]?.baseline?.uidNext).to.equal(1010);
    });

    it('is not held up by a debounce that is over', async () => {
      await started();
      for (let count = 1; count <= 3; count++) {
        await rig.pass(RULES.debounceMs + LOOK_INTERVAL_MS);
        rig.mailbox.arrive();
        await rig.flush();
        expect(rig.versions).to.have.length(count);
      }
    });

    it('says nothing of expunges, also when fewer are there than before', async () => {
      await started();
      for (let count = 0; count < 5; count++) {
        rig.mailbox.expunge();
        await rig.pass(LOOK_INTERVAL_MS);
      }
      expect(rig.versions).to.deep.equal([]);
    });

    it('tells of a mail that has gone again before anybody looked', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.arrive();
        mailbox.expunge();
      });
      expect(rig.versions).to.have.length(1);
    });

    it('finds at the renewal of IDLE what no sign told of', async () => {
      await started();
      rig.mailbox.folder('INBOX').uidNext++;
      await rig.leap(RULES.idleMs - 1_000);
      expect(rig.versions).to.deep.equal([]);
      await rig.leap(1_000);
      expect(rig.versions).to.have.length(1);
    });

    it('finds after a reconnection what came between', async () => {
      await started();
      rig.mailbox.cut();
      rig.mailbox.arrive();
      await rig.flush();
      expect(rig.versions).to.deep.equal([]);
      await rig.leap(RULES.backoffMinMs);
      expect(rig.versions).to.have.length(1);
    });

    it('finds after a restart what came between, and tells nothing twice', async () => {
      await started({}, ({ mailbox }) => mailbox.arrive());
      await rig.restart();
      expect(rig.versions).to.have.length(1);
      await rig.watch.stop();
      rig.mailbox.arrive();
      await rig.restart();
      expect(rig.versions).to.have.length(2);
    });

    it('tells once of a folder made anew with mail in it, and not of an empty one', async () => {
      await started();
      await rig.pass(LOOK_INTERVAL_MS);
      rig.mailbox.recreate(3);
      await rig.flush();
      expect(rig.versions).to.have.length(1);
      await rig.pass(RULES.debounceMs);
      rig.mailbox.recreate(0);
      await rig.pass(RULES.debounceMs);
      expect(rig.versions).to.have.length(1);
      rig.mailbox.arrive();
      await rig.pass(RULES.debounceMs);
      expect(rig.versions).to.have.length(2);
    });

    it('never sends a lower version, though the clock steps back', async () => {
      await started();
      for (let count = 0; count < 3; count++) {
        rig.mailbox.arrive();
        await rig.pass(RULES.debounceMs);
        rig.account = { ...rig.account, notBeforeMs: 0 };
        await rig.restart({ afterMs: -HOUR_MS });
        await rig.pass(2 * RULES.debounceMs);
      }
      expect(rig.versions).to.have.length(3);
      expect([...rig.versions].sort((a, b) => a - b)).to.deep.equal(rig.versions);
      expect(new Set(rig.versions).size).to.equal(3);
    });

    for (const name of ['INBOX', 'Work']) {
      it(`looks at every folder, such as ${name}`, async () => {
        await started({ folders: TWO_FOLDERS });
        await rig.pass(LOOK_INTERVAL_MS);
        rig.mailbox.arrive(name);
        await rig.leap(RULES.pollMs * 1.1);
        expect(rig.versions).to.have.length(1);
      });
    }
  });

  describe('when the endpoint does not take the version', () => {
    it('keeps the baseline, tries again ever more slowly, and says it once', async () => {
      await started({}, (fresh) => {
        fresh.outcome = { kind: 'later' };
        fresh.mailbox.arrive();
      });
      await rig.pass(HOUR_MS, 1_000);
      expect(rig.versions).to.deep.equal([]);
      expect(rig.refusedPuts.length).to.be.within(5, 20);
      expect(rig.account.progress.folders[0]?.baseline?.uidNext).to.equal(10);
      rig.outcome = { kind: 'accepted' };
      await rig.leap(RULES.backoffMaxMs);
      expect(rig.versions).to.have.length(1);
      await rig.pass(RULES.debounceMs);
      expect(rig.versions).to.have.length(1);
    });

    it('waits as long as the endpoint asks for', async () => {
      await started({}, (fresh) => {
        fresh.outcome = { kind: 'later', retryAfterMs: 100_000 };
        fresh.mailbox.arrive();
      });
      await rig.pass(99_000);
      expect(rig.refusedPuts).to.have.length(1);
      await rig.pass(2_000);
      expect(rig.refusedPuts).to.have.length(2);
    });

    it('ends, and has the credentials erased, when the endpoint is gone', async () => {
      await started({}, (fresh) => {
        fresh.outcome = { kind: 'gone' };
        fresh.mailbox.arrive();
      });
      expect(rig.ended).to.deep.equal(['endpoint-gone']);
      expect(rig.watch.state).to.deep.equal({ kind: 'stopped', reason: 'endpoint-gone' });
      expect(rig.stateVersions).to.deep.equal([]);
    });

    it('sends no version that it cannot keep, and forgets no mail meanwhile', async () => {
      await started({}, (fresh) => {
        fresh.isStoreAway = true;
        fresh.mailbox.arrive();
      });
      await rig.pass(20_000);
      expect(rig.versions).to.deep.equal([]);
      rig.isStoreAway = false;
      await rig.pass(HOUR_MS / 2, 5_000);
      expect(rig.versions).to.have.length(1);
      expect(rig.account.progress.lastVersion).to.equal(rig.versions.at(-1));
    });
  });

  describe('its states', () => {
    it('watches where there is IDLE, and polls where there is none', async () => {
      await started();
      expect(rig.watch.state).to.deep.equal({ kind: 'watching' });
      expect(rig.watch.report().sinceMs).to.equal(rig.clock.nowMs());
      rig.mailbox.canIdle = false;
      rig.mailbox.cut();
      await rig.pass(RULES.backoffMinMs);
      expect(rig.watch.state).to.deep.equal({ kind: 'polling' });
      rig.mailbox.arrive();
      await rig.leap(1.1 * RULES.pollMs);
      expect(rig.versions).to.have.length(1);
    });

    it('waits for its turn with the pool, and no longer than it lives', async () => {
      await started({ maxPollMs: HOUR_MS }, (fresh) => {
        fresh.isPoolFull = true;
      });
      expect(rig.watch.state).to.deep.equal({ kind: 'starting' });
      await expire();
      expect(rig.ended).to.deep.equal(['expired']);
    });

    it('does not look before it may', async () => {
      const untilMs = (await started({ waitMs: 10_000 })).account.notBeforeMs;
      expect(rig.watch.state).to.deep.equal({ kind: 'deferred', untilMs });
      await rig.leap(9_000);
      expect(rig.mailbox.opened).to.equal(0);
      await rig.leap(1_000);
      expect(rig.watch.state.kind).to.equal('watching');
    });

    it('does not dial a host that is blocked, and tries no more', async () => {
      const failure: MailFailure = { kind: 'blocked', detail: 'address (loopback) is not allowed' };
      await started({}, (fresh) => {
        fresh.egress = { ok: false, failure };
      });
      await rig.pass(10 * HOUR_MS, HOUR_MS);
      expect(rig.watch.state).to.deep.equal({ kind: 'blocked-host', failure });
      expect([rig.mailbox.opened, rig.refusedCredentials.length]).to.deep.equal([0, 0]);
    });

    it('is limited when there are too many of us, slower, and it is not the password', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.refusal = LIMITED;
      });
      const { state } = rig.watch;
      const nextTryMs = rig.clock.nowMs() + 1.5 * RULES.limitedMinMs;
      expect(state).to.deep.equal({ kind: 'limited', failure: LIMITED, nextTryMs });
      rig.mailbox.refusal = undefined;
      await rig.leap(1.5 * RULES.limitedMinMs);
      expect(rig.watch.state.kind).to.equal('watching');
      expect(rig.stateVersions).to.deep.equal([]);
    });

    it('backs off further with each connection that breaks at once', async () => {
      await started();
      const waits: number[] = [];
      for (let count = 0; count < 12; count++) {
        rig.mailbox.cut();
        await rig.flush();
        const { state } = rig.watch;
        if (state.kind !== 'backoff') throw new Error(state.kind);
        waits.push(state.nextTryMs - rig.clock.nowMs());
        await rig.leap(waits.at(-1) ?? 0);
        expect(rig.watch.state.kind).to.equal('watching');
      }
      const ceilings = waits.map((_, index) => Math.min(5_000 * 2 ** index, RULES.backoffMaxMs));
      expect(waits).to.deep.equal(ceilings.map((ceilingMs) => ceilingMs / 2));
    });

    it('begins anew after a connection that was stable', async () => {
      await started();
      for (let count = 0; count < 5; count++) {
        rig.mailbox.cut();
        await rig.flush();
        await rig.leap(RULES.backoffMaxMs);
      }
      await rig.leap(RULES.stableMs);
      rig.mailbox.cut();
      await rig.flush();
      const nextTryMs = rig.clock.nowMs() + RULES.backoffMinMs / 2;
      expect(rig.watch.state).to.deep.equal({ kind: 'backoff', failure: CUT, nextTryMs });
    });

    it('goes on after a fault of ours', async () => {
      await started({}, (fresh) => {
        fresh.credentials = () => Promise.reject(new Error('a bug'));
      });
      expect(rig.watch.state.kind).to.equal('backoff');
      rig.credentials = async () => ({ ok: true, value: PASSWORD });
      await rig.pass(RULES.backoffMinMs);
      expect(rig.watch.state.kind).to.equal('watching');
    });
  });

  describe('an operator', () => {
    it('has it leave its connection, wait for its turn, and go on where it was', async () => {
      await started();
      rig.isPoolFull = true;
      rig.watch.letGo();
      await rig.flush();
      expect([rig.mailbox.live.size, rig.slots]).to.deep.equal([0, 0]);
      expect(rig.watch.state.kind).to.equal('starting');
      rig.mailbox.arrive();
      rig.isPoolFull = false;
      rig.watch.letGo();
      await rig.flush();
      expect(rig.watch.state.kind).to.equal('watching');
      expect(rig.versions).to.have.length(1);
    });

    it('has it try again at once, whatever it has failed with', async () => {
      for (const failure of [AUTH, OAUTH, LIMITED, CUT]) {
        await started({}, ({ mailbox }) => {
          mailbox.refusal = failure;
        });
        expect(rig.watch.state.kind).not.to.equal('watching');
        rig.mailbox.refusal = undefined;
        rig.watch.letGo();
        await rig.flush();
        expect(rig.watch.state.kind).not.to.equal('watching');
        rig.watch.rearm();
        await rig.flush();
        expect(rig.watch.state.kind).to.equal('watching');
        await rig.stop();
        rig.alarms.stop();
      }
    });

    it('cannot have it look while the device is awake and looks itself', async () => {
      await started({ waitMs: HOUR_MS });
      rig.watch.rearm();
      await rig.flush();
      expect([rig.watch.state.kind, rig.mailbox.opened]).to.deep.equal(['deferred', 0]);
    });
  });

  describe('a password that is refused', () => {
    it('tells the device once, and once when it is good again', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.refusal = AUTH;
      });
      expect(rig.watch.state.kind).to.equal('auth-failed');
      expect(rig.stateVersions).to.have.length(1);
      await rig.pass(5 * HOUR_MS, HOUR_MS);
      expect(rig.mailbox.opened).to.equal(6);
      expect(rig.stateVersions).to.have.length(1);
      rig.mailbox.refusal = undefined;
      await rig.leap(HOUR_MS);
      expect(rig.watch.state.kind).to.equal('watching');
      expect(rig.stateVersions).to.have.length(2);
      rig.mailbox.refusal = AUTH;
      rig.mailbox.cut();
      await rig.pass(HOUR_MS);
      expect(rig.stateVersions).to.have.length(3);
    });

    it('tells it where the news go, when the device has named no other endpoint, by a version that is no news’', async () => {
      await started({ stateEndpoint: ENDPOINT }, (fresh) => {
        fresh.mailbox.refusal = AUTH;
        fresh.outcome = { kind: 'later' };
      });
      expect(rig.versions).to.deep.equal([]);
      rig.outcome = { kind: 'accepted' };
      await rig.pass(RULES.backoffMaxMs, 1_000);
      expect(rig.versions).to.have.length(1);
      rig.mailbox.refusal = undefined;
      rig.mailbox.arrive();
      rig.watch.rearm();
      await rig.flush();
      await rig.pass(RULES.debounceMs + LOOK_INTERVAL_MS, 100);
      expect(rig.versions.length).to.be.greaterThan(1);
      const grown = [...new Set(rig.versions)].sort((one, other) => one - other);
      expect(rig.versions).to.deep.equal(grown);
    });

    it('tells it once though the backend is started anew', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.refusal = AUTH;
      });
      await rig.restart();
      await rig.restart();
      expect(rig.stateVersions).to.have.length(1);
    });

    it('tells it again and again to an endpoint that does not take it', async () => {
      await started({}, (fresh) => {
        fresh.mailbox.refusal = AUTH;
        fresh.stateOutcome = { kind: 'later' };
      });
      await rig.pass(HOUR_MS / 2, 1_000);
      expect(rig.stateVersions).to.deep.equal([]);
      rig.stateOutcome = { kind: 'accepted' };
      await rig.pass(HOUR_MS / 2, 1_000);
      expect(rig.stateVersions).to.have.length(1);
      expect(rig.mailbox.opened).to.be.at.most(2);
    });

    it('holds up no news though the endpoint for states is dead', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.refusal = AUTH;
      });
      rig.mailbox.refusal = undefined;
      rig.stateOutcome = { kind: 'later' };
      await rig.leap(HOUR_MS);
      for (let cry = 0; cry < 300; cry++) {
        rig.mailbox.expunge();
        await rig.leap(LOOK_INTERVAL_MS);
      }
      expect(rig.refusedPuts.length).to.be.within(2, 10);
      rig.outcome = { kind: 'later' };
      rig.mailbox.arrive();
      await rig.leap(LOOK_INTERVAL_MS);
      rig.outcome = { kind: 'accepted' };
      await rig.leap(RULES.backoffMinMs);
      expect(rig.versions).to.have.length(1);
    });

    it('is given up after three days, counted over restarts', async () => {
      const maxPollMs = 10 * RULES.authGiveUpMs;
      await started({ maxPollMs }, ({ mailbox }) => {
        mailbox.refusal = AUTH;
      });
      await rig.restart({ afterMs: RULES.authGiveUpMs / 2 });
      expect(rig.ended).to.deep.equal([]);
      await rig.restart({ afterMs: RULES.authGiveUpMs / 2 });
      expect(rig.ended).to.deep.equal([]);
      await rig.leap(HOUR_MS);
      expect(rig.ended).to.deep.equal(['auth-failed']);
      expect(rig.watch.state).to.deep.equal({ kind: 'stopped', reason: 'auth-failed' });
      expect(rig.stateVersions).to.have.length(2);
    });

    it('is not given up when it was good in between', async () => {
      const maxPollMs = 10 * RULES.authGiveUpMs;
      await started({ maxPollMs }, ({ mailbox }) => {
        mailbox.refusal = AUTH;
      });
      await rig.pass(RULES.authGiveUpMs / 2, HOUR_MS);
      rig.mailbox.refusal = undefined;
      await rig.leap(HOUR_MS);
      expect(rig.account.progress).not.to.have.property('authFailingSinceMs');
      rig.mailbox.refusal = AUTH;
      rig.mailbox.cut();
      await rig.pass(RULES.authGiveUpMs / 2 + HOUR_MS, HOUR_MS);
      expect(rig.ended).to.deep.equal([]);
    });

    it('is not tried sooner because the device defers', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.refusal = AUTH;
      });
      for (let count = 0; count < 10; count++) {
        const nowMs = rig.clock.nowMs();
        rig.watch.defer(nowMs + 1_000, nowMs);
        await rig.flush();
        expect(rig.watch.state.kind).to.equal('deferred');
        await rig.pass(2_000);
        expect(rig.watch.state.kind).to.equal('auth-failed');
      }
      expect(rig.mailbox.opened).to.equal(1);
    });
  });

  describe('a token', () => {
    it('that cannot be renewed needs the user, and is tried no more', async () => {
      await started({}, (fresh) => {
        fresh.credentials = async () => ({ ok: false, failure: OAUTH });
      });
      await rig.pass(5 * HOUR_MS, HOUR_MS);
      expect(rig.watch.state).to.deep.equal({ kind: 'needs-oauth', failure: OAUTH });
      expect(rig.stateVersions).to.have.length(1);
      expect(rig.refusedCredentials).to.have.length(1);
    });

    it('that the server refuses is renewed once before the user is asked', async () => {
      const token = { kind: 'oauth', username: 'ada', refreshToken: 'r', clientId: 'c' } as const;
      const credentials = { ...token, tokenEndpoint: 'https://id.example/', accessToken: 'old' };
      await started({}, (fresh) => {
        fresh.mailbox.refusal = OAUTH;
        fresh.credentials = async () => ({ ok: true, value: credentials });
      });
      expect(rig.refusedCredentials).to.deep.equal([undefined, credentials]);
      expect(rig.watch.state.kind).to.equal('needs-oauth');
    });

    it('that is about to end is replaced ahead, and no mail is lost', async () => {
      await started({}, ({ mailbox, clock }) => {
        mailbox.expiresAtMs = clock.nowMs() + HOUR_MS;
      });
      await rig.pass(HOUR_MS - RULES.renewAheadMs - 10_000, 10_000);
      expect(rig.mailbox.opened).to.equal(1);
      rig.mailbox.expiresAtMs = undefined;
      await rig.leap(10_000);
      expect([rig.mailbox.opened, rig.mailbox.closed]).to.deep.equal([2, 1]);
      rig.mailbox.arrive();
      await rig.pass(LOOK_INTERVAL_MS);
      expect(rig.versions).to.have.length(1);
      expect(rig.states).not.to.include('backoff');
    });

    it('that is as short as the lead makes no login without end', async () => {
      await started({}, ({ mailbox, clock }) => {
        mailbox.expiresAtMs = clock.nowMs() + 1_000;
      });
      await rig.pass(10 * RULES.stableMs, 1_000);
      expect(rig.mailbox.opened).to.be.at.most(12);
    });
  });

  describe('when the device defers', () => {
    const inState: readonly [string, (fresh: WatchRig) => void][] = [
      ['watching', () => {}],
      [
        'polling',
        ({ mailbox }) => {
          mailbox.canIdle = false;
        },
      ],
      [
        'backoff',
        ({ mailbox }) => {
          mailbox.refusal = CUT;
        },
      ],
      [
        'limited',
        ({ mailbox }) => {
          mailbox.refusal = LIMITED;
        },
      ],
      [
        'starting',
        (fresh) => {
          fresh.isPoolFull = true;
        },
      ],
    ];
    for (const [kind, prepare] of inState) {
      it(`while ${kind}, lets go of the connection and comes back to a working watch`, async () => {
        await started({}, prepare);
        expect(rig.watch.state.kind).to.equal(kind);
        const untilMs = rig.clock.nowMs() + 600_000;
        rig.watch.defer(untilMs, rig.clock.nowMs());
        await rig.flush();
        expect(rig.watch.state).to.deep.equal({ kind: 'deferred', untilMs });
        expect(rig.mailbox.live.size).to.equal(0);
        rig.mailbox.arrive();
        Object.assign(rig, { isPoolFull: false });
        Object.assign(rig.mailbox, { refusal: undefined, canIdle: true });
        await rig.leap(599_000);
        expect(rig.versions).to.deep.equal([]);
        await rig.leap(1_000);
        expect(rig.watch.state.kind).to.equal('watching');
        expect(rig.versions).to.have.length(1);
        for (let count = 2; count < 5; count++) {
          await rig.pass(RULES.debounceMs + LOOK_INTERVAL_MS);
          rig.mailbox.arrive();
          await rig.flush();
          expect(rig.versions).to.have.length(count);
        }
      });
    }

    it('lives as much longer', async () => {
      await started({ maxPollMs: HOUR_MS });
      await rig.leap(HOUR_MS - 1_000);
      rig.watch.defer(rig.clock.nowMs() + 1_000, rig.clock.nowMs());
      await rig.leap(HOUR_MS - 2_000);
      expect(rig.ended).to.deep.equal([]);
      await rig.leap(2_000);
      await rig.leap(HOUR_MS - 1);
      expect(rig.ended).to.deep.equal([]);
      await rig.leap(1);
      expect(rig.ended).to.deep.equal(['expired']);
    });

    it('looks earlier when the device says so', async () => {
      await started({ waitMs: 600_000 });
      rig.watch.defer(rig.clock.nowMs() + 5_000, rig.clock.nowMs());
      await rig.flush();
      await rig.leap(5_000);
      expect(rig.watch.state.kind).to.equal('watching');
    });
  });

  describe('when nothing is heard of the device', () => {
    const states: readonly [string, (fresh: WatchRig) => void][] = [
      ['watching', () => {}],
      ['needs-oauth', (fresh) => Object.assign(fresh.mailbox, { refusal: OAUTH })],
      ['limited', (fresh) => Object.assign(fresh.mailbox, { refusal: LIMITED })],
      ['deferred', (fresh) => fresh.watch.defer(fresh.clock.nowMs() + 9e9, fresh.clock.nowMs())],
      ['starting', (fresh) => Object.assign(fresh.mailbox, { isSilent: true })],
    ];
    for (const [kind, prepare] of states) {
      it(`ends while ${kind}, and tells the endpoint for states`, async () => {
        await started({ maxPollMs: HOUR_MS }, prepare);
        expect(rig.watch.state.kind).to.equal(kind);
        const before = rig.stateVersions.length;
        await expire();
        expect(rig.watch.state).to.deep.equal({ kind: 'stopped', reason: 'expired' });
        expect(rig.ended).to.deep.equal(['expired']);
        expect(rig.stateVersions).to.have.length(before + 1);
        expect(rig.versions).to.deep.equal([]);
      });
    }

    it('tries thrice to tell it, and ends all the same', async () => {
      await started({ maxPollMs: HOUR_MS }, (fresh) => {
        fresh.stateOutcome = { kind: 'later' };
      });
      await expire();
      expect(rig.ended).to.deep.equal([]);
      await rig.pass(HOUR_MS, 60_000);
      expect(rig.ended).to.deep.equal(['expired']);
      expect(rig.refusedPuts).to.have.length(3);
    });

    it('goes on when it is heard of at the last moment', async () => {
      await started({ maxPollMs: HOUR_MS }, (fresh) => {
        fresh.stateOutcome = { kind: 'later' };
      });
      await expire();
      expect(rig.watch.state).to.deep.equal({ kind: 'stopped', reason: 'expired' });
      rig.watch.defer(rig.clock.nowMs() + 1_000, rig.clock.nowMs());
      await rig.pass(HOUR_MS / 2, 60_000);
      expect(rig.ended).to.deep.equal([]);
      expect(rig.watch.state.kind).to.equal('watching');
    });

    it('has nobody to tell without an endpoint for states', async () => {
      await started({ maxPollMs: HOUR_MS });
      rig = new WatchRig({ maxPollMs: HOUR_MS });
      const { stateEndpoint: _, ...account } = rig.account;
      rig.account = account;
      await rig.restart();
      await expire();
      expect(rig.ended).to.deep.equal(['expired']);
      expect(rig.puts).to.deep.equal([]);
    });
  });

  describe('when it is stopped', () => {
    const points: readonly [string, (fresh: WatchRig) => void][] = [
      ['while it waits for the pool', (fresh) => Object.assign(fresh, { isPoolFull: true })],
      ['while it is deferred', (fresh) => fresh.watch.defer(9e15, fresh.clock.nowMs())],
      ['in back-off', ({ mailbox }) => Object.assign(mailbox, { refusal: CUT })],
      ['while the user must act', ({ mailbox }) => Object.assign(mailbox, { refusal: OAUTH })],
      ['in IDLE', () => {}],
      ['between two polls', ({ mailbox }) => Object.assign(mailbox, { canIdle: false })],
      ['while the server is silent', ({ mailbox }) => Object.assign(mailbox, { isSilent: true })],
      ['in the debounce', ({ mailbox }) => mailbox.arrive()],
      [
        'before the next try of a PUT',
        (fresh) => {
          fresh.outcome = { kind: 'later' };
          fresh.mailbox.arrive();
        },
      ],
    ];
    for (const [point, prepare] of points) {
      it(`ends ${point}, says LOGOUT where it can, and erases nothing`, async () => {
        await started({}, prepare);
        const live = rig.mailbox.live.size;
        let isStopped = false;
        void rig.watch.stop().then(() => {
          isStopped = true;
        });
        await rig.flush();
        expect(isStopped).to.equal(true);
        expect(rig.mailbox.closed).to.equal(live);
        expect(rig.ended).to.deep.equal([]);
        expect(rig.alarms.size).to.equal(0);
      });
    }

    it('is stopped when it comes back from what cannot be called off', async () => {
      let answer: (result: MailResult<Credentials>) => void = () => {};
      await started({}, (fresh) => {
        fresh.credentials = () =>
          new Promise((resolve) => {
            answer = resolve;
          });
      });
      const stopped = rig.watch.stop();
      expect(await Promise.race([stopped.then(() => 'stopped'), rig.flush()])).to.equal(undefined);
      answer({ ok: true, value: PASSWORD });
      await stopped;
      expect(rig.mailbox.live.size).to.equal(0);
    });

    it('may be stopped before it began, and twice', async () => {
      rig = new WatchRig();
      await rig.watch.stop();
      await rig.watch.stop();
      await started();
      await rig.watch.stop();
      await rig.watch.stop();
    });
  });

  it('asks a server that cries without end once a second at most', async () => {
    await started();
    const { mailbox } = rig;
    for (let cry = 0; cry < 1_000; cry++) {
      mailbox.expunge();
      mailbox.folder('INBOX').exists = 9;
      await rig.leap(10);
    }
    expect(mailbox.looks).to.be.at.most(12);
  });

  for (const { host, maxMs } of [
    { host: 'imap.mail.yahoo.com', maxMs: 180_000 },
    { host: 'imap.163.com', maxMs: 55_000 },
    { host: 'notyahoo.com', maxMs: RULES.idleMs },
  ]) {
    it(`idles for ${maxMs} ms with ${host}`, async () => {
      await started({ host });
      expect(rig.mailbox.idles).to.deep.equal([maxMs]);
    });
  }
});
