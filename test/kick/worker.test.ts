import { expect } from 'chai';
import type { WakeOutcome } from '../../src/kick/provider.ts';
import { RETRY_AFTER_MAX_MS } from '../../src/kick/worker/breaker.ts';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { version } from '../support/versions.ts';
import { quiet } from './worker/hand-time.ts';
import { type BenchDevice, SETTINGS, WorkerBench } from './worker/worker-bench.ts';

const LATER: WakeOutcome = { kind: 'later', scope: 'device', reason: 'TooManyRequests' };
const BUSY: WakeOutcome = { kind: 'later', scope: 'provider', reason: 'ServiceUnavailable' };
const UNANSWERED: WakeOutcome = { kind: 'unanswered', reason: 'timeout' };
const HALTED: WakeOutcome = { kind: 'halted', reason: 'InvalidProviderToken' };
const GONE: WakeOutcome = { kind: 'gone', reason: 'Unregistered' };
const REFUSED: WakeOutcome = { kind: 'refused', reason: 'PayloadTooLarge' };
const INTERVAL_MS = SETTINGS.wakeIntervalMs;

let bench: WorkerBench;

/** A bench whose worker runs. */
function start(...settings: ConstructorParameters<typeof WorkerBench>): WorkerBench {
  bench = new WorkerBench(...settings);
  bench.worker.start();
  return bench;
}

