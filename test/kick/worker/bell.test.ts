import { expect } from 'chai';
import { Bell, systemSleep } from '../../../src/kick/worker/bell.ts';
import { within } from '../../support/within.ts';
import { HandTime, quiet } from './hand-time.ts';

const WAIT_MS_MAX = 10_000;

describe('a bell', () => {
  it('lets one wait until the time is over', async () => {
    const time = new HandTime();
    let isOver = false;
    void new Bell(time.sleep).wait(1000).then(() => {
      isOver = true;
    });
    await time.pass(999);
    expect(isOver).to.equal(false);
    await time.pass(1);
    expect(isOver).to.equal(true);
  });

  it('ends the wait when it rings', async () => {
    const bell = new Bell(new HandTime().sleep);
    const wait = bell.wait(1000);
    bell.ring();
    await wait;
  });

  it('is not heard by whoever waits later', async () => {
    const bell = new Bell(new HandTime().sleep);
    bell.ring();
    let isOver = false;
    void bell.wait(1000).then(() => {
      isOver = true;
    });
    await quiet();
    expect(isOver).to.equal(false);
  });
});

describe('a sleep by the system', () => {
  const wanted = { wanted: 'the end of a sleep', waitMsMax: WAIT_MS_MAX };

  it('ends by itself', async () => {
    const before = performance.now();
    // The timer does not keep the process alive; the one of the deadline does.
    await within(systemSleep(20, new AbortController().signal), wanted);
    // Timers may be up to a millisecond early.
    expect(performance.now() - before).to.be.at.least(19);
  });

  it('ends at once when it is aborted, before or meanwhile', async () => {
    const controller = new AbortController();
    const sleep = systemSleep(1_000_000, controller.signal);
    controller.abort();
    await within(sleep, wanted);
    await within(systemSleep(1_000_000, controller.signal), wanted);
  });
});
