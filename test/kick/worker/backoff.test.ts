import { expect } from 'chai';
import { backoffCeilingMs, backoffMs } from '../../../src/kick/worker/backoff.ts';
import { Random } from '../../support/random.ts';

const BOUNDS = { minMs: 1000, maxMs: 60_000 };

describe('the back-off', () => {
  const ceilings = [
    { failures: 0, ceilingMs: 1000 },
    { failures: 1, ceilingMs: 2000 },
    { failures: 5, ceilingMs: 32_000 },
    { failures: 6, ceilingMs: 60_000 },
    { failures: 10_000, ceilingMs: 60_000 },
  ];
  for (const { failures, ceilingMs } of ceilings) {
    it(`is at most ${ceilingMs} ms after ${failures} failures`, () => {
      expect(backoffCeilingMs(BOUNDS, failures)).to.equal(ceilingMs);
      expect(backoffMs(BOUNDS, failures, () => 1 - Number.EPSILON)).to.equal(ceilingMs);
    });

    it(`is any part of that after ${failures} failures`, () => {
      const random = new Random(failures);
      const waits = Array.from({ length: 1000 }, () =>
        backoffMs(BOUNDS, failures, () => random.fraction()),
      );
      expect(Math.min(...waits)).to.be.within(1, ceilingMs * 0.05);
      expect(Math.max(...waits)).to.be.within(ceilingMs * 0.95, ceilingMs);
    });
  }

  it('is never nothing', () => {
    expect(backoffMs(BOUNDS, 0, () => 0)).to.equal(1);
  });
});