describe('the kick worker, of an answer', () => {
  afterEach(() => bench.close());

  interface Row {
    readonly outcome: WakeOutcome;
    /** What becomes of the entry. */
    readonly entry: 'done' | 'retried' | 'dead';
    readonly isAttempt?: boolean;
    /** The least and the most that a retry waits, by the jitter of the bench. */
    readonly delayMs?: number;
    readonly keepsTarget: boolean;
    /** Whether the device's interval is used up. */
    readonly keepsClaim: boolean;
  }
  const halfBackoffMs = SETTINGS.backoff.minMs / 2;
  const rows: readonly Row[] = [
    { outcome: { kind: 'woken' }, entry: 'done', keepsTarget: true, keepsClaim: true },
    { outcome: GONE, entry: 'done', keepsTarget: false, keepsClaim: false },
    { outcome: REFUSED, entry: 'dead', keepsTarget: true, keepsClaim: false },
    {
      outcome: LATER,
      entry: 'retried',
      isAttempt: true,
      delayMs: halfBackoffMs,
      keepsTarget: true,
      keepsClaim: false,
    },
    {
      outcome: { ...LATER, retryAfterMs: 7000 },
      entry: 'retried',
      isAttempt: true,
      delayMs: 7000,
      keepsTarget: true,
      keepsClaim: false,
    },
    {
      outcome: { ...LATER, retryAfterMs: 1e12 },
      entry: 'retried',
      isAttempt: true,
      delayMs: RETRY_AFTER_MAX_MS,
      keepsTarget: true,
      keepsClaim: false,
    },
    {
      outcome: BUSY,
      entry: 'retried',
      isAttempt: false,
      delayMs: SETTINGS.breakerPause.minMs + halfBackoffMs,
      keepsTarget: true,
      keepsClaim: false,
    },
    {
      outcome: { ...BUSY, retryAfterMs: 7000 },
      entry: 'retried',
      isAttempt: false,
      delayMs: 7000 + halfBackoffMs,
      keepsTarget: true,
      keepsClaim: false,
    },
    {
      outcome: UNANSWERED,
      entry: 'retried',
      isAttempt: true,
      delayMs: INTERVAL_MS,
      keepsTarget: true,
      keepsClaim: true,
    },
    {
      outcome: HALTED,
      entry: 'retried',
      isAttempt: false,
      delayMs: SETTINGS.haltPause.minMs + halfBackoffMs,
      keepsTarget: true,
      keepsClaim: false,
    },
  ];
  for (const row of rows) {
    it(`makes an entry ${row.entry}: ${JSON.stringify(row.outcome)}`, async () => {
      const { queue, provider, engine, time, metrics } = start();
      provider.answers(row.outcome);
      const device = await bench.addDevice();
      await bench.put(device);
      await quiet();
      expect(provider.wakes).to.have.lengthOf(1);
      expect(metrics.wakes[row.outcome.kind].count).to.equal(1);
      expect(queue.doneIds.length).to.equal(row.entry === 'done' ? 1 : 0);
      expect(queue.dead.map(({ reason }) => reason)).to.deep.equal(
        row.entry === 'dead' ? [REFUSED.kind === 'refused' && REFUSED.reason] : [],
      );
      const [retry] = queue.retries;
      expect(retry?.isAttempt).to.equal(row.isAttempt);
      expect(retry?.delayMs).to.equal(row.delayMs);
      const { target } = await engine.readKick(device.deviceId);
      expect(target !== undefined).to.equal(row.keepsTarget);
      const claim = { nowMs: time.nowMs(), intervalMs: INTERVAL_MS };
      const { kind } = await engine.claimWake(device.deviceId, claim);
      const free = row.keepsTarget ? 'claimed' : 'absent';
      expect(kind).to.equal(row.keepsClaim ? 'early' : free);
    });
  }

  it('sends target, channel and version', async () => {
    const { provider } = start();
    const device = await bench.addDevice();
    const version = await bench.put(device);
    const { channelId, token } = device;
    expect(provider.wakes).to.have.lengthOf(1);
    expect(provider.wakes[0]).to.deep.include({
      target: { type: 'fcm', token },
      channelId,
      version,
    });
  });

  it('keeps a target that was given after it died, and tries again', async () => {
    const { queue, provider, engine, time } = start();
    const device = await bench.addDevice();
    provider.answers({ ...GONE, sinceMs: time.nowMs() - 60_000 });
    await bench.put(device);
    expect((await engine.readKick(device.deviceId)).target).to.not.equal(undefined);
    expect(queue.retries).to.have.lengthOf(1);
    expect(queue.retries[0]?.isAttempt).to.equal(true);
    provider.answers({ kind: 'woken' });
    await time.pass(SETTINGS.backoff.minMs);
    expect(provider.wakes).to.have.lengthOf(2);
    expect(queue.doneIds).to.have.lengthOf(1);
  });

  it('keeps a target that was given while the provider was asked', async () => {
    const { provider, engine, time } = start();
    const device = await bench.addDevice();
    const { release } = provider.holds();
    await bench.put(device);
    time.moveMs(1);
    const renewed = { type: 'fcm', token: 'renewed' } as const;
    await engine.writeTarget(device.deviceId, renewed, time.nowMs());
    release(GONE);
    await quiet();
    expect((await engine.readKick(device.deviceId)).target?.target).to.deep.equal(renewed);
  });

  it('waits longer with each attempt and gives up after the last, with the last error', async () => {
    const { queue, provider, time, metrics } = start({ attemptsMax: 4 });
    provider.answers(LATER);
    await bench.put(await bench.addDevice());
    await time.pass(100_000);
    expect(queue.retries.map(({ delayMs }) => delayMs)).to.deep.equal([500, 1000, 2000]);
    expect(provider.wakes).to.have.lengthOf(4);
    expect(queue.dead).to.have.lengthOf(1);
    expect(queue.dead[0]).to.deep.include({ attempts: 3, reason: 'TooManyRequests' });
    expect(metrics.buried.count).to.equal(1);
    expect(bench.eventsAt('warn')).to.deep.equal(['kick.entry.buried']);
  });

  it('gives up what a bug fails on, after all attempts, and lives', async () => {
    const { queue, provider, time } = start({ breakerFailuresMax: 100 });
    provider.answer = () => {
      throw new Error('a bug');
    };
    const device = await bench.addDevice();
    await bench.put(device);
    await time.pass(100_000);
    expect(queue.dead.map(({ reason }) => reason)).to.deep.equal(['internal error']);
    expect(bench.eventsAt('error')).to.deep.equal(Array(4).fill('kick.turn.failed'));
    provider.answers({ kind: 'woken' });
    await bench.put(await bench.addDevice());
    expect(queue.doneIds).to.have.lengthOf(1);
  });

  it('says while debugging of which update it was, as the PUT of that does', async () => {
    const { provider } = start();
    provider.answers({ kind: 'woken' });
    const { deviceId, channelId } = await bench.addDevice();
    const version = await bench.put({ deviceId, channelId, token: '' });
    expect(bench.logged).to.deep.equal([
      {
        level: 'debug',
        event: 'kick.wake.answered',
        fields: { provider: 'fcm', deviceId, channelId, version, outcome: 'woken' },
      },
    ]);
  });

  it('never logs a token', async () => {
    const { provider, time } = start({ attemptsMax: 1 });
    for (const outcome of [REFUSED, HALTED, UNANSWERED, BUSY]) {
      provider.answers(outcome);
      await bench.put(await bench.addDevice());
      await time.pass(1000);
    }
    expect(bench.logged.length).to.be.greaterThan(1);
    expect(JSON.stringify(bench.logged)).to.not.match(/token-\d/);
  });
});

