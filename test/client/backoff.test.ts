import { expect } from 'chai';
import { BACKOFF_FIRST_MS_MAX, BACKOFF_MS_MAX, backoffMs } from '../../src/client/backoff.ts';

const ALMOST_ONE = 1 - Number.EPSILON;

describe('client/backoff', () => {
  const ceilings = [
    { attempt: 0, ceilingMs: BACKOFF_FIRST_MS_MAX },
    { attempt: 1, ceilingMs: 2 * BACKOFF_FIRST_MS_MAX },
    { attempt: 4, ceilingMs: 16 * BACKOFF_FIRST_MS_MAX },
    { attempt: 8, ceilingMs: BACKOFF_MS_MAX },
    { attempt: 5_000, ceilingMs: BACKOFF_MS_MAX },
  ];
  for (const { attempt, ceilingMs } of ceilings) {
    it(`waits any time below ${ceilingMs} ms before attempt ${attempt}`, () => {
      const waits = [0, 0.5, ALMOST_ONE].map((value) =>
        backoffMs({ attempt, atLeastMs: 0, random: () => value }),
      );
      expect(waits).to.deep.equal([0, ceilingMs / 2, ceilingMs - 1]);
    });
  }

  it('adds the random part to the wait that is asked for', () => {
    expect(backoffMs({ attempt: 0, atLeastMs: 5_000, random: () => 0 })).to.equal(5_000);
    expect(backoffMs({ attempt: 0, atLeastMs: 5_000, random: () => 0.5 })).to.equal(6_000);
  });

  it('never waits longer than the ceiling of all waits', () => {
    const wait = backoffMs({ attempt: 20, atLeastMs: 5_000, random: () => ALMOST_ONE });
    expect(wait).to.equal(BACKOFF_MS_MAX);
  });
});
