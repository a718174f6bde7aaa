import { expect } from 'chai';
import type { ContenderName } from '../../loadtest/contenders.ts';
import { comparisonOf, figureOf, median } from '../../loadtest/figures.ts';
import { FAULTS, type LoadResult } from '../../loadtest/load-client.ts';
import { LOAD_NAMES, neededFor, type Run, rateOf } from '../../loadtest/measure.ts';
import { doubtText, tablesOf, verdictText } from '../../loadtest/report.ts';
import { verdictsOn } from '../../loadtest/targets.ts';

const NO_FAULTS = Object.fromEntries(FAULTS.map((fault) => [fault, 0]));

function closedRun(contender: ContenderName, round: number, roundsPerSec: number): Run {
  const result = { roundsPerSec, faults: NO_FAULTS } as unknown as LoadResult;
  return { contender, round, load: 'closed', outcome: 'measured', result, doubts: [] };
}

function idleRun(contender: ContenderName, rss: { start: number; end: number }): Run {
  const memory = (total: number) => ({ total, anon: total, file: 0, shared: 0 });
  const rssKib = { start: memory(rss.start), connected: memory(rss.end), end: memory(rss.end) };
  const processes = [{ pid: 1, name: 'node', cpuMs: 0, rssKib }];
  const connect = { secs: 1, perSec: 1000, serverCpuUs: 50, clientCpuPercent: 50 };
  const result = { ready: 1024, processes, connect } as unknown as LoadResult;
  return { contender, round: 1, load: 'idle', outcome: 'measured', result, doubts: [] };
}

describe('bench figures', () => {
  for (const { values, expected } of [
    { values: [], expected: undefined },
    { values: [7], expected: 7 },
    { values: [9, 1, 2], expected: 2 },
    { values: [4, 1, 3, 2], expected: 2.5 },
  ]) {
    it(`takes ${expected} for the median of [${values}]`, () => {
      expect(median(values)).to.equal(expected);
    });
  }

  it('compares contenders round by round, not median by median', () => {
    const runs = [
      ...[closedRun('floor', 1, 100), closedRun('memory', 1, 50)],
      ...[closedRun('floor', 2, 10), closedRun('memory', 2, 5)],
      closedRun('memory', 3, 1),
    ];
    expect(figureOf(runs, 'memory', 'roundsPerSec')).to.equal(5);
    expect(comparisonOf(runs, 'roundsPerSec', ['memory', 'floor'], (a, b) => a / b)).to.equal(0.5);
  });

  it('spreads what the server grew by over the devices', () => {
    const runs = [idleRun('embedded', { start: 50_000, end: 52_000 })];
    expect(figureOf(runs, 'embedded', 'bytesPerDevice')).to.equal(2000);
  });
});

describe('bench verdicts', () => {
  it('meets a target at its bound and misses it one below', () => {
    const runs = (rate: number) => [closedRun('memory', 1, 1000), closedRun('embedded', 1, rate)];
    const isMet = (rate: number) =>
      verdictsOn(runs(rate)).find(({ what }) => what === 'rounds, embedded / memory')?.isMet;
    expect(isMet(750)).to.equal(true);
    expect(isMet(749)).to.equal(false);
  });

  it('counts one lost update as a missed target', () => {
    const run = closedRun('memory', 1, 1000);
    if (run.outcome !== 'measured') expect.fail();
    const faults = { ...run.result.faults, lost: 1 };
    const verdicts = verdictsOn([{ ...run, result: { ...run.result, faults } }]);
    expect(verdicts.at(-1)).to.include({ measured: 1, isMet: false });
  });

  it('says what was not measured', () => {
    expect(new Set(verdictsOn([]).map(({ isMet }) => isMet))).to.deep.equal(new Set([undefined]));
    expect(verdictText(verdictsOn([]))).to.include('not measured');
  });
});

function stormRun(contender: ContenderName, perSec: number, answerP99Ms: number): Run {
  const storm = { secs: 1, perSec, serverCpuUs: 100, clientCpuPercent: 50 };
  const result = {
    mode: 'storm',
    storm,
    answerMs: { p99: answerP99Ms },
    faults: NO_FAULTS,
  } as unknown as LoadResult;
  return { contender, round: 1, load: 'storm', outcome: 'measured', result, doubts: [] };
}

function costlyRun(load: 'closed' | 'crowd', serverCpuUsPerRound: number): Run {
  const result = { serverCpuUsPerRound, faults: NO_FAULTS } as unknown as LoadResult;
  return { contender: 'embedded', round: 1, load, outcome: 'measured', result, doubts: [] };
}

describe('bench verdicts on many devices', () => {
  const isMet = (runs: readonly Run[], what: string) =>
    verdictsOn(runs).find((verdict) => verdict.what === what)?.isMet;

  for (const { perSec, answerP99Ms, met } of [
    { perSec: 5000, answerP99Ms: 50, met: [true, true] },
    { perSec: 4999, answerP99Ms: 51, met: [false, false] },
  ]) {
    it(`judges a storm of ${perSec} devices/s by them and by the PUTs elsewhere`, () => {
      const runs = [stormRun('embedded', perSec, answerP99Ms)];
      expect([
        isMet(runs, 'reconnect storm, embedded'),
        isMet(runs, 'PUT elsewhere in a storm, p99, embedded'),
      ]).to.deep.equal(met);
    });
  }

  for (const { many, met } of [
    { many: 110, met: true },
    { many: 111, met: false },
  ]) {
    it(`${met ? 'allows' : 'refuses'} a PUT among many devices to cost ${many} % of one among few`, () => {
      const runs = [costlyRun('closed', 100), costlyRun('crowd', many)];
      expect(isMet(runs, 'CPU of a PUT, many / few devices, embedded')).to.equal(met);
    });
  }
});

describe('bench loads', () => {
  it('take their rate from the closed loop of the same round', () => {
    const closed = closedRun('memory', 1, 1000);
    expect(LOAD_NAMES.map((load) => rateOf(load, closed))).to.deep.equal([
      ...[0, 500, 800, 0, 0, 0, 0],
      rateOf('storm', undefined),
    ]);
  });

  it('fail where the closed loop gave no rate', () => {
    expect(rateOf('half', undefined)).to.equal(undefined);
    expect(rateOf('most', closedRun('memory', 1, 0))).to.equal(undefined);
  });

  it('name what must be measured before', () => {
    expect(neededFor('most')).to.deep.equal(['closed', 'most']);
    expect(neededFor('storm')).to.deep.equal(['storm']);
  });
});

describe('bench report', () => {
  it('lines up its columns', () => {
    const table = tablesOf([closedRun('floor', 1, 72_000), closedRun('embedded', 1, 9000)]);
    const [, , floor = '', embedded = ''] = table.split('\n');
    expect(floor.indexOf('72,000') + '72,000'.length).to.equal(
      embedded.indexOf('9,000') + '9,000'.length,
    );
  });

  it('leaves out a table of which nothing was measured', () => {
    expect(tablesOf([closedRun('floor', 1, 1)]))
      .to.include('rounds')
      .and.not.include('connects');
    expect(tablesOf([stormRun('memory', 1, 1)]))
      .to.include('returns')
      .and.not.include('rounds');
  });

  it('names the runs that failed or are in doubt', () => {
    const place = { contender: 'memory', round: 2, load: 'half' } as const;
    const failed: Run = { ...place, outcome: 'failed', why: 'no ready line in time' };
    expect(doubtText([failed, closedRun('floor', 1, 1)])).to.equal(
      '! round 2, memory, half: failed: no ready line in time',
    );
  });
});