describe('the kick worker, before it asks', () => {
  afterEach(() => bench.close());

  it('skips a device without target', async () => {
    const { queue, provider, engine, metrics, time } = start();
    const device = await bench.addDevice();
    await engine.writeTarget(device.deviceId, undefined, time.nowMs());
    await bench.put(device);
    expect(provider.wakes).to.deep.equal([]);
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(metrics.skips.no_target.count).to.equal(1);
    const { deviceId, channelId } = device;
    expect(bench.logged).to.deep.equal([
      {
        level: 'debug',
        event: 'kick.wake.skipped',
        fields: { provider: 'fcm', deviceId, channelId, version: 1, reason: 'no_target' },
      },
    ]);
  });

  it('skips a device with nothing pending', async () => {
    const { queue, provider, engine, metrics, time } = start();
    const { deviceId, channelId } = await bench.addDevice();
    await engine.putUpdate(deviceId, channelId, version(1));
    await engine.ackUpdates(deviceId, [{ channelId, throughVersion: version(1) }]);
    const storedAtMs = time.nowMs();
    await queue.enqueue({ deviceId, channelId, version: version(1), storedAtMs });
    await quiet();
    expect(provider.wakes).to.deep.equal([]);
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(metrics.skips.nothing_pending.count).to.equal(1);
  });

  it('skips a device that has said hello since, and no other', async () => {
    bench = new WorkerBench();
    const { provider, engine, metrics, time, worker } = bench;
    const [before, atOnce, since] = await bench.addDevices(3);
    if (!before || !atOnce || !since) return expect.fail('no devices');
    await engine.noteConnected(before.deviceId, time.nowMs() - 1);
    for (const device of [before, atOnce, since]) await bench.put(device);
    // A hello of the same millisecond may have read what was pending before the update was stored.
    await engine.noteConnected(atOnce.deviceId, time.nowMs());
    await engine.noteConnected(since.deviceId, time.nowMs() + 1);
    time.moveMs(1);
    worker.start();
    await quiet();
    const woken = provider.wakes.map(({ channelId }) => channelId);
    expect(woken).to.have.members([before.channelId, atOnce.channelId]);
    expect(metrics.skips.connected.count).to.equal(1);
  });

  it('wakes a device whose hello lies in the future, because the clock was set back since', async () => {
    const { provider, engine, time } = start();
    const device = await bench.addDevice();
    await engine.noteConnected(device.deviceId, time.nowMs() + 3_600_000);
    await bench.put(device);
    expect(provider.wakes).to.have.lengthOf(1);
  });

  it('hands the entry on when the device has changed to another provider', async () => {
    const { queue, otherQueue, provider, metrics, time } = start();
    const device = await bench.addDevice({ type: 'apns', token: 'ab' });
    const sent = await bench.put(device);
    expect(provider.wakes).to.deep.equal([]);
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(metrics.skips.moved.count).to.equal(1);
    const signal = new AbortController().signal;
    const [moved] = await otherQueue.lease({ max: 1, waitMs: 0, signal });
    const { deviceId, channelId } = device;
    const storedAtMs = time.nowMs();
    expect(moved).to.include({ deviceId, channelId, version: sent, storedAtMs, attempts: 0 });
  });

  it('keeps the entry when the other queue does not take it', async () => {
    const { queue, otherQueue, time } = start();
    otherQueue.fail('enqueue');
    await bench.put(await bench.addDevice({ type: 'apns', token: 'ab' }));
    expect(queue.doneIds).to.deep.equal([]);
    expect(queue.retries.map(({ isAttempt }) => isAttempt)).to.deep.equal([false]);
    otherQueue.fail();
    await time.pass(SETTINGS.backoff.minMs);
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(otherQueue.depth.ready).to.equal(1);
  });

  it('skips a device whose provider is not set up', async () => {
    const { queue, metrics } = start();
    await bench.put(await bench.addDevice({ type: 'udp', ip: '10.0.0.1', port: 5000 }));
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(metrics.skips.unconfigured.count).to.equal(1);
  });
});

