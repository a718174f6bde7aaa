/** The load client must be believed: it counts nothing that did not happen and misses nothing that did. */
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { startContender } from '../../loadtest/contenders.ts';
import {
  buildLoadClient,
  type Fault,
  type LoadResult,
  runLoadClient,
} from '../../loadtest/load-client.ts';
import { type RunningServer, startServer } from '../../loadtest/processes.ts';

const BUILD = fileURLToPath(new URL('../../', import.meta.url));
/** As test/support/faulty-floor.ts has it, which is a program and cannot be imported. */
const FAULT_INTERVAL = 100;
const DEVICES = 50;
const SHORT_PUT_LOAD = [
  ...['put', '--devices', `${DEVICES}`, '--puts', '8', '--warm', '0.1', '--secs', '0.3'],
  ...['--drain', '0.3', '--stall', '0.5'],
];

describe('load client', () => {
  let server: RunningServer | undefined;

  before(async function () {
    // Compiles.
    this.timeout(60_000);
    await buildLoadClient();
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
  });

  async function load(
    program: readonly string[],
    args: readonly string[],
    onProgress?: (line: string) => void,
  ): Promise<LoadResult> {
    const [script = '', ...rest] = program;
    server = await startServer({ file: process.execPath, args: [`${BUILD}${script}`, ...rest] });
    const pids = server.pids().flatMap((pid) => ['--pid', `${pid}`]);
    return await runLoadClient([...args, '--ws', server.wsUrl, ...pids], undefined, onProgress);
  }

  for (const floor of ['floor', 'mixed-floor']) {
    it(`finds no fault with the ${floor}`, async () => {
      const result = await load([`loadtest/${floor}.js`], SHORT_PUT_LOAD);
      expect(sumOf(Object.values(result.faults))).to.equal(0);
      expect(Object.keys(result.statuses)).to.deep.equal(['200']);
      expect(result.roundsPerSec).to.be.greaterThan(100);
      expect(result.notificationMs.count).to.equal(result.answerMs.count);
      expect(result.serverCpuUsPerRound).to.be.greaterThan(0);
    });
  }

  it('PUTs at the rate that was asked for', async () => {
    const result = await load(['loadtest/floor.js'], [...SHORT_PUT_LOAD, '--rate', '1000']);
    expect(result.notificationMs.count).to.equal(300);
    expect(result.faults.unsent).to.equal(0);
  });

  it('counts the wait of PUTs that a slow server kept from being sent', async () => {
    const result = await load(['loadtest/floor.js'], [...SHORT_PUT_LOAD, '--rate', '10000000']);
    expect(result.faults.unsent).to.be.greaterThan(0);
    expect(result.notificationMs.max).to.be.greaterThan(300);
    expect(result.notificationMs.count).to.equal(3_000_000);
  });

  it('holds idle devices and tells what they cost the server', async () => {
    const result = await load(
      ['loadtest/floor.js'],
      ['idle', '--devices', '500', '--per-address', '100', '--secs', '0.2'],
    );
    const { start, end } = result.processes[0]?.rssKib ?? expect.fail('no process');
    expect(result.ready).to.equal(500);
    expect(end.total).to.be.greaterThan(start.total);
    expect(end.total).to.be.closeTo(end.anon + end.file + end.shared, 8);
  });

  it('brings devices back, waits for what is pending, and PUTs to others meanwhile', async () => {
    server = await startContender('memory', undefined);
    const result = await runLoadClient(
      [
        ...['storm', '--ws', server.wsUrl, '--devices', '300', '--others', '50', '--rate', '500'],
        ...server.pids().flatMap((pid) => ['--pid', `${pid}`]),
      ],
      undefined,
    );
    expect(result.storm?.perSec).to.be.greaterThan(0);
    expect(result.readyMs.count).to.equal(250);
    // 250 to devices that were away; those to the others while they came back are the latencies.
    expect(sumOf(Object.values(result.statuses))).to.equal(250 + result.answerMs.count);
    expect(result.answerMs.count).to.be.greaterThan(0);
    expect(sumOf(Object.values(result.faults))).to.equal(0);
  });

  it('gives up on a server that keeps nothing for who was away', async () => {
    server = await startContender('none', undefined);
    const run = runLoadClient(
      [
        ...['storm', '--ws', server.wsUrl, '--devices', '20', '--others', '5', '--rate', '100'],
        ...['--connect-secs', '1'],
      ],
      undefined,
    );
    expect(await failureOf(run)).to.match(
      /^only \d+ of \d+ (devices were ready|PUTs were answered)/,
    );
  });

  const found: readonly { readonly fault: string; readonly counts: readonly Fault[] }[] = [
    // One that is the last of its channel is lost, any other skipped.
    { fault: 'dropped', counts: ['skipped', 'lost'] },
    { fault: 'doubled', counts: ['duplicated'] },
    { fault: 'delayed', counts: ['reordered', 'lost', 'skipped'] },
    { fault: 'altered', counts: ['unknown'] },
    { fault: 'refused', counts: ['refusedButNotified'] },
  ];
  for (const { fault, counts } of found) {
    it(`counts each update that was ${fault}`, async () => {
      const result = await load(['test/support/faulty-floor.js', fault], SHORT_PUT_LOAD);
      const faulty = Math.floor(sumOf(Object.values(result.statuses)) / FAULT_INTERVAL);
      expect(faulty).to.be.greaterThan(0);
      expect(sumOf(counts.map((name) => result.faults[name]))).to.equal(faulty);
      expect(result.faults[counts[0] ?? 'lost']).to.be.greaterThan(0);
    });
  }

  it('gives up on a server that stops answering', async () => {
    const run = load(
      ['test/support/faulty-floor.js', 'silent'],
      [...SHORT_PUT_LOAD, '--secs', '60'],
    );
    expect(await failureOf(run)).to.equal('the server has answered nothing for 0.5 s');
  });

  it('gives up on a server that dies', async () => {
    const run = load(['loadtest/floor.js'], [...SHORT_PUT_LOAD, '--secs', '60'], (line) => {
      const pid = server?.pids()[0];
      if (pid !== undefined && line.includes('measuring')) process.kill(pid, 'SIGKILL');
    });
    expect(await failureOf(run)).to.match(/^the server (has died|closed all devices)/);
  });

  it('gives up on a server that is not there', async () => {
    const failure = await failureOf(runLoadClient(['put', '--ws', 'ws://127.0.0.1:9/'], undefined));
    expect(failure).to.match(/^\d+ devices could not connect: Connection refused$/);
  });

  const refused: readonly { readonly args: readonly string[]; readonly reason: RegExp }[] = [
    { args: ['put', '--ws', 'ws://192.0.2.1:80/'], reason: /beyond this machine/ },
    { args: ['put', '--ws', 'ws://push.example/'], reason: /beyond this machine/ },
    { args: ['put', '--ws', 'http://127.0.0.1/'], reason: /another scheme/ },
    { args: ['put'], reason: /--ws is missing/ },
    { args: ['fly', '--ws', 'ws://127.0.0.1/'], reason: /the mode is put, idle or storm/ },
    {
      args: ['storm', '--ws', 'ws://127.0.0.1/', '--devices', '100'],
      reason: /no device is left to come back/,
    },
    { args: ['put', '--devices', 'many'], reason: /not a possible value: --devices/ },
    { args: ['put', '--devices', '0'], reason: /not a possible value: --devices/ },
    { args: ['put', '--fast'], reason: /unknown or incomplete option: --fast/ },
  ];
  for (const { args, reason } of refused) {
    it(`refuses ${args.join(' ')}`, async () => {
      expect(await failureOf(runLoadClient(args, undefined))).to.match(reason);
    });
  }
});

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

async function failureOf(run: Promise<unknown>): Promise<string> {
  return await run.then(
    () => expect.fail('went through'),
    (error: Error) => error.message,
  );
}
