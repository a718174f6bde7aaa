import { expect } from 'chai';
import { CrowdCounts } from '../../../loadtest/stress/crowd-counts.ts';
import { Endpoints } from '../../../loadtest/stress/endpoints.ts';
import { mergeFaults } from '../../../loadtest/stress/faults.ts';
import { parseFlags } from '../../../loadtest/stress/flags.ts';
import { Durations } from '../../../loadtest/stress/histograms.ts';
import type { WorkerResult } from '../../../loadtest/stress/messages.ts';
import { usageOf } from '../../../loadtest/stress/server-usage.ts';
import { totalsOf, verdictOf } from '../../../loadtest/stress/verdict.ts';

const { plan } = parseFlags([
  ...['--url', 'ws://127.0.0.1:1/', '--closes-max', '1', '--repeats-max', '1'],
]);

function workerWith(changes: Partial<WorkerResult>): WorkerResult {
  return {
    faults: [],
    notes: { repeats: 0, resent: 0, collapsed: 0, unjudged: 0 },
    statuses: { 200: 600 },
    closeCodes: {},
    connectFailures: {},
    ...{ sessions: 600, redirects: 0, slowCloses: 0, stalePuts: 0, liveAnswersWhileAway: 0 },
    ...{ accepted: 600, arrived: 600, readyTimes: new Durations().encode(), rssMiB: 50 },
    ...changes,
  };
}

/** Of two processes that found the same. */
function verdictWith(changes: Partial<WorkerResult>) {
  const workers = [workerWith(changes), workerWith(changes)];
  return verdictOf(plan, workers, totalsOf(workers, 0), true);
}

function closes(count: number): Partial<WorkerResult> {
  return { faults: [{ fault: 'closed', count, examples: [] }], closeCodes: { 1006: count } };
}

function repeats(count: number): Partial<WorkerResult> {
  return { notes: { repeats: count, resent: 0, collapsed: 0, unjudged: 0 } };
}

describe('stress verdict', () => {
  it('passes when all that was accepted was delivered', () => {
    const { passed, summary } = verdictWith({});
    expect({ passed, summary }).to.deep.equal({
      passed: true,
      summary: 'every one of 1,200 accepted versions was delivered, itself or as a higher one',
    });
  });

  for (const { title, changes, named } of [
    { title: 'as many closed connections as it may', changes: closes(6), named: undefined },
    { title: 'one closed connection too many', changes: closes(7), named: 'closed' },
    { title: 'as many repeats as it may', changes: repeats(6), named: undefined },
    { title: 'one repeat too many', changes: repeats(7), named: 'duplicated' },
  ]) {
    it(`${named === undefined ? 'passes' : 'fails'} with ${title}`, () => {
      const { passed, faults } = verdictWith(changes);
      expect(passed).to.equal(named === undefined);
      expect(faults[0]?.fault).to.equal(named);
    });
  }

  it('says how many of how many, and with which close codes', () => {
    expect(verdictWith(closes(7)).faults[0]?.words).to.equal(
      '14 connections were closed by the server without cause (of 1,200 sessions, 1.2 %; close codes 1006: 14)',
    );
  });

  it('merges what processes found, worst first, and keeps ten examples', () => {
    const examples = Array.from({ length: 10 }, (_, index) => `${index}`);
    const part = [
      { fault: 'closed', count: 1, examples: [] },
      { fault: 'lost', count: 20, examples },
    ] as const;
    const merged = mergeFaults([part, part]);
    expect(merged.map(({ fault, count }) => [fault, count])).to.deep.equal([
      ['lost', 40],
      ['closed', 2],
    ]);
    expect(merged[0]?.examples).to.deep.equal(examples);
  });

  it('proves nothing when nothing was accepted', () => {
    const { passed, summary } = verdictWith({ accepted: 0 });
    expect(passed).to.equal(false);
    expect(summary).to.include('nothing is proven');
  });

  it('notes what is allowed', () => {
    const { notes } = verdictWith({ statuses: { 200: 1, 429: 2, 503: 3 }, slowCloses: 4 });
    expect(notes).to.deep.equal([
      '10 PUTs were refused with 429 or 503; they are not owed',
      '8 connections of slow readers were ended by the server, as it may',
    ]);
  });
});

describe('what stress counts', () => {
  it('tells ten reasons of failed connections apart, and no more', () => {
    const counts = new CrowdCounts();
    for (let reason = 1; reason <= 12; reason++) counts.onConnectFailure(`reason ${reason}`);
    counts.onConnectFailure('reason 10');
    const { connectFailures } = counts.toResult();
    expect(Object.keys(connectFailures)).to.have.lengthOf(11);
    expect(connectFailures).to.include({ 'reason 10': 2, other: 2 });
  });

  it('reads memory and CPU time of a process and its children, and of none that is gone', function () {
    // Read from /proc, which only Linux has; elsewhere stress shows no usage.
    if (process.platform !== 'linux') this.skip();
    const usage = usageOf([process.pid]) ?? expect.fail('no usage');
    expect(usage.rssMiB).to.be.greaterThan(10);
    expect(usage.cpuSecs).to.be.greaterThan(0);
    expect(usageOf([2 ** 22])).to.equal(undefined);
  });
});

describe('endpoints of stress', () => {
  const URL_HERE = 'http://127.0.0.1:8081/update/x?y=1';

  it('keeps origin and path', () => {
    expect(
      new Endpoints({ allowRemote: false, endpointBase: undefined }).read(URL_HERE),
    ).to.deep.equal({
      kind: 'endpoint',
      endpoint: { origin: 'http://127.0.0.1:8081', path: '/update/x?y=1' },
    });
  });

  for (const { url, allowRemote, endpointBase, kind } of [
    { url: 'http://push.example/u', allowRemote: false, endpointBase: undefined, kind: 'refused' },
    { url: 'http://push.example/u', allowRemote: true, endpointBase: undefined, kind: 'endpoint' },
    {
      url: 'http://push.example/u',
      allowRemote: false,
      endpointBase: 'http://[::1]:1',
      kind: 'endpoint',
    },
    { url: 'ftp://127.0.0.1/u', allowRemote: true, endpointBase: undefined, kind: 'refused' },
  ]) {
    it(`takes ${url} for ${kind}${allowRemote ? ' with --allow-remote' : ''}${endpointBase === undefined ? '' : ' with --endpoint-base'}`, () => {
      expect(new Endpoints({ allowRemote, endpointBase }).read(url).kind).to.equal(kind);
    });
  }
});
