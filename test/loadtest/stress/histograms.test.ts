import { expect } from 'chai';
import { Durations } from '../../../loadtest/stress/histograms.ts';

function durationsOf(...values: readonly number[]): Durations {
  const durations = new Durations();
  for (const value of values) durations.record(value);
  return durations;
}

describe('stress histograms', () => {
  it('tells percentiles in milliseconds, to three digits', () => {
    const durations = durationsOf(...Array.from({ length: 1000 }, (_, index) => index + 1));
    const { count, p50, p99, max } = durations.summary();
    expect(count).to.equal(1000);
    expect(p50).to.be.closeTo(500, 0.5);
    expect(p99).to.be.closeTo(990, 1);
    expect(max).to.be.closeTo(1000, 1);
  });

  it('crosses to another process and is merged there', () => {
    const merged = new Durations(durationsOf(1, 2).encode());
    merged.add(new Durations(durationsOf(3000).encode()));
    // One that recorded nothing changes nothing.
    merged.add(new Durations(new Durations().encode()));
    expect(merged.count).to.equal(3);
    expect(merged.at(100)).to.be.closeTo(3000, 3);
  });

  it('counts each value in one bin', () => {
    const bins = durationsOf(0.05, 0.9, 1, 1.1, 50, 50, 700).bins();
    expect(bins.reduce((sum, { count }) => sum + count, 0)).to.equal(7);
    expect(bins.find(({ fromMs, toMs }) => fromMs < 50 && 50 <= toMs)?.count).to.equal(2);
    expect(bins[0]?.fromMs).to.be.at.most(0.05);
    expect(bins.at(-1)?.toMs).to.be.at.least(700);
  });

  it('draws a curve that rises to the longest', () => {
    const curve = durationsOf(...Array.from({ length: 500 }, (_, index) => index + 1)).curve();
    const values = curve.map(({ ms }) => ms);
    expect(values).to.deep.equal(values.toSorted((a, b) => a - b));
    expect(curve[0]?.percentile).to.equal(0);
    expect(curve.at(-1)?.ms).to.be.closeTo(500, 1);
  });

  it('is empty at first', () => {
    const durations = new Durations();
    expect(durations.summary()).to.deep.equal({
      ...{ count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 },
    });
    expect([durations.bins(), durations.curve()]).to.deep.equal([[], []]);
  });

  for (const { ms, recorded } of [
    { ms: 0, recorded: 0.001 },
    { ms: 600_001, recorded: 600_000 },
  ]) {
    it(`records ${ms} ms as ${recorded}`, () => {
      expect(durationsOf(ms).at(100)).to.be.closeTo(recorded, recorded / 1000);
    });
  }
});