describe('the kick worker, with many entries of one device', () => {
  afterEach(() => bench.close());

  it('wakes it once for all that were leased together, by the newest', async () => {
    bench = new WorkerBench();
    const { queue, provider, metrics, worker } = bench;
    const device = await bench.addDevice();
    for (let put = 0; put < 4; put += 1) await bench.put(device);
    const newest = await bench.put(device);
    worker.start();
    await quiet();
    expect(provider.wakes.map((wake) => wake.version)).to.deep.equal([newest]);
    expect(queue.doneIds).to.have.lengthOf(5);
    expect(metrics.skips.coalesced.count).to.equal(4);
  });

  it('never has two wake-ups of it under way, and wakes it again after the interval', async () => {
    const { queue, provider, time } = start();
    const { release } = provider.holds();
    const device = await bench.addDevice();
    await bench.put(device);
    await bench.put(device);
    await bench.put(device);
    expect(provider.wakes).to.have.lengthOf(1);
    expect(queue.retries.map(({ delayMs, isAttempt }) => ({ delayMs, isAttempt }))).to.deep.equal([
      { delayMs: INTERVAL_MS, isAttempt: false },
      { delayMs: INTERVAL_MS, isAttempt: false },
    ]);
    release({ kind: 'woken' });
    await time.pass(INTERVAL_MS - 1);
    expect(provider.wakes).to.have.lengthOf(1);
    await time.pass(1);
    expect(provider.wakes).to.have.lengthOf(2);
    expect(queue.doneIds).to.have.lengthOf(3);
  });

  it('does not spin beside a wake-up when the interval is nothing', async () => {
    const { queue, provider, time } = start({ wakeIntervalMs: 0 });
    const { release } = provider.holds();
    const device = await bench.addDevice();
    await bench.put(device);
    await bench.put(device);
    await time.pass(1000);
    expect(queue.retries).to.have.lengthOf.within(2, 5);
    release({ kind: 'woken' });
    await time.pass(1000);
    expect(queue.doneIds).to.have.lengthOf(2);
  });

  it('wakes it once in the interval, and for what came meanwhile at its end', async () => {
    const { queue, provider, time } = start();
    const device = await bench.addDevice();
    await bench.put(device);
    await time.pass(4000);
    await bench.put(device);
    const last = await bench.put(device);
    await time.pass(INTERVAL_MS);
    const sentAtMs = provider.wakes.map(({ atMs }) => atMs);
    expect(sentAtMs).to.deep.equal([0, INTERVAL_MS]);
    expect(provider.wakes[1]?.version).to.be.at.most(last);
    expect(queue.doneIds).to.have.lengthOf(3);
  });

  it('does not wake it for that when it has connected meanwhile', async () => {
    const { queue, provider, engine, time } = start();
    const device = await bench.addDevice();
    await bench.put(device);
    await time.pass(4000);
    await bench.put(device);
    await time.pass(1);
    await engine.noteConnected(device.deviceId, time.nowMs());
    await time.pass(INTERVAL_MS);
    expect(provider.wakes).to.have.lengthOf(1);
    expect(queue.doneIds).to.have.lengthOf(2);
  });

  it('keeps one of them, the newest, when the wake-up is to be tried again', async () => {
    bench = new WorkerBench();
    const { queue, provider, worker, time } = bench;
    const device = await bench.addDevice();
    await bench.put(device);
    await time.pass(1);
    await bench.put(device);
    provider.answers(LATER);
    worker.start();
    await quiet();
    expect(queue.retries.map(({ id }) => id)).to.deep.equal(['entry-2']);
    expect(queue.doneIds).to.deep.equal(['entry-1']);
  });

  it('keeps all of them when the queue does not take the newest back', async () => {
    bench = new WorkerBench();
    const { queue, provider, worker, metrics } = bench;
    const device = await bench.addDevice();
    await bench.put(device);
    await bench.put(device);
    provider.answers(LATER);
    queue.fail('retryLater');
    worker.start();
    await quiet();
    expect(queue.doneIds).to.deep.equal([]);
    expect(queue.depth.leased).to.equal(2);
    expect(metrics.queueErrors.settle.count).to.equal(1);
  });

  it('leaves the interval to another process that has claimed it', async () => {
    const { queue, provider, engine, time, metrics } = start();
    const device = await bench.addDevice();
    const claim = { nowMs: time.nowMs() - 3000, intervalMs: INTERVAL_MS };
    await engine.claimWake(device.deviceId, claim);
    await bench.put(device);
    expect(provider.wakes).to.deep.equal([]);
    expect(queue.retries.map(({ delayMs }) => delayMs)).to.deep.equal([INTERVAL_MS - 3000]);
    expect(metrics.retries.interval.count).to.equal(1);
  });
});

