/** Stress must be believed: it passes servers that keep their promises and names what the others do wrong. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Fault } from '../../loadtest/stress/faults.ts';
import type { StressReport } from '../../loadtest/stress/report.ts';
import type { ServerFault } from '../support/faulty-server.ts';
import { findFreePorts } from '../support/free-ports.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import {
  Lanes,
  startFaultyServer,
  startOurServer,
  stressCommand,
  stressFaulty,
} from './stress-runs.ts';

const IS_LONG = process.env['REVEILLE_TEST_LONG'] === '1';
/** Of a run that takes three seconds on a quiet machine. */
const SHORT_RUN_MS_MAX = 60_000;
const LONG_RUN_MS_MAX = 180_000;
/** Runs at a time: each waits most of the time. */
const LANES = 8;
/** Processes that only read their command line. */
const USAGE_LANES = 2;

const SMALL = ['--devices', '24', '--channels', '2', '--rate', '150', '--processes', '1'];
/** Waits so long that a busy machine breaks no promise by itself. */
const PATIENT = ['--grace-ms', '5000', '--ack-race-ms', '5000', '--answer-wait-ms', '30000'];
/** Waits so short that only a stand-in on this machine keeps them: for finding, not for passing. */
const IMPATIENT = ['--grace-ms', '300', '--ack-race-ms', '300'];
const QUICK = [
  ...[...SMALL, ...IMPATIENT, '--duration', '2'],
  ...['--scenario', 'steady,storm,away', '--seed', '1'],
];
/** A thousand times as many PUTs as faults, within seconds, and so many channels that one loss is seldom hidden by a later version. */
const THOUSANDS = [
  ...['--devices', '400', '--channels', '4', '--rate', '1400', '--processes', '1', '--seed', '1'],
  ...['--grace-ms', '150', '--ack-race-ms', '150', '--duration', '3', '--scenario', 'steady'],
];

interface Case {
  readonly server: ServerFault;
  /** One case in so many is faulty. */
  readonly interval: number;
  /** Of these, at least one must be named. */
  readonly named: readonly Fault[];
  readonly words: RegExp;
  readonly args?: readonly string[];
}

