import { expect } from 'chai';
import { QueueUnavailableError } from '../../src/queue/queue.ts';
import { InHand } from '../../src/queue/spool/in-hand.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { outcomeOf } from './kick-fixtures.ts';

const LIMITS = { worksMax: 2, timeoutMs: 1000 };

describe('what waits for the disk', () => {
  let clock: HandClock;
  let inHand: InHand;
  let answer: () => void;
  beforeEach(() => {
    clock = new HandClock();
    inHand = new InHand({ ...LIMITS, clock });
  });

  /** Something that the disk answers when the test says so. */
  const begin = () =>
    outcomeOf(
      inHand.run(
        () =>
          new Promise<string>((resolve) => {
            answer = () => resolve('answered');
          }),
      ),
    );

  it('is refused when as many wait as may, and taken again when one was answered', async () => {
    const first = begin();
    const answerFirst = answer;
    const second = begin();
    const answerSecond = answer;
    expect(await begin()).to.be.instanceOf(QueueUnavailableError);
    answerFirst();
    expect(await first).to.equal('answered');
    const third = begin();
    answer();
    answerSecond();
    expect(await Promise.all([second, third])).to.deep.equal(['answered', 'answered']);
  });

  it('has failed after its time and not before', async () => {
    let outcome: unknown;
    const waiting = begin().then((value) => {
      outcome = value;
    });
    clock.moveMs(LIMITS.timeoutMs);
    clock.tick();
    await new Promise(setImmediate);
    expect(outcome).to.equal(undefined);
    clock.moveMs(1);
    clock.tick();
    await waiting;
    expect(outcome).to.be.instanceOf(QueueUnavailableError);
  });

  it('is refused untried while the disk hangs, and taken again when it answers', async () => {
    const hung = begin();
    const answerHung = answer;
    clock.moveMs(LIMITS.timeoutMs + 1);
    expect(await begin()).to.be.instanceOf(QueueUnavailableError);
    clock.tick();
    await hung;
    answerHung();
    await new Promise(setImmediate);
    const next = begin();
    answer();
    expect(await next).to.equal('answered');
  });

  it('is waited for by close, unless the disk hangs', async () => {
    const waiting = begin();
    let isClosed = false;
    const closing = inHand.close().then(() => {
      isClosed = true;
    });
    await new Promise(setImmediate);
    expect(isClosed).to.equal(false);
    answer();
    await closing;
    await waiting;
    const hanging = new InHand({ ...LIMITS, clock });
    void outcomeOf(hanging.run(() => new Promise<void>(() => undefined)));
    clock.moveMs(LIMITS.timeoutMs + 1);
    await hanging.close();
  });
});
