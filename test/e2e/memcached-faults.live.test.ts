import { expect } from 'chai';
import type { HealthReport } from '../../src/admin/health.ts';
import { type ChildServer, startChildServer } from '../support/child-server.ts';
import { type RealMemcached, startMemcached } from '../support/memcached.ts';
import { put, putStatus } from '../support/put.ts';
import { Resources } from '../support/resources.ts';
import {
  notificationOf,
  type Subscription,
  subscribe,
  subscribeAndLeave,
} from '../support/subscription.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { Treadmill } from './treadmill.ts';
import { Visitor } from './visitor.ts';

/** Long enough that a busy machine is not taken for a frozen memcached. */
const STORE_TIMEOUT_MS = 500;
/** The store's deadline, and what a crowded machine may add to it. */
const ANSWER_MS_MAX = STORE_TIMEOUT_MS + 1500;
const DEVICES = 4;
/** Of each device and each app server: enough to meet a fault in every state. */
const TURNS = 10;
/** The server asks its store for a sign of life every other second. */
const HEALTH_WAIT_MS_MAX = 5_000;
const HEALTH_POLL_MS = 50;

describe('a server whose memcached', function () {
  this.timeout(30_000);

  const resources = new Resources();
  let memcached: RealMemcached;
  let server: ChildServer;
  /** Connected all the while, without a word. */
  let silent: Subscription;
  let visitors: readonly Visitor[];
  let devices: readonly Treadmill<number>[];
  let appServers: readonly Treadmill<number>[];

  before(async () => {
    memcached = await startMemcached();
    const folder = resources.keep(await makeTemporaryFolder());
    const settings = {
      'storage.driver': 'memcached',
      'storage.memcached.servers': [`${memcached.host}:${memcached.port}`],
      'storage.memcached.timeout_ms': STORE_TIMEOUT_MS,
    };
    server = resources.keep(await startChildServer(folder.path, settings));
    silent = await subscribe(server);
    visitors = await Promise.all(Array.from({ length: DEVICES }, () => Visitor.open(server)));
    devices = visitors.map((visitor) => new Treadmill(() => visitor.visit()));
    appServers = visitors.map(({ endpoint }) => new Treadmill(createAppServer(endpoint)));
  });

  after(async () => {
    await Promise.all([...devices, ...appServers].map((one) => one.stop()));
    await memcached.stop();
    await resources.dispose();
  });

  /** What all of them are told in their next turns. */
  const met = async () => ({
    hellos: await statusesOf(devices),
    puts: await statusesOf(appServers),
  });

  const faults: readonly {
    readonly title: string;
    readonly begin: () => unknown;
    readonly end: () => unknown;
  }[] = [
    { title: 'is stopped', begin: () => memcached.stop(), end: () => memcached.start() },
    { title: 'is killed', begin: () => memcached.kill(), end: () => memcached.start() },
    { title: 'is frozen', begin: () => memcached.freeze(), end: () => memcached.thaw() },
  ];
  for (const { title, begin, end } of faults) {
    it(`${title} answers 503 in time, and serves again when it is back`, async () => {
      await begin();
      expect(await met()).to.deep.equal({ hellos: new Set([503]), puts: new Set([503]) });
      const { reasons } = await healthOf(server, 503);
      expect(reasons).to.have.length(1);
      expect(reasons[0]).to.match(/^push: store: .*memcached/);

      await end();
      expect(await healthOf(server, 200)).to.deep.equal({ ready: true, reasons: [] });
      const { hellos, puts } = await met();
      expect(hellos).to.deep.equal(new Set([200]));
      expect(puts).not.to.include(503);
      await expectDelivery(silent);
    });
  }

  it('is flushed keeps every device and every endpoint', async () => {
    const left = await subscribeAndLeave(server);
    const lostBefore = visitors.map(({ channelsLost }) => channelsLost);
    await memcached.flush();
    const { hellos, puts } = await met();
    expect(hellos).to.deep.equal(new Set([200]));
    expect(puts).not.to.include(503);
    for (const [index, { channelsLost }] of visitors.entries()) {
      expect(channelsLost).to.be.above(lostBefore[index] ?? 0);
    }
    await expectDelivery(silent);

    expect(await putStatus(left.endpoint, { version: 7 })).to.equal(202);
    const { uaid, channelID } = left;
    const device = await server.connect();
    const hello = await device.hello({ uaid, channelIDs: [channelID] });
    expect(hello).to.deep.equal({ messageType: 'hello', uaid, status: 200 });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 7));
    device.terminate();
  });
});

/** What the next turns of all of them come to. */
async function statusesOf(treadmills: readonly Treadmill<number>[]): Promise<ReadonlySet<number>> {
  const statuses = await Promise.all(treadmills.map((one) => one.outcomesOfNext(TURNS)));
  return new Set(statuses.flat());
}

/** An app server that looks at the clock, and at what it is told when it must wait. */
function createAppServer(endpoint: string): () => Promise<number> {
  let version = 0;
  return async () => {
    version++;
    const begunMs = performance.now();
    const { status, headers } = await put(endpoint, { version });
    expect(performance.now() - begunMs).to.be.below(ANSWER_MS_MAX);
    expect(status).to.be.oneOf([200, 202, 503]);
    if (status === 503) expect(headers.get('Retry-After')).to.match(/^[1-9][0-9]*$/);
    return status;
  };
}

/** A PUT to a connected device, and its notification. */
async function expectDelivery({ device, endpoint, channelID }: Subscription): Promise<void> {
  const version = Date.now();
  expect(await putStatus(endpoint, { version })).to.equal(200);
  expect(await device.next()).to.deep.equal(notificationOf(channelID, version));
}

/** What the operators' listener says, as soon as it says so with this status. */
async function healthOf(server: ChildServer, status: number): Promise<HealthReport> {
  const endMs = performance.now() + HEALTH_WAIT_MS_MAX;
  for (;;) {
    const response = await fetch(`${server.urls.admin}health`);
    const report: HealthReport = JSON.parse(await response.text());
    if (response.status === status) return report;
    if (performance.now() > endMs) expect.fail(`/health still says ${JSON.stringify(report)}`);
    await new Promise((resolve) => setTimeout(resolve, HEALTH_POLL_MS));
  }
}
