import { expect } from 'chai';
import type { EasWatch } from '../../../src/mailwatch/activesync/eas-watch.ts';
import type { ExchangeLocation } from '../../../src/mailwatch/activesync/location.ts';
import { RETRY_AFTER_MS_MAX } from '../../../src/mailwatch/activesync/patience.ts';
import { MOVES_MAX } from '../../../src/mailwatch/activesync/whereabouts.ts';
import { EasRig, HOUR_MS, NEWS, QUIET, RULES } from './eas-rig.ts';
import { PATH, TOKEN } from './exchanges.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

function kindOf(watch: EasWatch): string {
  return watch.state.kind;
}

describe('the watch of an ActiveSync account', () => {
  let rig: EasRig;

  beforeEach(() => {
    rig = new EasRig();
  });
  afterEach(async () => {
    await rig.stop();
    expect(rig.slots).to.equal(0);
    expect(rig.alarms.size).to.equal(0);
    rig.alarms.stop();
  });

  it('asks, and asks again after each quiet answer, one question at a time', async () => {
    await rig.start();
    expect(kindOf(rig.watch)).to.equal('watching');
    const { sinceMs } = rig.watch.report();
    for (let round = 1; round <= 5; round++) {
      expect(rig.asks).to.have.length(round);
      await rig.answer(QUIET);
    }
    expect(rig.watch.report().sinceMs).to.equal(sinceMs);
    expect(rig.slotsMax).to.equal(1);
    expect(rig.versions).to.deep.equal([]);
    expect(rig.asks[0]).to.deep.include({
      location: { host: 'eas.example', port: 443, path: PATH },
      address: '192.0.2.1',
    });
  });

  it('asks again at once when the operator has mended what it failed with', async () => {
    await rig.start();
    await rig.fail('auth');
    expect(kindOf(rig.watch)).to.equal('auth-failed');
    rig.watch.letGo();
    await rig.flush();
    expect(rig.asks).to.have.length(1);
    rig.watch.rearm();
    await rig.flush();
    expect(rig.asks).to.have.length(2);
    await rig.answer(NEWS);
    expect(rig.versions).to.have.length(1);
  });

  it('tells of the mail that comes after days of quiet (Pinger B3)', async () => {
    await rig.start();
    for (let round = 0; round < 280; round++) await rig.answer(QUIET);
    await rig.answer(NEWS, { afterMs: 10 });
    expect(rig.versions).to.have.length(1);
  });

  it('tells once, and rests until it hears of the device', async () => {
    await rig.start();
    await rig.answer(NEWS);
    expect(rig.versions).to.have.length(1);
    const report = rig.watch.report();
    expect(report.state).to.deep.equal({
      kind: 'deferred',
      untilMs: rig.account.seenAtMs + rig.account.maxPollMs,
    });
    expect(report).to.include({ lastVersion: rig.versions[0], lastNewsAtMs: rig.clock.nowMs() });
    expect(report.folders).to.deep.equal([]);
    await rig.leap(20 * HOUR_MS);
    expect(rig.asks).to.have.length(1);
    await rig.defer(60 * SECOND_MS);
    expect(rig.watch.state).to.deep.equal({
      kind: 'deferred',
      untilMs: rig.clock.nowMs() + 60 * SECOND_MS,
    });
    await rig.leap(60 * SECOND_MS);
    expect(rig.asks).to.have.length(2);
    await rig.answer(NEWS);
    expect(rig.versions).to.have.length(2);
    expect(rig.versions[1]).to.be.greaterThan(rig.versions[0] ?? 0);
  });

  it('neither repeats nor loses over a restart what it has told', async () => {
    await rig.start();
    await rig.answer(NEWS);
    await rig.restart();
    expect(kindOf(rig.watch)).to.equal('deferred');
    await rig.leap(HOUR_MS);
    expect(rig.asks).to.have.length(1);
    expect(rig.versions).to.have.length(1);
    // The device's word outlasts the process that has heard it.
    await rig.defer(10 * SECOND_MS);
    await rig.restart();
    await rig.leap(10 * SECOND_MS);
    expect(rig.asks).to.have.length(2);
    await rig.answer(NEWS);
    expect(rig.versions).to.have.length(2);
  });

  it('asks again after a restart when nothing was told', async () => {
    await rig.start();
    await rig.answer(QUIET);
    await rig.restart();
    expect(rig.isAsking).to.equal(true);
    await rig.answer(NEWS);
    expect(rig.versions).to.have.length(1);
  });

  it('hears the device although the machine’s clock was set back', async () => {
    await rig.start();
    await rig.answer(NEWS);
    rig.clock.moveMs(-HOUR_MS);
    await rig.defer(0);
    expect(rig.isAsking).to.equal(true);
  });

  it('tells nothing that it cannot keep, and forgets it not', async () => {
    await rig.start();
    rig.isStoreAway = true;
    await rig.answer(NEWS);
    expect(rig.versions).to.have.length(0);
    rig.isStoreAway = false;
    await rig.leap(RULES.backoffMinMs);
    expect(rig.versions).to.have.length(1);
    expect(kindOf(rig.watch)).to.equal('deferred');
    expect(rig.asks).to.have.length(1);
  });

  it('tries a failed PUT again with growing waits, and does not ask the mail server meanwhile', async () => {
    await rig.start();
    rig.outcome = { kind: 'later' };
    await rig.answer(NEWS);
    for (let tries = 2; tries <= 6; tries++) {
      await rig.leap(RULES.backoffMinMs * 2 ** tries);
      expect(rig.refusedPuts).to.equal(tries);
    }
    rig.outcome = { kind: 'accepted' };
    await rig.leap(HOUR_MS);
    expect(rig.versions).to.have.length(1);
    expect(rig.asks).to.have.length(1);
  });

  it('gives every try of one news the same id, and the news of the device’s next word another', async () => {
    await rig.start();
    rig.outcome = { kind: 'later' };
    await rig.answer(NEWS);
    await rig.leap(HOUR_MS);
    await rig.defer(0);
    rig.outcome = { kind: 'accepted' };
    await rig.answer(NEWS);
    const [first, again, next, ...more] = rig.requestIds;
    expect(again).to.equal(first).and.not.to.equal(undefined);
    expect(next).not.to.equal(first);
    expect(more).to.deep.equal([]);
    expect(rig.metrics.found.counts.reduce((sum, count) => sum + count)).to.equal(2);
    expect(rig.metrics.told.counts.reduce((sum, count) => sum + count)).to.equal(1);
  });

  it('waits with the next PUT as long as the push server asks for', async () => {
    await rig.start();
    rig.outcome = { kind: 'later', retryAfterMs: 600_000 };
    await rig.answer(NEWS);
    await rig.leap(599_000);
    expect(rig.refusedPuts).to.equal(1);
    await rig.leap(1_000);
    expect(rig.refusedPuts).to.equal(2);
  });

  it('asks anew when the device has spoken before it could be told', async () => {
    await rig.start();
    rig.outcome = { kind: 'later' };
    await rig.answer(NEWS);
    rig.outcome = { kind: 'accepted' };
    await rig.leap(1);
    await rig.defer(30 * SECOND_MS);
    await rig.leap(30 * SECOND_MS);
    expect(rig.versions).to.deep.equal([]);
    expect(rig.isAsking).to.equal(true);
  });

  it('ends when the endpoint is gone', async () => {
    await rig.start();
    rig.outcome = { kind: 'gone' };
    await rig.answer(NEWS);
    expect(rig.ended).to.deep.equal(['endpoint-gone']);
  });

  it('lets go of the question while the device is awake, and forgets its answer', async () => {
    await rig.start();
    await rig.leap(1);
    await rig.defer(60 * SECOND_MS);
    expect(rig.isAsking).to.equal(false);
    expect(rig.slots).to.equal(0);
    expect(kindOf(rig.watch)).to.equal('deferred');
    await rig.leap(60 * SECOND_MS);
    expect(rig.isAsking).to.equal(true);
    expect(rig.stateVersions).to.deep.equal([]);
  });

  it('asks anew at once after a word of a device that wants no wait', async () => {
    await rig.start();
    await rig.leap(1);
    await rig.defer(0);
    expect(rig.asks).to.have.length(2);
    expect(kindOf(rig.watch)).to.equal('watching');
  });

  it('expires in the middle of a question, and says so', async () => {
    rig = new EasRig({ maxPollMs: 300_000 });
    await rig.start();
    await rig.leap(300_000);
    await rig.leap(300_000 - 1);
    expect(rig.ended).to.deep.equal([]);
    expect(rig.isAsking).to.equal(true);
    await rig.leap(1);
    expect(rig.ended).to.deep.equal(['expired']);
    expect(rig.stateVersions).to.have.length(1);
    expect(rig.isAsking).to.equal(false);
  });

  it('expires while it rests, when the device never comes back', async () => {
    rig = new EasRig({ maxPollMs: DAY_MS });
    await rig.start();
    await rig.answer(NEWS);
    await rig.leap(DAY_MS);
    await rig.leap(HOUR_MS);
    expect(rig.ended).to.deep.equal(['expired']);
    expect(rig.versions).to.have.length(1);
  });

  it('waits longer and longer for a server that answers too soon, up to ten minutes', async () => {
    await rig.start();
    const waits: number[] = [];
    for (let round = 0; round < 11; round++) {
      await rig.answer(QUIET, { afterMs: 0 });
      const { state } = rig.watch;
      if (state.kind !== 'backoff') throw new Error(state.kind);
      expect(state.failure.kind).to.equal('protocol');
      waits.push(state.nextTryMs - rig.clock.nowMs());
      await rig.leap(state.nextTryMs - rig.clock.nowMs());
    }
    const seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300];
    expect(waits).to.deep.equal(seconds.map((wait) => wait * SECOND_MS));
    // One that has waited ends the row.
    await rig.answer(QUIET, { afterMs: 150_000 });
    expect(rig.isAsking).to.equal(true);
    await rig.answer(QUIET, { afterMs: 149_999 });
    expect(rig.watch.state).to.include({ kind: 'backoff', nextTryMs: rig.clock.nowMs() + 1_000 });
  });

  it('is patient again after news', async () => {
    await rig.start();
    await rig.answer(QUIET, { afterMs: 0 });
    await rig.leap(HOUR_MS);
    await rig.answer(NEWS, { afterMs: 0 });
    await rig.defer(0);
    await rig.answer(QUIET, { afterMs: 0 });
    expect(rig.watch.state).to.include({ kind: 'backoff', nextTryMs: rig.clock.nowMs() + 1_000 });
  });

  it('tells news at once, however soon they come', async () => {
    await rig.start();
    await rig.answer(NEWS, { afterMs: 0 });
    expect(rig.versions).to.have.length(1);
  });

  it('tries a refused password once an hour, tells of it once, and gives up after days', async () => {
    await rig.start();
    await rig.fail('auth');
    for (let hours = 1; hours <= 72; hours++) {
      expect(kindOf(rig.watch)).to.equal('auth-failed');
      await rig.leap(HOUR_MS - SECOND_MS);
      expect(rig.asks).to.have.length(hours);
      await rig.leap(SECOND_MS);
      await rig.fail('auth');
    }
    expect(rig.stateVersions).to.have.length(1);
    expect(rig.ended).to.deep.equal([]);
    await rig.leap(HOUR_MS);
    await rig.fail('auth');
    expect(rig.ended).to.deep.equal(['auth-failed']);
    expect(rig.stateVersions).to.have.length(2);
  });

  it('knows after a restart since when the password is refused', async () => {
    await rig.start();
    await rig.fail('auth');
    await rig.leap(RULES.authGiveUpMs - SECOND_MS);
    await rig.restart();
    await rig.fail('auth');
    expect(rig.ended).to.deep.equal([]);
    await rig.leap(HOUR_MS);
    await rig.fail('auth');
    expect(rig.ended).to.deep.equal(['auth-failed']);
  });

  it('says when the password is taken again', async () => {
    await rig.start();
    await rig.fail('auth');
    await rig.leap(HOUR_MS);
    await rig.answer(QUIET);
    expect(rig.stateVersions).to.have.length(2);
    expect(rig.account.progress).not.to.have.property('authFailingSinceMs');
    expect(kindOf(rig.watch)).to.equal('watching');
  });

  it('fetches another token once when one is refused, and needs consent when that is refused too', async () => {
    rig.credentials = async () => ({ ok: true, value: TOKEN });
    await rig.start();
    await rig.fail('oauth');
    expect(rig.refusedCredentials).to.deep.equal([TOKEN]);
    expect(rig.isAsking).to.equal(true);
    await rig.fail('oauth');
    expect(kindOf(rig.watch)).to.equal('needs-oauth');
    expect(rig.stateVersions).to.have.length(1);
    await rig.leap(30 * HOUR_MS);
    expect(rig.asks).to.have.length(2);
  });

  it('waits as long as an overloaded server asks for, and no longer than an hour', async () => {
    await rig.start();
    await rig.fail('limited', 300_000);
    expect(rig.watch.state).to.include({
      kind: 'limited',
      nextTryMs: rig.clock.nowMs() + 300_000,
    });
    await rig.leap(300_000);
    await rig.fail('limited', RETRY_AFTER_MS_MAX);
    expect(rig.watch.state).to.include({ nextTryMs: rig.clock.nowMs() + HOUR_MS });
    await rig.leap(HOUR_MS);
    await rig.fail('limited', RETRY_AFTER_MS_MAX + 1);
    expect(rig.watch.state).to.include({ nextTryMs: rig.clock.nowMs() + HOUR_MS });
    await rig.leap(HOUR_MS);
    // A server that asks for nothing is not asked at once.
    await rig.fail('limited', 0);
    const { state } = rig.watch;
    if (state.kind !== 'limited') throw new Error(state.kind);
    expect(state.nextTryMs).to.be.at.least(rig.clock.nowMs() + RULES.limitedMinMs);
  });

  it('backs off further with each failure in a row, and starts anew after a question that hung', async () => {
    await rig.start();
    for (const ceilingMs of [5_000, 10_000, 20_000, 40_000]) {
      await rig.fail('network');
      expect(rig.watch.state).to.include({
        kind: 'backoff',
        nextTryMs: rig.clock.nowMs() + ceilingMs / 2,
      });
      await rig.leap(ceilingMs / 2);
    }
    const failure = { kind: 'network', detail: 'ECONNRESET' } as const;
    await rig.answer({ kind: 'failed', failure }, { afterMs: RULES.stableMs });
    expect(rig.watch.state).to.include({ nextTryMs: rig.clock.nowMs() + 2_500 });
  });

  it('asks nobody whom the guard does not let it', async () => {
    const failure = { kind: 'blocked', detail: 'address (private) is not allowed' } as const;
    rig.egress = () => ({ ok: false, failure });
    await rig.start();
    expect(rig.watch.state).to.deep.equal({ kind: 'blocked-host', failure });
    expect(rig.asks).to.have.length(0);
  });

  describe('sent elsewhere', () => {
    const to = (name: string): ExchangeLocation => ({
      host: `${name}.example`,
      port: 443,
      path: PATH,
    });
    const hosts = () => rig.asks.map(({ location }) => location.host);
    const move = (name: string) => rig.answer({ kind: 'moved', to: to(name) }, { afterMs: 100 });

    it('goes there past the guard, and stays there until a restart', async () => {
      await rig.start();
      await move('eas2');
      await rig.answer(QUIET);
      expect(hosts()).to.deep.equal(['eas.example', 'eas2.example', 'eas2.example']);
      expect(rig.guarded).to.deep.equal([
        'eas.example:443',
        'eas2.example:443',
        'eas2.example:443',
      ]);
      await rig.restart();
      expect(hosts().at(-1)).to.equal('eas.example');
    });

    it('does not go where the guard does not let it', async () => {
      const failure = { kind: 'blocked', detail: 'address (loopback) is not allowed' } as const;
      rig.egress = (host) =>
        host === 'eas.example' ? { ok: true, address: '192.0.2.1' } : { ok: false, failure };
      await rig.start();
      await move('internal');
      expect(rig.watch.state).to.deep.equal({ kind: 'blocked-host', failure });
      expect(hosts()).to.deep.equal(['eas.example']);
    });

    it('follows so many times in a row, and not once more', async () => {
      await rig.start();
      for (let moves = 1; moves <= MOVES_MAX; moves++) await move(`eas${moves}`);
      expect(rig.isAsking).to.equal(true);
      expect(hosts()).to.have.length(MOVES_MAX + 1);
      await move('once-more');
      expect(rig.watch.state).to.have.nested.property('failure.detail', 'HTTP 451 too often');
      await rig.leap(10_000);
      expect(hosts().at(-1)).to.equal('eas.example');
    });

    it('counts only those in a row', async () => {
      await rig.start();
      for (let moves = 1; moves <= MOVES_MAX * 2; moves++) {
        await move(`eas${moves}`);
        await rig.answer(QUIET);
      }
      expect(rig.isAsking).to.equal(true);
    });

    it('asks the server that the device has named when the other is lost', async () => {
      await rig.start();
      await move('eas2');
      await rig.fail('limited');
      await rig.leap(HOUR_MS);
      expect(hosts().at(-1)).to.equal('eas2.example');
      await rig.fail('network');
      await rig.leap(HOUR_MS);
      expect(hosts().at(-1)).to.equal('eas.example');
    });
  });
});
