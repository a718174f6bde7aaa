import { expect } from 'chai';
import { LOOK_INTERVAL_MS } from '../../../src/mailwatch/watcher/vigil.ts';
import type { Histogram } from '../../../src/metrics.ts';
import { parseRequestId } from '../../../src/protocol/ids.ts';
import { HOUR_MS, type RigOptions, RULES, WatchRig } from './watch-rig.ts';

/** How often, and how long in all. */
function observed({ counts, sumMs }: Histogram): { count: number; sumMs: number } {
  return { count: counts.reduce((sum, count) => sum + count, 0), sumMs };
}

describe('the trace of news', () => {
  let rig: WatchRig;

  const started = async (options: RigOptions = {}, before: (rig: WatchRig) => void = () => {}) => {
    rig = new WatchRig(options);
    before(rig);
    await rig.start();
  };
  const linesOf = (event: string) =>
    rig.lines.map((line) => Object(line)).filter((line) => line.event === event);

  afterEach(async () => {
    await rig.stop();
    rig.alarms.stop();
  });

  describe('its id', () => {
    const arrive = async () => {
      rig.mailbox.arrive();
      await rig.pass(RULES.debounceMs + LOOK_INTERVAL_MS);
    };

    it('is one that the push side takes, and another for each news', async () => {
      await started();
      for (let count = 0; count < 3; count++) await arrive();
      const ids = rig.puts.map(({ requestId }) => requestId);
      expect(ids).to.have.length(3);
      expect(new Set(ids).size).to.equal(3);
      for (const id of ids) expect(parseRequestId(id)).to.equal(id);
    });

    it('is the same for every try of one news, over reconnections too, and another for the next', async () => {
      await started();
      rig.outcome = { kind: 'later' };
      await arrive();
      await rig.leap(HOUR_MS);
      rig.mailbox.cut();
      await rig.leap(HOUR_MS);
      rig.mailbox.arrive();
      await rig.leap(HOUR_MS);
      rig.outcome = { kind: 'accepted' };
      await rig.leap(HOUR_MS);
      await arrive();
      const tried = rig.refusedPuts.map(({ requestId }) => requestId);
      expect(tried.length).to.be.greaterThan(2);
      const [first, next, ...more] = rig.puts.map(({ requestId }) => requestId);
      expect(new Set([...tried, first]).size).to.equal(1);
      expect(next).not.to.equal(first);
      expect(more).to.deep.equal([]);
    });

    it('stays when what was told could not be kept, since it is told again', async () => {
      await started();
      const { notify } = rig;
      rig.notify = async (...put) => {
        rig.isStoreAway = rig.puts.length === 0;
        return await notify(...put);
      };
      await arrive();
      rig.isStoreAway = false;
      await rig.leap(HOUR_MS);
      const [first, second, ...more] = rig.puts.map(({ requestId }) => requestId);
      expect(second).to.equal(first).and.not.to.equal(undefined);
      expect(more).to.deep.equal([]);
    });

    it('is another one after the device was heard of: it has looked itself', async () => {
      await started();
      rig.outcome = { kind: 'later' };
      await arrive();
      const [tried] = rig.refusedPuts.map(({ requestId }) => requestId);
      rig.outcome = { kind: 'accepted' };
      const nowMs = rig.clock.nowMs();
      rig.watch.defer(nowMs + HOUR_MS, nowMs);
      await rig.flush();
      await rig.leap(HOUR_MS);
      expect(rig.puts).to.have.length(1);
      expect(rig.puts[0]?.requestId).not.to.equal(tried);
      expect(linesOf('mail.news.told').at(-1)).to.deep.include({ tries: 1, sign: 'login' });
    });

    it('is one of its own for what the user must act on', async () => {
      await started({}, ({ mailbox }) => {
        mailbox.refusal = { kind: 'auth', detail: 'AUTHENTICATIONFAILED' };
      });
      const [put, ...more] = rig.puts;
      expect(more).to.deep.equal([]);
      expect(linesOf('mail.state.told')).to.deep.equal([
        {
          event: 'mail.state.told',
          account: rig.account.id,
          requestId: put?.requestId,
          attention: 'auth-failed',
          version: put?.version,
          outcome: 'accepted',
        },
      ]);
    });
  });

  describe('its stages', () => {
    it('are measured from EXISTS to the look, and from the look to the answer of the endpoint', async () => {
      await started();
      await rig.pass(LOOK_INTERVAL_MS);
      rig.mailbox.lookMs = 40;
      rig.putMs = 7;
      rig.mailbox.arrive();
      await rig.flush();
      expect(linesOf('mail.news.told')).to.deep.equal([
        {
          event: 'mail.news.told',
          account: rig.account.id,
          requestId: rig.puts[0]?.requestId,
          version: rig.puts[0]?.version,
          outcome: 'accepted',
          sign: 'exists',
          foundMs: 40,
          toldMs: 7,
          tries: 1,
        },
      ]);
      expect(observed(rig.metrics.found)).to.deep.equal({ count: 1, sumMs: 40 });
      expect(observed(rig.metrics.told)).to.deep.equal({ count: 1, sumMs: 7 });
    });

    it('begin with the EXISTS that came while the watch was waiting for something else', async () => {
      await started({}, ({ mailbox }) => mailbox.arrive());
      rig.mailbox.arrive();
      await rig.leap(RULES.debounceMs);
      expect(linesOf('mail.news.told').map(({ sign, foundMs }) => [sign, foundMs])).to.deep.equal([
        ['login', 0],
        ['exists', RULES.debounceMs],
      ]);
    });

    const begins: readonly {
      readonly sign: string;
      readonly options?: RigOptions;
      readonly before?: (rig: WatchRig) => void;
      readonly cause: () => Promise<void>;
    }[] = [
      {
        sign: 'login',
        before: ({ mailbox }) => {
          mailbox.arrive();
          mailbox.lookMs = 40;
        },
        cause: async () => {},
      },
      {
        sign: 'time',
        cause: async () => {
          rig.mailbox.lookMs = 40;
          rig.mailbox.folder('INBOX').uidNext++;
          await rig.leap(RULES.idleMs);
        },
      },
      {
        sign: 'time',
        before: ({ mailbox }) => {
          mailbox.canIdle = false;
        },
        cause: async () => {
          rig.mailbox.lookMs = 40;
          rig.mailbox.folder('INBOX').uidNext++;
          await rig.leap(2 * RULES.pollMs);
        },
      },
    ];
    for (const { sign, before, cause } of begins) {
      const how = before === undefined ? 'the renewal of IDLE' : sign === 'login' ? sign : 'a poll';
      it(`begin with ${how} where that made the watch look`, async () => {
        await started({}, before);
        await cause();
        const [line] = linesOf('mail.news.told');
        expect(line).to.deep.include({ sign, foundMs: 40, tries: 1 });
        expect(observed(rig.metrics.found)).to.deep.equal({ count: 1, sumMs: 40 });
      });
    }

    it('count the tries in between, and observe news once', async () => {
      await started();
      rig.outcome = { kind: 'later' };
      rig.mailbox.arrive();
      await rig.pass(LOOK_INTERVAL_MS);
      const foundAtMs = rig.clock.nowMs();
      await rig.leap(HOUR_MS);
      rig.outcome = { kind: 'accepted' };
      await rig.leap(HOUR_MS);
      const lines = linesOf('mail.news.told');
      expect(lines.map(({ tries, outcome }) => [tries, outcome])).to.deep.equal([
        [1, 'later'],
        [2, 'later'],
        [3, 'accepted'],
      ]);
      expect(lines.at(-1).toldMs).to.be.within(2 * HOUR_MS, rig.clock.nowMs() - foundAtMs + 1_000);
      expect(observed(rig.metrics.found).count).to.equal(1);
      expect(observed(rig.metrics.told)).to.deep.equal({ count: 1, sumMs: lines.at(-1).toldMs });
    });

    it('are measured of no look without news', async () => {
      await started();
      rig.mailbox.expunge();
      await rig.pass(2 * RULES.idleMs, RULES.idleMs);
      expect(observed(rig.metrics.found).count).to.equal(0);
      expect(rig.lines).to.deep.equal([]);
    });
  });

  it('counts looks and news by what made the watch look', async () => {
    await started({}, ({ mailbox }) => mailbox.arrive());
    await rig.pass(RULES.debounceMs + LOOK_INTERVAL_MS);
    rig.mailbox.arrive();
    await rig.pass(RULES.debounceMs + LOOK_INTERVAL_MS);
    const { looks, news } = rig.metrics;
    const { time } = looks;
    expect([looks.login.count, looks.exists.count]).to.deep.equal([1, 1]);
    expect([news.login.count, news.exists.count, news.time.count]).to.deep.equal([1, 1, 0]);
    const before = time.count;
    await rig.leap(RULES.idleMs);
    expect(time.count - before).to.equal(1);
    expect(news.time.count).to.equal(0);
  });

  it('tells neither endpoint, host, user, password nor folder', async () => {
    const folders = [{ name: 'canary-folder', baseline: { uidValidity: 1, uidNext: 10 } }];
    await started({ folders, host: 'canary-host.example' });
    rig.credentials = async () => ({
      ok: true,
      value: { kind: 'password', username: 'canary-user', password: 'canary-password' },
    });
    rig.outcome = { kind: 'later' };
    rig.mailbox.cut();
    rig.mailbox.arrive('canary-folder');
    await rig.pass(RULES.backoffMaxMs, RULES.backoffMinMs);
    rig.outcome = { kind: 'gone' };
    await rig.leap(HOUR_MS);
    expect(linesOf('mail.news.told').map(({ outcome }) => outcome)).to.include.members([
      'later',
      'gone',
    ]);
    expect(JSON.stringify(rig.lines)).not.to.match(/canary|push\.test|update/);
  });
});
