import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { Alarms } from '../../../src/mailwatch/watcher/alarms.ts';
import { HandClock } from '../../storage/hand-clock.ts';

describe('alarms', () => {
  const NEVER = new AbortController().signal;
  let clock: HandClock;
  let alarms: Alarms;

  beforeEach(() => {
    clock = new HandClock();
    alarms = new Alarms(clock);
  });
  afterEach(() => alarms.stop());

  const rung = (waitMs: number, signal = NEVER) => {
    const alarm = { isRung: false };
    void alarms.wait(waitMs, signal).then(() => {
      alarm.isRung = true;
    });
    return alarm;
  };
  const passMs = async (ms: number) => {
    clock.moveMs(ms);
    clock.tick();
    await new Promise((resolve) => setImmediate(resolve));
  };

  it('ring when they are due, and not before', async () => {
    const [early, late] = [rung(1_000), rung(1_001)];
    await passMs(999);
    expect([early.isRung, late.isRung]).to.deep.equal([false, false]);
    await passMs(1);
    expect([early.isRung, late.isRung]).to.deep.equal([true, false]);
    await passMs(1);
    expect(late.isRung).to.equal(true);
    expect(alarms.size).to.equal(0);
  });

  for (const waitMs of [0, -1, Number.NEGATIVE_INFINITY]) {
    it(`ring at once after ${waitMs} ms`, () => alarms.wait(waitMs, NEVER));
  }

  it('ring never after an infinite time, but when they are called off', async () => {
    const off = new AbortController();
    const alarm = rung(Number.POSITIVE_INFINITY, off.signal);
    await passMs(1e12);
    expect(alarm.isRung).to.equal(false);
    off.abort();
    await passMs(0);
    expect(alarm.isRung).to.equal(true);
    expect(alarms.size).to.equal(0);
  });

  it('ring at once when they were called off before', () =>
    alarms.wait(1_000, AbortSignal.abort()));

  it('leave no listener behind', async () => {
    const { signal } = new AbortController();
    for (let count = 0; count < 5; count++) {
      rung(10, signal);
      await passMs(10);
    }
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('let everybody go when they stop, and end their timer', async () => {
    const all = [rung(1_000), rung(Number.POSITIVE_INFINITY)];
    alarms.stop();
    await passMs(0);
    expect(all.map(({ isRung }) => isRung)).to.deep.equal([true, true]);
    expect(clock.repeatedCount).to.equal(0);
  });
});