describe('the kick worker, of what is in hand', () => {
  afterEach(() => bench.close());

  it('leases no more than may be in flight', async () => {
    bench = new WorkerBench({ inFlightMax: 3 });
    const { queue, provider, worker } = bench;
    const { release } = provider.holds();
    for (const device of await bench.addDevices(7)) await bench.put(device);
    worker.start();
    await quiet();
    expect(provider.wakes).to.have.lengthOf(3);
    expect(worker.view.inHand).to.equal(3);
    expect(queue.depth).to.deep.equal({ ready: 4, leased: 3, delayed: 0 });
    release({ kind: 'woken' });
    await quiet();
    expect(queue.doneIds).to.have.lengthOf(7);
    expect(queue.leasedMax).to.equal(3);
    expect(worker.view.inHand).to.equal(0);
  });

  it('asks the provider no more often than the rate allows', async () => {
    bench = new WorkerBench({ ratePerSecondMax: 10, inFlightMax: 100 });
    const { queue, provider, worker, time } = bench;
    for (const device of await bench.addDevices(30)) await bench.put(device);
    worker.start();
    for (let second = 1; second <= 2; second += 1) {
      await time.pass(1000);
      expect(provider.wakes).to.have.lengthOf.within(second * 10 - 1, second * 10 + 1);
    }
    await time.pass(2000);
    expect(queue.doneIds).to.have.lengthOf(30);
  });

  it('does not count against the rate what it skipped', async () => {
    bench = new WorkerBench({ ratePerSecondMax: 1, inFlightMax: 100 });
    const { queue, engine, worker, time } = bench;
    for (const device of await bench.addDevices(20)) {
      await bench.put(device);
      await engine.noteConnected(device.deviceId, time.nowMs() + 1);
    }
    time.moveMs(1);
    worker.start();
    for (let turn = 0; turn < 40; turn += 1) await quiet();
    expect(queue.doneIds).to.have.lengthOf(20);
  });
});