const LOSSES: readonly Fault[] = ['lost', 'lostAway', 'dropped', 'droppedAway'];
const CASES: readonly Case[] = [
  { server: 'drop', interval: 1000, named: LOSSES, words: /never/, args: THOUSANDS },
  { server: 'drop', interval: 10, named: LOSSES, words: /never/ },
  {
    server: 'answer-early',
    interval: 3,
    named: ['lostAway', 'droppedAway'],
    words: /accepted while (?:its device was|their devices were) away/,
  },
  {
    server: 'keep-acked',
    interval: 10,
    named: ['ackedAgain'],
    words: /acknowledged updates? w.* delivered again/,
  },
  {
    server: 'close',
    interval: 20,
    named: ['closed'],
    words:
      /connections? w.* closed by the server without cause \(of \d+ sessions, .*close codes 1005: /,
  },
  { server: 'reorder', interval: 20, named: ['reordered'], words: /after (?:a )?higher one/ },
  {
    server: 'silent',
    interval: 50,
    named: ['unanswered'],
    words: /PUTs? w.* never answered/,
    args: [...QUICK, '--answer-wait-ms', '1000'],
  },
  {
    server: 'change-uaid',
    interval: 20,
    named: ['uaidChanged'],
    words: /another UAID|other UAIDs/,
  },
  { server: 'stuck', interval: 8, named: ['stuck'], words: /said hello again/ },
  { server: 'double', interval: 10, named: ['duplicated'], words: /came twice/ },
  { server: 'alter', interval: 50, named: ['invented'], words: /nobody had PUT/ },
  {
    server: 'misdeliver',
    interval: 50,
    named: ['misdelivered'],
    words: /(?:does|do) not have (?:its|their) channels?/,
  },
  { server: 'refuse', interval: 50, named: ['badAnswer'], words: /status(?:es)? that do/ },
  {
    server: 'cut-put',
    interval: 50,
    named: ['cutOff'],
    words: /before (?:it was|they were) answered/,
  },
  { server: 'forget', interval: 20, named: ['forgotten'], words: /declared expired/ },
  { server: 'garble', interval: 50, named: ['badMessage'], words: /SimplePush knows/ },
];

/** A run of seconds finds what happens by chance by chance, the less the busier the machine is. */
const TRIES_MAX = 3;

/** The report of the first run that does not pass, or of the last. */
async function stressUntilFound(
  ...[server, options]: Parameters<typeof stressFaulty>
): Promise<StressReport> {
  for (let triesLeft = TRIES_MAX; ; triesLeft--) {
    const report = await stressFaulty(server, options);
    if (!report.verdict.passed || triesLeft === 1) return report;
  }
}

describe('stress', () => {
  const lanes = new Lanes(LANES);
  before(() => lanes.begin());
  after(async function () {
    this.timeout(SHORT_RUN_MS_MAX);
    await lanes.end();
  });

  /** A test of what a run found, which begins with all the others. */
  function itRuns<T>(title: string, task: () => Promise<T>, look: (found: T) => void): void {
    const result = lanes.add(task);
    it(title, async () => look(await result())).timeout(SHORT_RUN_MS_MAX);
  }

  itRuns(
    'passes our server, states its load first, and writes both reports',
    async () => {
      await using folder = await makeTemporaryFolder();
      const server = await startOurServer(folder.path);
      const [json, html] = [join(folder.path, 'r.json'), join(folder.path, 'r.html')];
      const run = await stressCommand([
        ...[...SMALL, ...PATIENT, '--url', server.wsUrl, '--duration', '3'],
        ...['--pid', `${server.pids()[0]}`, '--json', json, '--html', html],
      ]).finally(() => server.stop());
      return { ...run, json: await readFile(json, 'utf8'), html: await readFile(html, 'utf8') };
    },
    ({ stdout, code, json, html }) => {
      expect(stdout).to.match(/^stress of ws:\/\/127\.0\.0\.1:\d+\/, seed \d+\n {2}24 devices/);
      expect(code, stdout).to.equal(0);
      expect(stdout).to.match(/\nPASSED every one of [\d,]+ accepted versions was delivered/);
      const report: StressReport = JSON.parse(json);
      expect(report.shape).to.equal('simplepush-stress/1');
      expect(report.series.some(({ rssMiB }) => (rssMiB ?? 0) > 1)).to.equal(true);
      expect(html).to.include('Passed');
    },
  );

  itRuns(
    'passes a stand-in without a fault, from two processes',
    () => {
      const args = [...SMALL, ...PATIENT, '--processes', '2', '--duration', '3'];
      return stressFaulty('none', { interval: 1, args });
    },
    ({ verdict, totals, phases }) => {
      expect(verdict.faults).to.deep.equal([]);
      expect(verdict.passed).to.equal(true);
      expect(totals.accepted).to.be.greaterThan(100);
      expect(phases).to.have.lengthOf(8);
    },
  );

  itRuns(
    'reports what there is when it is interrupted',
    async () => {
      await using folder = await makeTemporaryFolder();
      const server = await startFaultyServer('none', 1);
      const json = join(folder.path, 'r.json');
      const load = [...SMALL, ...PATIENT, '--duration', '600', '--scenario', 'steady'];
      const args = ['--url', server.wsUrl, ...load, '--json', json];
      // A line of figures: PUTs have been answered.
      const { code } = await stressCommand(args, /\bs {2}connected/).finally(() => server.stop());
      return { code, report: JSON.parse(await readFile(json, 'utf8')) as StressReport };
    },
    ({ code, report: { interrupted, verdict, totals } }) => {
      expect({ code, interrupted }).to.deep.equal({ code: 0, interrupted: true });
      expect(verdict.summary).to.include('until the run was interrupted');
      expect(totals.accepted).to.be.greaterThan(0);
    },
  );

  itRuns(
    'sends nothing to endpoints beyond this machine',
    async () => {
      await using folder = await makeTemporaryFolder();
      const [port = 0] = await findFreePorts(1);
      const server = await startOurServer(folder.path, {
        'endpoint.public_url': 'http://push.example',
        'endpoint.port': port,
      });
      const load = ['--url', server.wsUrl, ...SMALL, '--duration', '1', '--scenario', 'steady'];
      const base = ['--endpoint-base', `http://127.0.0.1:${port}`];
      try {
        return [await stressCommand(load), await stressCommand([...load, ...base])] as const;
      } finally {
        await server.stop();
      }
    },
    ([refused, led]) => {
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.include('push.example; say --allow-remote');
      expect(led.stdout).to.match(/[1-9][\d,]* accepted/);
    },
  );

  for (const { server, interval, named, words, args = QUICK } of CASES) {
    itRuns(
      `names ${named.join(' or ')} when a server has the fault "${server}" every ${interval} times`,
      () => stressUntilFound(server, { interval, args }),
      ({ verdict }) => {
        expect(verdict.passed).to.equal(false);
        const found = verdict.faults.filter(({ fault }) => named.includes(fault));
        expect(found, JSON.stringify(verdict)).not.to.have.lengthOf(0);
        expect(found.map((fault) => fault.words).join('\n')).to.match(words);
      },
    );
  }

  itRuns(
    'says that nothing is proven when nothing was accepted',
    () => stressFaulty('refuse', { interval: 1, args: QUICK }),
    ({ verdict }) => {
      expect(verdict.passed).to.equal(false);
      expect(verdict.summary).to.include('not one PUT was accepted');
    },
  );

  itRuns(
    'counts the wait of PUTs for which there was no room',
    () => {
      const load = ['--devices', '2', '--rate', '2000', '--in-flight-max', '1', '--duration', '1'];
      const args = [...load, '--processes', '1', '--scenario', 'burst', ...IMPATIENT];
      return stressFaulty('none', { interval: 1, args });
    },
    ({ latency, phases: [burst] }) => {
      expect(latency.fromDue.summary.p50).to.be.greaterThan(latency.fromSend.summary.p50);
      expect(burst?.backlogMsMax).to.be.greaterThan(0);
      expect(burst?.due).to.equal((burst?.sent ?? 0) + (burst?.unsent ?? 0));
    },
  );

  if (!IS_LONG) return;
  describe('with all defaults', () => {
    for (const { server, interval, named } of [
      { server: 'drop', interval: 1000, named: LOSSES },
      { server: 'answer-early', interval: 20, named: ['lostAway', 'droppedAway'] },
      { server: 'keep-acked', interval: 1000, named: ['ackedAgain'] },
      { server: 'close', interval: 100, named: ['closed'] },
    ] as const) {
      it(`finds within its duration what "${server}" does every ${interval} times`, async () => {
        const { verdict } = await stressFaulty(server, { interval, args: [] });
        const names: readonly Fault[] = named;
        expect(verdict.faults.some(({ fault }) => names.includes(fault))).to.equal(true);
      }).timeout(LONG_RUN_MS_MAX);
    }
  });
});

describe('stress command line', () => {
  const lanes = new Lanes(USAGE_LANES);
  before(() => lanes.begin());
  after(async function () {
    this.timeout(SHORT_RUN_MS_MAX);
    await lanes.end();
  });

  const REFUSED: readonly (readonly string[])[] = [
    [],
    ['--url', 'http://127.0.0.1/'],
    ['--url', 'ws://push.example/'],
    ['--url', 'ws://127.0.0.1/', '--endpoint-base', 'http://push.example/'],
    ['--url', 'ws://127.0.0.1/', '--devices', '0'],
    ['--url', 'ws://127.0.0.1/', '--devices', '200001'],
    ['--url', 'ws://127.0.0.1/', '--rate', 'fast'],
    ['--url', 'ws://127.0.0.1/', '--away', '101'],
    ['--url', 'ws://127.0.0.1/', '--scenario', 'picnic'],
    ['--url', 'ws://127.0.0.1/', '--duration', '3601'],
    ['--url', 'ws://127.0.0.1/', 'now'],
  ];
  for (const args of REFUSED) {
    const run = lanes.add(() => stressCommand(args));
    it(`refuses ${args.join(' ') || 'no arguments'} with exit code 2`, async () => {
      const { code, stderr } = await run();
      expect(code).to.equal(2);
      expect(stderr).to.match(/^error: /);
    }).timeout(SHORT_RUN_MS_MAX);
  }

  const helped = lanes.add(() => stressCommand(['--help']));
  it('explains itself', async () => {
    const { code, stdout } = await helped();
    expect(code).to.equal(0);
    for (const flag of ['--url', '--devices', '--scenario', '--allow-remote', '--seed']) {
      expect(stdout).to.include(flag);
    }
  }).timeout(SHORT_RUN_MS_MAX);

  const alone = lanes.add(() =>
    stressCommand(['--url', 'ws://127.0.0.1:9/', ...SMALL, '--connect-wait-ms', '100']),
  );
  it('ends with 1 when there is no server', async () => {
    const { code, stderr } = await alone();
    expect(code).to.equal(1);
    expect(stderr).to.include('no device could connect to ws://127.0.0.1:9/');
  }).timeout(SHORT_RUN_MS_MAX);
});
