import { expect } from 'chai';
import { Durations } from '../../../loadtest/stress/histograms.ts';
import type { SecondSample } from '../../../loadtest/stress/messages.ts';
import { Series } from '../../../loadtest/stress/series.ts';

function sampleOf(second: number, latencyMs?: number): SecondSample {
  const latency = new Durations();
  if (latencyMs !== undefined) latency.record(latencyMs);
  return {
    ...{ second, due: 5, sent: 5, answered: 4, arrived: 3, errors: 1, ready: 10, inFlight: 1 },
    ...{ backlogMs: latencyMs ?? 0, lost: 0, faults: 0, latency: latency.encode() },
  };
}

describe('stress series', () => {
  it('adds up what the processes say of a second, and merges their latencies', () => {
    const series = new Series();
    series.begin(0, 'steady', undefined, 0);
    series.add(sampleOf(0, 10));
    series.add(sampleOf(0, 30));
    series.close(Number.POSITIVE_INFINITY);
    const [point] = series.points;
    expect(point).to.include({ second: 0, due: 10, connected: 20, errors: 2, backlogMs: 30 });
    expect(point?.p50Ms).to.be.closeTo(10, 0.1);
    expect(point?.maxMs).to.be.closeTo(30, 0.1);
  });

  it('has no latency for a second in which nothing arrived', () => {
    const series = new Series();
    series.begin(0, 'idle', undefined, 0);
    series.add(sampleOf(0));
    series.close(Number.POSITIVE_INFINITY);
    expect(series.points[0]).to.include({ p50Ms: null, p99Ms: null, maxMs: null, rssMiB: null });
  });

  it('gives a second in which the phase changed to the one that began', () => {
    const series = new Series();
    series.begin(0, 'steady', undefined, 0);
    series.begin(1, 'burst', undefined, 1000);
    for (const second of [0, 1]) series.add(sampleOf(second));
    series.close(Number.POSITIVE_INFINITY);
    expect(series.points.map(({ phase }) => phase)).to.deep.equal(['burst', 'burst']);
  });

  it('waits three seconds for a late process, and no longer', () => {
    const series = new Series();
    series.begin(0, 'steady', undefined, 0);
    series.add(sampleOf(0));
    series.close(2);
    expect(series.points).to.have.lengthOf(0);
    series.close(3);
    series.add(sampleOf(0));
    series.close(Number.POSITIVE_INFINITY);
    expect(series.points.map(({ due }) => due)).to.deep.equal([5]);
  });

  it('tells CPU time as a share of a core', () => {
    const series = new Series();
    series.begin(0, 'steady', { rssMiB: 100, cpuSecs: 1 }, 0);
    series.begin(1, 'steady', { rssMiB: 120, cpuSecs: 1.5 }, 1000);
    for (const second of [0, 1]) series.add(sampleOf(second));
    series.close(Number.POSITIVE_INFINITY);
    expect(series.points.map(({ cpuPercent }) => cpuPercent)).to.deep.equal([null, 50]);
  });
});
