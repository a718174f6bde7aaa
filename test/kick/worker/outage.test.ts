import { expect } from 'chai';
import { Outage } from '../../../src/kick/worker/outage.ts';
import { HandClock } from '../../storage/hand-clock.ts';

describe('an outage', () => {
  const clock = new HandClock();
  let told: string[];
  let outage: Outage;

  beforeEach(() => {
    told = [];
    outage = new Outage({
      clock,
      random: () => 1 - Number.EPSILON,
      onBegin: ({ message }) => told.push(message),
      onEnd: () => told.push('over'),
    });
  });

  it('is none at first', () => {
    outage.worked();
    expect(outage.reason).to.equal(undefined);
    expect(outage.pauseMs).to.equal(0);
    expect(told).to.deep.equal([]);
  });

  it('pauses for longer each time, up to ten seconds', () => {
    const pauses = Array.from({ length: 8 }, () => {
      outage.failed(new Error('away'));
      const { pauseMs } = outage;
      clock.moveMs(pauseMs);
      return pauseMs;
    });
    expect(pauses).to.deep.equal([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  });

  it('takes failures during a pause for the same', () => {
    for (let failure = 0; failure < 5; failure += 1) outage.failed(new Error('away'));
    expect(outage.pauseMs).to.equal(200);
  });

  it('is told once, and its end once', () => {
    outage.failed(new Error('away'));
    outage.failed(new Error('still away'));
    expect(outage.reason).to.equal('still away');
    outage.worked();
    outage.worked();
    expect(told).to.deep.equal(['away', 'over']);
    expect(outage.pauseMs).to.equal(0);
  });
});
