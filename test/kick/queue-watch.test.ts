import { expect } from 'chai';
import { createKickMetrics } from '../../src/kick/kick-metrics.ts';
import { type QueueWatch, watchQueue } from '../../src/kick/queue-watch.ts';
import { type QueueDepth, QueueUnavailableError } from '../../src/queue/queue.ts';
import { HandTime, quiet } from './worker/hand-time.ts';

const DEPTH: QueueDepth = { ready: 1, leased: 2, delayed: 3, dead: 4, oldestReadyMs: 5000 };

describe('the watch over a queue', () => {
  let time: HandTime;
  let metrics: ReturnType<typeof createKickMetrics>;
  let answer: () => Promise<QueueDepth>;
  let asked: number;
  let watch: QueueWatch;

  beforeEach(() => {
    time = new HandTime();
    metrics = createKickMetrics({ count: 0 });
    asked = 0;
    answer = async () => DEPTH;
    const queue = {
      check: async () => {},
      depth: () => {
        asked += 1;
        return answer();
      },
    };
    watch = watchQueue({ queue, clock: time, metrics });
  });
  afterEach(() => watch.stop());

  it('knows nothing before the first answer, which it asks for at once', async () => {
    expect(watch.depth()).to.equal(undefined);
    expect(watch.problem()).to.equal(undefined);
    await quiet();
    expect(watch.depth()).to.deep.equal(DEPTH);
  });

  it('asks again at intervals', async () => {
    await quiet();
    answer = async () => ({ ...DEPTH, ready: 7 });
    time.tick();
    await quiet();
    expect(watch.depth()?.ready).to.equal(7);
  });

  it('asks one question at a time', async () => {
    await quiet();
    answer = () => new Promise(() => {});
    time.tick();
    await quiet();
    time.tick();
    await quiet();
    expect(asked).to.equal(2);
  });

  it('tells why the queue fails, keeps what it knew, and forgets the problem when it is over', async () => {
    await quiet();
    answer = async () => {
      throw new QueueUnavailableError('the disk is full');
    };
    time.tick();
    await quiet();
    expect(watch.problem()).to.equal('the disk is full');
    expect(watch.depth()).to.deep.equal(DEPTH);
    expect(metrics.queueErrors.depth.count).to.equal(1);
    answer = async () => DEPTH;
    time.tick();
    await quiet();
    expect(watch.problem()).to.equal(undefined);
  });

  it('asks no more when it is stopped', () => {
    watch.stop();
    expect(time.repeatedCount).to.equal(0);
  });
});