describe('the kick worker, with a provider in trouble', () => {
  afterEach(() => bench.close());

  it('leaves a provider alone that fails often in a row, and wakes all once it is back', async () => {
    bench = new WorkerBench();
    const { queue, provider, worker, time } = bench;
    provider.answers(UNANSWERED);
    for (const device of await bench.addDevices(40)) await bench.put(device);
    worker.start();
    await time.pass(60_000);
    // What was in flight when it opened, and one for each pause of 2, 4, 8, 16, 16 s.
    expect(provider.wakes).to.have.lengthOf.within(SETTINGS.inFlightMax, SETTINGS.inFlightMax + 6);
    expect(worker.view.breaker.kind).to.not.equal('closed');
    expect(bench.eventsAt('warn')).to.deep.equal(['kick.provider.failing']);
    expect(queue.dead).to.deep.equal([]);
    provider.answers({ kind: 'woken' });
    await time.pass(60_000);
    expect(queue.doneIds).to.have.lengthOf(40);
    expect(bench.eventsAt('info')).to.deep.equal(['kick.provider.recovered']);
  });

  it('gives nothing up while the provider is away, however long that is', async () => {
    const { queue, provider, time } = start({ breakerFailuresMax: 1 });
    provider.answers(UNANSWERED);
    for (const device of await bench.addDevices(3)) await bench.put(device);
    await time.pass(3_600_000);
    expect(queue.dead).to.deep.equal([]);
    provider.answers({ kind: 'woken' });
    await time.pass(60_000);
    expect(queue.doneIds).to.have.lengthOf(3);
  });

  it('leases nothing for as long as the provider asks', async () => {
    const { queue, provider, time } = start();
    provider.answers({ ...BUSY, retryAfterMs: 50_000 });
    const [first, ...others] = await bench.addDevices(5);
    if (first) await bench.put(first);
    const leases = queue.leaseCount;
    for (const device of others) await bench.put(device);
    await time.pass(49_000);
    expect(provider.wakes).to.have.lengthOf(1);
    expect(queue.leaseCount).to.be.at.most(leases + 1);
    provider.answers({ kind: 'woken' });
    await time.pass(60_000);
    expect(queue.doneIds).to.have.lengthOf(5);
  });

  it('halts when credentials are refused, alarms once, and goes on when they are mended', async () => {
    const { queue, provider, worker, time } = start();
    provider.answers(HALTED);
    for (const device of await bench.addDevices(5)) await bench.put(device);
    await time.pass(500_000);
    expect(provider.wakes).to.have.lengthOf.within(5, 12);
    expect(bench.eventsAt('error')).to.deep.equal(['kick.provider.halted']);
    const [alarm] = bench.logged.filter(({ level }) => level === 'error');
    expect(alarm?.fields).to.deep.equal({ provider: 'fcm', reason: 'InvalidProviderToken' });
    expect(worker.view.breaker).to.have.nested.property('trouble.cause', 'halted');
    expect(queue.dead).to.deep.equal([]);
    provider.answers({ kind: 'woken' });
    await time.pass(300_000);
    expect(queue.doneIds).to.have.lengthOf(5);
    expect(worker.view.breaker.kind).to.equal('closed');
    expect(bench.eventsAt('info')).to.deep.equal(['kick.provider.recovered']);
  });
});

