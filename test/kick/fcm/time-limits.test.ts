import { expect } from 'chai';
import { TimeLimits } from '../../../src/kick/fcm/time-limits.ts';
import { HandClock } from '../../storage/hand-clock.ts';

/** Work that ends when it is aborted. */
function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve('aborted');
    signal.addEventListener('abort', () => resolve('aborted'));
  });
}

describe('A time limit', () => {
  let clock: HandClock;
  let limits: TimeLimits;

  beforeEach(() => {
    clock = new HandClock();
    limits = new TimeLimits(clock);
  });

  it('aborts work that is not done in its time, and no earlier', async () => {
    const { signal } = new AbortController();
    let isOver = false;
    const work = limits.run({ signal, endsAtMs: clock.monotonicMs() + 1000 }, untilAborted);
    void work.then(() => {
      isOver = true;
    });
    clock.moveMs(999);
    clock.tick();
    await new Promise(setImmediate);
    expect(isOver).to.equal(false);
    clock.moveMs(1);
    clock.tick();
    expect(await work).to.equal('aborted');
    expect(signal.aborted).to.equal(false);
  });

  it("aborts work with the caller's signal", async () => {
    const controller = new AbortController();
    const work = limits.run({ signal: controller.signal, endsAtMs: 1000 }, untilAborted);
    controller.abort();
    expect(await work).to.equal('aborted');
    const late = limits.run({ signal: controller.signal, endsAtMs: 1000 }, untilAborted);
    expect(await late).to.equal('aborted');
  });

  it('aborts all work when it is told to, and asks the clock only while there is some', async () => {
    const { signal } = new AbortController();
    expect(clock.repeatedCount).to.equal(0);
    const works = [1, 2].map(() => limits.run({ signal, endsAtMs: 1000 }, untilAborted));
    expect(clock.repeatedCount).to.equal(1);
    limits.abortAll();
    expect(await Promise.all(works)).to.deep.equal(['aborted', 'aborted']);
    expect(clock.repeatedCount).to.equal(0);
  });

  it('passes on what the work resolves to and what it fails with', async () => {
    const { signal } = new AbortController();
    expect(await limits.run({ signal, endsAtMs: 1000 }, async () => 7)).to.equal(7);
    const failure = await limits
      .run({ signal, endsAtMs: 1000 }, () => Promise.reject(new Error('no')))
      .catch((error: Error) => error.message);
    expect(failure).to.equal('no');
  });
});
