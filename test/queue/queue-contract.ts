import { expect } from 'chai';
import type { KickQueue, LeasedKick } from '../../src/queue/queue.ts';
import { RETRY_DELAY_MS_MAX } from '../../src/queue/queue.ts';
import { version } from '../storage/store-fixtures.ts';
import { kickOf, leaseNext, leaseNow, newKick } from './kick-fixtures.ts';

/** The queue under test. */
export interface QueueSubject {
  /** Leases for longer than any test takes. */
  readonly queue: KickQueue;
  /** The same queue as another process sees it, which leases for `leaseMs`. */
  readonly brief: KickQueue;
  readonly leaseMs: number;
  /** Lets time pass, or does nothing where only real time counts: what is due then is waited for. */
  pass(ms: number): void;
}

const LISTED_MAX = 100;
const HOUR_MS = 3_600_000;

/** What every driver promises: the sentences of src/queue/queue.ts. Call it once per driver, inside that driver's describe(). */
export function itKeepsTheQueueContract(open: () => Promise<QueueSubject>): void {
  let subject: QueueSubject;
  let queue: KickQueue;
  beforeEach(async () => {
    subject = await open();
    queue = subject.queue;
  });
  afterEach(async () => {
    await queue.close();
    await subject.brief.close();
  });

  const dieOf = async (reason: string, kick = newKick()): Promise<LeasedKick> => {
    await queue.enqueue(kick);
    const leased = await leaseNext(queue);
    await queue.bury(leased, reason);
    return leased;
  };

  describe('entries', () => {
    it('come out as they went in', async () => {
      const kick = newKick({ version: version(2 ** 53 - 1) });
      expect(await queue.enqueue(kick)).to.equal('queued');
      const leased = await leaseNext(queue);
      expect(kickOf(leased)).to.deep.equal(kick);
      expect(leased.attempts).to.equal(0);
    });

    it('are none in a new queue', async () => {
      expect(await leaseNow(queue)).to.deep.equal([]);
      expect(await queue.listDead(LISTED_MAX)).to.deep.equal([]);
      const nothing = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyMs: 0 };
      expect(await queue.depth()).to.deep.equal(nothing);
    });

    it('are leased up to the number that is asked for', async () => {
      await Promise.all(Array.from({ length: 5 }, () => queue.enqueue(newKick())));
      expect(await leaseNow(queue, 3)).to.have.lengthOf(3);
      expect(await leaseNow(queue, 3)).to.have.lengthOf(2);
      expect(await leaseNow(queue, 3)).to.have.lengthOf(0);
    });

    it('come in one call even when they are more than ten', async () => {
      await Promise.all(Array.from({ length: 25 }, () => queue.enqueue(newKick())));
      expect(await leaseNow(queue, 100)).to.have.lengthOf(25);
    });

    it('go to one of several who lease at once, each', async () => {
      const kicks = Array.from({ length: 100 }, () => newKick());
      await Promise.all(kicks.map((kick) => queue.enqueue(kick)));
      const leased: LeasedKick[] = [];
      await Promise.all(
        Array.from({ length: 4 }, async () => {
          for (;;) {
            const some = await leaseNow(queue, 7);
            if (some.length === 0) return;
            leased.push(...some);
          }
        }),
      );
      const devices = leased.map(({ deviceId }) => deviceId);
      expect(devices).to.have.members(kicks.map(({ deviceId }) => deviceId));
      expect(new Set(leased.map(({ id }) => id)).size).to.equal(kicks.length);
    });

    it('wake who waits for one', async () => {
      const waiting = leaseNext(queue);
      const kick = newKick();
      await queue.enqueue(kick);
      expect(kickOf(await waiting)).to.deep.equal(kick);
    });

    it('are not waited for when the signal is aborted before or meanwhile', async () => {
      const controller = new AbortController();
      const wanted = { max: 1, waitMs: HOUR_MS, signal: controller.signal };
      const waiting = queue.lease(wanted);
      controller.abort();
      expect(await waiting).to.deep.equal([]);
      expect(await queue.lease(wanted)).to.deep.equal([]);
    });
  });

  describe('a leased entry', () => {
    it('is gone when it is done', async () => {
      await queue.enqueue(newKick());
      await queue.done(await leaseNext(queue));
      expect(await queue.depth()).to.include({ ready: 0, leased: 0, delayed: 0, dead: 0 });
    });

    it('comes back when its lease has ended, with one attempt more', async () => {
      await queue.enqueue(newKick());
      const first = await leaseNext(subject.brief);
      subject.pass(subject.leaseMs);
      const second = await leaseNext(queue);
      expect(second).to.include({ deviceId: first.deviceId, id: first.id, attempts: 1 });
    });

    it('comes back after its delay, with one attempt more', async () => {
      await queue.enqueue(newKick());
      const first = await leaseNext(queue);
      await queue.retryLater(first, { delayMs: 1000, reason: 'later', isAttempt: true });
      subject.pass(1000);
      const second = await leaseNext(queue);
      expect(second).to.include({ deviceId: first.deviceId, id: first.id, attempts: 1 });
    });

    it('comes back at once without a delay, and uncounted when nobody tried', async () => {
      await queue.enqueue(newKick());
      const times = [
        { attempts: 0, isAttempt: false },
        { attempts: 0, isAttempt: true },
        { attempts: 1, isAttempt: false },
        { attempts: 1, isAttempt: true },
        { attempts: 2, isAttempt: true },
      ];
      for (const { attempts, isAttempt } of times) {
        const kick = await leaseNext(queue);
        expect(kick.attempts).to.equal(attempts);
        await queue.retryLater(kick, { delayMs: 0, reason: 'again', isAttempt });
      }
    });

    for (const delayMs of [HOUR_MS, RETRY_DELAY_MS_MAX, RETRY_DELAY_MS_MAX * 100]) {
      it(`does not come back before a delay of ${delayMs} ms`, async () => {
        await queue.enqueue(newKick());
        const retry = { delayMs, reason: 'later', isAttempt: true };
        await queue.retryLater(await leaseNext(queue), retry);
        expect(await leaseNow(queue)).to.deep.equal([]);
        const { ready, leased, delayed } = await queue.depth();
        expect([ready, leased + delayed]).to.deep.equal([0, 1]);
      });
    }

    const settlements = {
      done: (kick: LeasedKick) => subject.brief.done(kick),
      retryLater: (kick: LeasedKick) =>
        subject.brief.retryLater(kick, { delayMs: 0, reason: 'late', isAttempt: true }),
      bury: (kick: LeasedKick) => subject.brief.bury(kick, 'late'),
    };
    for (const [name, settle] of Object.entries(settlements)) {
      it(`is not touched by a ${name} of somebody whose lease has ended`, async () => {
        await queue.enqueue(newKick());
        const late = await leaseNext(subject.brief);
        subject.pass(subject.leaseMs);
        const current = await leaseNext(queue);
        await settle(late);
        expect(await queue.depth()).to.include({ ready: 0, leased: 1, delayed: 0, dead: 0 });
        await queue.done(current);
      });
    }
  });

  describe('a dead entry', () => {
    it('is kept with the reason, and leased no more', async () => {
      const kick = newKick();
      await queue.enqueue(kick);
      const retry = { delayMs: 0, reason: 'again', isAttempt: true };
      await queue.retryLater(await leaseNext(queue), retry);
      await queue.bury(await leaseNext(queue), 'BadTopic');
      expect(await leaseNow(queue)).to.deep.equal([]);
      const [dead, ...others] = await queue.listDead(LISTED_MAX);
      expect(others).to.deep.equal([]);
      expect(dead).to.include({ ...kick, attempts: 1, reason: 'BadTopic' });
      expect(dead?.diedAtMs).to.be.greaterThan(kick.storedAtMs - 10 * 365 * 24 * HOUR_MS);
      expect(await queue.depth()).to.include({ ready: 0, leased: 0, delayed: 0, dead: 1 });
    });

    it('is listed after those that died before it, up to a number', async () => {
      const died: LeasedKick[] = [];
      for (const reason of ['first', 'second', 'third']) {
        died.push(await dieOf(reason));
        subject.pass(1);
      }
      const all = await queue.listDead(LISTED_MAX);
      expect(all.map(({ reason }) => reason)).to.have.members(['first', 'second', 'third']);
      expect(await queue.listDead(2)).to.have.lengthOf(2);
      const moments = all.map(({ diedAtMs }) => diedAtMs);
      expect(moments).to.deep.equal([...moments].sort((one, other) => one - other));
    });

    const strangeReasons = ['', '\u0000\u0007\n"\\', '\ud83d', '\uffff', 'ü'.repeat(100_000)];
    for (const reason of strangeReasons) {
      it(`dies of ${JSON.stringify(reason.slice(0, 10))}, too`, async () => {
        await dieOf(reason);
        const [dead] = await queue.listDead(LISTED_MAX);
        expect(dead?.reason).to.be.a('string');
        expect(dead?.reason.length).to.be.lessThan(1000);
      });
    }

    it('is ready again when it is retried, its attempts forgotten', async () => {
      await queue.enqueue(newKick());
      const retry = { delayMs: 0, reason: 'again', isAttempt: true };
      await queue.retryLater(await leaseNext(queue), retry);
      const kick = await leaseNext(queue);
      await queue.bury(kick, 'gave up');
      const other = await dieOf('stays');
      const dead = await queue.listDead(LISTED_MAX);
      const wanted = dead.find(({ deviceId }) => deviceId === kick.deviceId);
      expect(await queue.retryDead(wanted?.id)).to.equal(1);
      const again = await leaseNext(queue);
      expect(again).to.include({ deviceId: kick.deviceId, attempts: 0 });
      const [left] = await queue.listDead(LISTED_MAX);
      expect(left?.deviceId).to.equal(other.deviceId);
    });

    it('is ready again with all others', async () => {
      await dieOf('one');
      await dieOf('two');
      expect(await queue.retryDead()).to.equal(2);
      expect(await queue.listDead(LISTED_MAX)).to.deep.equal([]);
      await leaseNext(queue);
      await leaseNext(queue);
    });

    it('is removed by a purge, alone or with all others', async () => {
      const kick = await dieOf('one');
      await dieOf('two');
      await dieOf('three');
      const dead = await queue.listDead(LISTED_MAX);
      const wanted = dead.find(({ deviceId }) => deviceId === kick.deviceId);
      expect(await queue.purgeDead(wanted?.id)).to.equal(1);
      expect(await queue.purgeDead()).to.equal(2);
      expect(await queue.purgeDead()).to.equal(0);
      expect(await leaseNow(queue)).to.deep.equal([]);
    });

    it('is not found by an id that no entry has', async () => {
      await dieOf('one');
      expect(await queue.retryDead('nothing')).to.equal(0);
      expect(await queue.purgeDead('nothing')).to.equal(0);
      expect(await queue.listDead(LISTED_MAX)).to.have.lengthOf(1);
    });
  });

  it('gives a sign of life', async () => {
    expect(await queue.check()).to.equal(undefined);
  });

  it('tells how many wait', async () => {
    await queue.enqueue(newKick());
    await queue.enqueue(newKick());
    await queue.enqueue(newKick());
    await leaseNext(queue);
    expect(await queue.depth()).to.include({ ready: 2, leased: 1, delayed: 0, dead: 0 });
  });
}