describe('the kick worker, with several apps', () => {
  afterEach(() => bench.close());

  const appOf = (target: KickTarget) => (target.type === 'fcm' ? target.token : '');

  it('halts the one whose credentials are refused, and no other, until they are mended', async () => {
    const { queue, provider, worker, time } = start({}, { appOf });
    const [bad, good] = await bench.addDevices(2);
    if (!bad || !good) return expect.fail('no devices');
    provider.answer = ({ channelId }) => (channelId === bad.channelId ? HALTED : { kind: 'woken' });
    for (let round = 0; round < 10; round += 1) {
      await bench.put(bad);
      await bench.put(good);
      await time.pass(INTERVAL_MS);
    }
    const wakesOf = ({ channelId }: BenchDevice) =>
      provider.wakes.filter((wake) => wake.channelId === channelId).length;
    expect(wakesOf(good)).to.equal(10);
    // At 0 s, after a pause of 30 s and after another of 60 s.
    expect(wakesOf(bad)).to.be.within(2, 3);
    expect(worker.view.halts).to.deep.equal(['InvalidProviderToken']);
    expect(worker.view.breaker.kind).to.equal('closed');
    expect(bench.eventsAt('error')).to.deep.equal(['kick.provider.halted']);
    expect(queue.dead).to.deep.equal([]);
    provider.answers({ kind: 'woken' });
    await time.pass(300_000);
    expect(worker.view.halts).to.deep.equal([]);
    expect(queue.doneIds).to.have.lengthOf(20);
    expect(bench.eventsAt('info')).to.deep.equal(['kick.provider.recovered']);
  });

  it('does not take a try that nobody answered for a sign that they are mended', async () => {
    const { provider, worker, time } = start({}, { appOf });
    provider.answers(HALTED);
    await bench.put(await bench.addDevice());
    provider.answers(UNANSWERED);
    await time.pass(100_000);
    expect(provider.wakes.length).to.be.greaterThan(1);
    expect(worker.view.halts).to.deep.equal(['InvalidProviderToken']);
  });
});

describe('the kick worker, without store or queue', () => {
  afterEach(() => bench.close());

  for (const operation of ['readKick', 'claimWake'] as const) {
    it(`keeps entries while the store does not answer ${operation}, and counts no attempt`, async () => {
      const { queue, provider, store, worker, time } = start();
      store.fail(operation);
      for (const device of await bench.addDevices(3)) await bench.put(device);
      await time.pass(60_000);
      expect(provider.wakes).to.deep.equal([]);
      expect(queue.retries.filter(({ isAttempt }) => isAttempt)).to.deep.equal([]);
      expect(worker.view.storeProblem).to.equal('the test stopped the store');
      expect(bench.eventsAt('error')).to.include('kick.store.unavailable');
      store.heal();
      await time.pass(60_000);
      expect(provider.wakes).to.have.lengthOf(3);
      expect(queue.doneIds).to.have.lengthOf(3);
      expect(worker.view.storeProblem).to.equal(undefined);
    });
  }

  it('waits longer and longer for the store', async () => {
    const { store, time } = start();
    store.fail();
    await bench.put(await bench.addDevice());
    await time.pass(600_000);
    expect(store.callsOf('readKick')).to.be.within(50, 150);
    expect(bench.eventsAt('error')).to.deep.equal(['kick.store.unavailable']);
  });

  it('tries again after the interval when a claim could not be released', async () => {
    const { queue, provider, store, time } = start();
    store.fail('releaseWake');
    provider.answers(LATER);
    await bench.put(await bench.addDevice());
    expect(queue.retries.map(({ isAttempt }) => isAttempt)).to.deep.equal([true]);
    provider.answers({ kind: 'woken' });
    await time.pass(INTERVAL_MS);
    expect(provider.wakes.map(({ atMs }) => atMs)).to.deep.equal([0, INTERVAL_MS]);
  });

  it('drops a dead target once the store is back', async () => {
    const { queue, provider, store, engine, time } = start();
    provider.answers(GONE);
    store.fail('dropTarget');
    const device = await bench.addDevice();
    await bench.put(device);
    expect(queue.retries.map(({ isAttempt }) => isAttempt)).to.deep.equal([false]);
    store.heal();
    await time.pass(2 * INTERVAL_MS);
    expect((await engine.readKick(device.deviceId)).target).to.equal(undefined);
    expect(queue.doneIds).to.have.lengthOf(1);
  });

  it('leaves a queue alone that fails, says so once, and goes on when it is back', async () => {
    bench = new WorkerBench();
    const { queue, worker, time, metrics } = bench;
    queue.fail('lease');
    worker.start();
    await time.pass(600_000);
    expect(metrics.queueErrors.lease.count).to.be.within(50, 150);
    expect(worker.view.queueProblem).to.equal('the test stopped the queue');
    expect(bench.eventsAt('error')).to.deep.equal(['kick.queue.unavailable']);
    queue.fail();
    await bench.put(await bench.addDevice());
    await time.pass(10_000);
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(worker.view.queueProblem).to.equal(undefined);
    expect(bench.eventsAt('info')).to.deep.equal(['kick.queue.available']);
  });
});

