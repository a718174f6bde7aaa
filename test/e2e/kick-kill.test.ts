import { expect } from 'chai';
import {
  APP_SERVERS,
  type DeviceStory,
  runStorm,
  type StormOptions,
  type StormReport,
  VERSION,
} from './kick-storm.ts';
import { IN_FLIGHT_MAX, LEASE_MS, REQUEST_TIMEOUT_MS } from './kick-storm-settings.ts';

const DEVICES = process.env['REVEILLE_TEST_LONG'] === '1' ? 2000 : 200;
const STORM_MS_MAX = 120_000 + DEVICES * 300;
const PROVIDERS = 2;

interface Scenario extends Omit<StormOptions, 'devices' | 'seed'> {
  readonly title: string;
}

/** More than a lease: what a killed process had claimed is leased again before it may be woken again. */
const LONG_INTERVAL_MS = LEASE_MS + 3000;
const SHORT_INTERVAL_MS = 2000;

const SCENARIOS: readonly Scenario[] = [
  {
    title: 'kick is killed again and again',
    fails: false,
    killsPush: false,
    wakeIntervalMs: LONG_INTERVAL_MS,
  },
  {
    title: 'providers fail three calls of ten in every documented way, too',
    fails: true,
    killsPush: false,
    wakeIntervalMs: SHORT_INTERVAL_MS,
  },
  {
    title: 'providers fail and push is killed as well',
    fails: true,
    killsPush: true,
    wakeIntervalMs: SHORT_INTERVAL_MS,
  },
];

describe('kicks of which processes are killed with SIGKILL', function () {
  this.timeout(STORM_MS_MAX);

  const seed = Date.now() | 0;
  let reports: readonly PromiseSettledResult<StormReport>[] = [];

  before(async () => {
    // At the same time: a storm waits most of the time for leases of the dead to end.
    reports = await Promise.allSettled(
      SCENARIOS.map((scenario) => runStorm({ ...scenario, devices: DEVICES, seed })),
    );
  });

  for (const [at, { title, fails, killsPush, wakeIntervalMs }] of SCENARIOS.entries()) {
    it(`wake each of ${DEVICES} devices, and none more than once an interval, when ${title}`, () => {
      const result = reports[at] ?? expect.fail('it did not run');
      try {
        if (result.status === 'rejected') throw result.reason;
        const report = result.value;
        expectAllWoken(report);
        expectNoneTooOften(report, wakeIntervalMs);
        expect(report.kickKills).to.be.greaterThan(0);
        if (killsPush) expect(report.pushKills).to.be.greaterThan(0);
        if (fails) expect(report.undealt).to.deep.equal([]);
      } catch (cause) {
        throw new Error(`seed ${seed}`, { cause });
      }
    });
  }
});

/** None lost: woken, or told by the provider that it cannot be; and its update there in any case. */
function expectAllWoken({ devices, left, deadDeviceIds }: StormReport): void {
  expect(devices).to.have.lengthOf(DEVICES);
  expect(left).to.equal(0);
  for (const { wokenAtMs, isEnded, fetched } of devices) {
    if (!isEnded) expect(wokenAtMs).not.to.have.lengthOf(0);
    expect(fetched).to.equal(VERSION);
  }
  // A kick that was given up is one that the provider refused.
  const ended = devices.filter(({ isEnded }) => isEnded).map(({ sleeper }) => plain(sleeper.uaid));
  expect(ended).to.include.members(deadDeviceIds.map(plain));
}

function expectNoneTooOften(report: StormReport, wakeIntervalMs: number): void {
  const { devices, kickKills, pushKills, unanswered, lagMsMax } = report;
  // Between a claim and the moment when the fake sees the wake-up lies what the call may take, and what a busy machine adds.
  const claimToWakeMs = REQUEST_TIMEOUT_MS + 2 * lagMsMax;
  for (const { putAtMs, wokenAtMs } of devices) {
    for (const [at, wokenMs] of wokenAtMs.entries()) {
      // The first claim came after the PUT, and each of the others an interval after the one before.
      expect(wokenMs - putAtMs).to.be.at.least(at * wakeIntervalMs);
      const beforeMs = wokenAtMs[at - 1];
      if (beforeMs === undefined) continue;
      expect(wokenMs - beforeMs).to.be.at.least(wakeIntervalMs - claimToWakeMs);
    }
  }
  // Woken again is who nobody knows to be woken: whoever asked was killed or given no answer, or the PUT was made again.
  const wakesUnderWay = kickKills * PROVIDERS * IN_FLIGHT_MAX;
  const putsAgain = pushKills * APP_SERVERS + sumOf(devices, ({ putsFailed }) => putsFailed);
  const repeats = sumOf(devices, ({ wokenAtMs }) => Math.max(0, wokenAtMs.length - 1));
  expect(repeats).to.be.at.most(wakesUnderWay + unanswered + putsAgain);
}

function sumOf(devices: readonly DeviceStory[], count: (device: DeviceStory) => number): number {
  return devices.reduce((sum, device) => sum + count(device), 0);
}

function plain(id: string): string {
  return id.replaceAll('-', '').toLowerCase();
}
