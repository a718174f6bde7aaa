import { expect } from 'chai';
import { createHealth, type Health } from '../../src/admin/health.ts';
import { type Log, quietLog } from '../../src/log.ts';
import { createMetrics, type Metrics } from '../../src/metrics.ts';
import { HandClock } from '../storage/hand-clock.ts';

describe('health', () => {
  let clock: HandClock;
  let metrics: Metrics;
  let events: string[];
  /** What the store answers to a check. */
  let answer: () => Promise<void>;
  let checks: number;

  beforeEach(() => {
    clock = new HandClock();
    metrics = createMetrics();
    events = [];
    checks = 0;
    answer = async () => {};
  });

  const start = (): Health => {
    const log: Log = {
      ...quietLog,
      info: (_fields, event) => events.push(event),
      error: (_fields, event) => events.push(event),
    };
    const checkStore = () => {
      checks++;
      return answer();
    };
    return createHealth({ checkStore, clock, metrics, log });
  };
  /** One more check, and its answer. */
  const check = async () => {
    clock.tick();
    await new Promise(setImmediate);
  };
  const away = () => Promise.reject(new Error('the disk is full'));

  it('is not ready before the store was asked, and ready once it has answered', async () => {
    const health = start();
    expect(health.current()).to.deep.equal({
      ready: false,
      reasons: ['store: the store was not checked yet'],
    });
    await new Promise(setImmediate);
    expect(health.current()).to.deep.equal({ ready: true, reasons: [] });
    expect(health.storeProblem()).to.equal(undefined);
  });

  it('says why it is not ready while the store fails', async () => {
    const health = start();
    await check();
    answer = away;
    await check();
    expect(health.current()).to.deep.equal({
      ready: false,
      reasons: ['store: the disk is full'],
    });
    expect(health.storeProblem()).to.equal('the disk is full');
    expect(metrics.storeErrors.check.count).to.equal(1);
    answer = async () => {};
    await check();
    expect(health.current().ready).to.equal(true);
  });

  it('logs each change once, and a start without trouble not at all', async () => {
    start();
    await check();
    await check();
    expect(events).to.deep.equal([]);
    answer = away;
    await check();
    await check();
    answer = async () => {};
    await check();
    await check();
    expect(events).to.deep.equal(['store.unavailable', 'store.available']);
  });

  it('logs that the store fails from the start', async () => {
    answer = away;
    start();
    await check();
    await check();
    expect(events).to.deep.equal(['store.unavailable']);
  });

  it('does not ask again while it waits for an answer', async () => {
    let release = () => {};
    answer = () =>
      new Promise((resolve) => {
        release = resolve;
      });
    const health = start();
    await check();
    await check();
    expect(checks).to.equal(1);
    expect(health.current().ready).to.equal(false);
    release();
    await new Promise(setImmediate);
    await check();
    expect(checks).to.equal(2);
  });

  it('is not ready again once it drains', async () => {
    const health = start();
    await check();
    health.drain();
    await check();
    expect(health.current()).to.deep.equal({
      ready: false,
      reasons: ['the server is shutting down'],
    });
  });

  it('asks no more once stopped', async () => {
    const health = start();
    await check();
    health.stop();
    expect(clock.repeatedCount).to.equal(0);
  });
});