describe('the kick worker, when it stops', () => {
  afterEach(() => bench.close());

  it('lets wake-ups in hand finish, and begins no other', async () => {
    const { queue, provider, worker, time } = start();
    const { release } = provider.holds();
    const [first, second] = await bench.addDevices(2);
    if (!first || !second) return expect.fail('no devices');
    await bench.put(first);
    const stopped = worker.stop(5000);
    await bench.put(second);
    await time.pass(1000);
    release({ kind: 'woken' });
    expect(await stopped).to.equal(true);
    expect(queue.doneIds).to.have.lengthOf(1);
    expect(queue.depth).to.deep.equal({ ready: 1, leased: 0, delayed: 0 });
    expect(provider.wakes).to.have.lengthOf(1);
  });

  it('gives them up at the deadline: the device may have been woken', async () => {
    const { queue, provider, worker, time } = start();
    provider.holds();
    await bench.put(await bench.addDevice());
    const stopped = worker.stop(5000);
    await time.pass(4999);
    expect(queue.retries).to.deep.equal([]);
    await time.pass(1);
    expect(await stopped).to.equal(false);
    expect(queue.retries.map(({ delayMs, isAttempt }) => ({ delayMs, isAttempt }))).to.deep.equal([
      { delayMs: INTERVAL_MS, isAttempt: false },
    ]);
    expect(queue.depth.leased).to.equal(0);
    expect(worker.view.breaker).to.deep.equal({ kind: 'closed', failures: 0 });
  });

  it('gives back at once what had not been sent by then', async () => {
    const { queue, provider, worker, time } = start();
    provider.answer = ({ signal }) =>
      new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ ...LATER, reason: 'aborted' }));
      });
    await bench.put(await bench.addDevice());
    const stopped = worker.stop(5000);
    await time.pass(5000);
    expect(await stopped).to.equal(false);
    expect(queue.retries.map(({ delayMs, isAttempt }) => ({ delayMs, isAttempt }))).to.deep.equal([
      { delayMs: 0, isAttempt: false },
    ]);
  });

  it('gives back at once what it had leased and not begun', async () => {
    const { queue, provider, store, worker } = start();
    const { reached, release } = store.hold('readKick');
    await bench.put(await bench.addDevice());
    await reached;
    const stopped = worker.stop(5000);
    release();
    expect(await stopped).to.equal(true);
    expect(provider.wakes).to.deep.equal([]);
    expect(queue.retries.map(({ delayMs, isAttempt }) => ({ delayMs, isAttempt }))).to.deep.equal([
      { delayMs: 0, isAttempt: false },
    ]);
  });

  it('does not wait for the end of a pause', async () => {
    const { provider, worker } = start();
    provider.answers({ ...BUSY, retryAfterMs: 3_000_000 });
    await bench.put(await bench.addDevice());
    expect(await worker.stop(5000)).to.equal(true);
  });
});
