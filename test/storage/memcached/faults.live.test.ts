import { expect } from 'chai';
import { systemClock } from '../../../src/clock.ts';
import type { ChannelId, DeviceId } from '../../../src/protocol/ids.ts';
import { openMemcachedStore } from '../../../src/storage/memcached.ts';
import { type Store, StoreUnavailableError } from '../../../src/storage/store.ts';
import { prepareMemcached, type RealMemcached, startMemcached } from '../../support/memcached.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  TEST_LIMITS,
  version,
} from '../store-fixtures.ts';

const TIMEOUT_MS = 800;
/** The deadline of a call, and what a crowded machine adds to it. */
const SETTLED_MS_MAX = TIMEOUT_MS + 500;
/** A server that is known to be away is not waited for at all. */
const AT_ONCE_MS_MAX = 300;
/** Longest wait for a server that is back: the longest pause before connecting again, and time to do it. */
const BACK_MS_MAX = 4_000;
const CALLERS = 200;

/** What may happen to a memcached at any moment, and how it comes back. */
const FAULTS: readonly {
  readonly name: string;
  readonly strike: (memcached: RealMemcached) => Promise<void> | void;
  readonly heal: (memcached: RealMemcached) => Promise<void> | void;
  readonly forgets: boolean;
}[] = [
  {
    name: 'is killed',
    strike: (memcached) => memcached.kill(),
    heal: (memcached) => memcached.start(),
    forgets: true,
  },
  {
    name: 'is stopped',
    strike: (memcached) => memcached.stop(),
    heal: (memcached) => memcached.start(),
    forgets: true,
  },
  {
    name: 'freezes',
    strike: (memcached) => memcached.freeze(),
    heal: (memcached) => memcached.thaw(),
    forgets: false,
  },
];

describe('the memcached store when its server', () => {
  let memcached: RealMemcached;
  let store: Store;

  const open = (servers: readonly RealMemcached[], timeoutMs = TIMEOUT_MS) =>
    openMemcachedStore({
      servers,
      timeoutMs,
      requestsInFlightMax: 10_000,
      limits: TEST_LIMITS,
      clock: systemClock,
    });

  beforeEach(async () => {
    memcached = await startMemcached();
    store = await open([memcached]);
  });
  afterEach(async () => {
    await store.close();
    await memcached.kill();
  });

  for (const { name, strike, heal, forgets } of FAULTS) {
    it(`${name} under load, settles every call in its time and recovers by itself`, async function () {
      this.timeout(10_000);
      const load = new Load(store, CALLERS);
      await load.hasSucceeded();
      await strike(memcached);
      await load.hasFailed();
      await failsAtOnce(store);
      await heal(memcached);
      await isBack(store);
      const { slowestMs, failures } = await load.stop();
      expect(slowestMs).to.be.below(SETTLED_MS_MAX);
      for (const failure of failures) expect(failure).to.be.instanceOf(StoreUnavailableError);
    });

    it(`${name}, ${forgets ? 'knows nothing afterwards' : 'has lost nothing afterwards'}`, async () => {
      const [device, channel, gone] = [newDevice(), newChannel(), newChannel()];
      await store.putUpdate(device, channel, version(7));
      await store.unregisterChannel(device, gone);
      await strike(memcached);
      await failsAtOnce(store);
      await heal(memcached);
      await isBack(store);
      if (forgets) await isForgotten(store, { device, channel, gone });
      else expect(await pendingOf(store, device, channel)).to.equal(7);
    });
  }

  it('is flushed, knows nothing and calls nothing gone', async () => {
    const [device, channel, gone] = [newDevice(), newChannel(), newChannel()];
    await store.putUpdate(device, channel, version(7));
    await store.unregisterChannel(device, gone);
    await memcached.flush();
    await isForgotten(store, { device, channel, gone });
  });

  it('is flushed, has nobody to wake until devices give their targets again', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    const target = { type: 'fcm', token: 'token' } as const;
    await store.writeTarget(device, target, 1);
    await store.putUpdate(device, channel, version(7));
    await memcached.flush();
    expect(await store.readKick(device)).to.deep.equal({ hasPending: false });
    const claim = { nowMs: 2, intervalMs: 1 };
    expect(await store.claimWake(device, claim)).to.deep.equal({ kind: 'absent' });
    await store.noteConnected(device, 3);
    expect(await store.readTargetType(device)).to.equal(undefined);
    await store.putUpdate(device, channel, version(8));
    await store.writeTarget(device, target, 4);
    const given = { target, givenAtMs: 4, connectedAtMs: 4 };
    expect(await store.readKick(device)).to.deep.equal({ target: given, hasPending: true });
  });

  it('is flushed under load, fails no call', async () => {
    const load = new Load(store, CALLERS);
    await load.hasSucceeded();
    for (let flush = 0; flush < 20; flush += 1) await memcached.flush();
    expect((await load.stop()).failures).to.deep.equal([]);
  });

  it('freezes, does not lose to a write that it makes late', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    const other = await open([memcached]);
    memcached.freeze();
    await failureOf(store.unregisterChannel(device, channel));
    await failureOf(store.putUpdate(device, channel, version(3)));
    memcached.thaw();
    await isBack(other);
    await other.registerChannel(device, plain(channel));
    expect(await other.putUpdate(device, channel, version(5))).to.equal('stored');
    await isBack(store);
    expect(await pendingOf(store, device, channel)).to.equal(5);
    await other.close();
  });

  it('is away, can be opened, fails at once, and works when it comes', async () => {
    const late = await prepareMemcached();
    const early = await open([late]);
    await failsAtOnce(early);
    await late.start();
    await isBack(early);
    await early.close();
    await late.kill();
  });

  it('freezes, is still closed in time', async () => {
    const calls = Array.from({ length: CALLERS }, () =>
      failureOf(store.putUpdate(newDevice(), newChannel(), version(1))),
    );
    memcached.freeze();
    const startedAtMs = performance.now();
    await store.close();
    expect(performance.now() - startedAtMs).to.be.below(SETTLED_MS_MAX);
    await Promise.all(calls);
    store = await open([memcached]);
  });

  it('is left, has done what was under way', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    const calls = [
      store.putUpdate(device, channel, version(1)),
      store.putUpdate(device, channel, version(2)),
      store.registerChannel(device, plain(newChannel())),
      store.readDevice(device, []),
      store.readKick(device),
      store.check(),
    ];
    await store.close();
    await Promise.all(calls);
    store = await open([memcached]);
    expect(await pendingOf(store, device, channel)).to.equal(2);
  });

  it('is one of three and dies, fails its own devices and no others', async () => {
    const all = [memcached, await startMemcached(), await startMemcached()];
    const several = await open(all);
    const devices = Array.from({ length: 60 }, newDevice);
    const channel = newChannel();
    const putAll = (value: number) =>
      Promise.allSettled(
        devices.map((device) => several.putUpdate(device, channel, version(value))),
      );
    expect((await putAll(1)).map(({ status }) => status)).not.to.include('rejected');
    await several.check();
    await all[1]?.kill();
    const outcomes = await putAll(2);
    const lost = outcomes.filter(({ status }) => status === 'rejected');
    expect(lost.length).to.be.within(5, 40);
    expect(await failureOf(several.check())).to.be.instanceOf(StoreUnavailableError);
    for (const [at, device] of devices.entries()) {
      if (outcomes[at]?.status === 'fulfilled') {
        expect(await pendingOf(several, device, channel)).to.equal(2);
      } else {
        expect(await failureOf(several.readDevice(device, []))).to.be.instanceOf(
          StoreUnavailableError,
        );
      }
    }
    await several.close();
    for (const one of all) await one.kill();
  });

  it('has no memory left, refuses what it cannot keep and goes on', async () => {
    const tiny = await startMemcached({ memoryMib: 2, flags: ['-M'] });
    const narrow = await open([tiny], 2000);
    const device = newDevice();
    await narrow.registerChannel(device, plain(newChannel()));
    const failure = await failureOf(fill(narrow));
    expect(failure).to.be.instanceOf(StoreUnavailableError);
    expect(failure?.message).to.include('out of memory');
    expect(channelsOf(await narrow.readDevice(device, []))).to.have.length(1);
    await narrow.close();
    await tiny.kill();
  });
});

/** Callers that never pause: each puts, acknowledges and reads on a device of its own, and notes how long every call took. */
class Load {
  readonly #failures: Error[] = [];
  readonly #callers: Promise<void>[];
  #successes = 0;
  #slowestMs = 0;
  #isOn = true;

  constructor(store: Store, callers: number) {
    this.#callers = Array.from({ length: callers }, () =>
      this.#call(store, newDevice(), newChannel()),
    );
  }

  /** Resolves once the load is on its way. */
  hasSucceeded(): Promise<void> {
    return eventually(() => this.#successes > 5 * CALLERS);
  }

  hasFailed(): Promise<void> {
    return eventually(() => this.#failures.length > 0);
  }

  async stop(): Promise<{ readonly slowestMs: number; readonly failures: readonly Error[] }> {
    this.#isOn = false;
    await Promise.all(this.#callers);
    return { slowestMs: this.#slowestMs, failures: this.#failures };
  }

  async #call(store: Store, device: DeviceId, channel: ChannelId): Promise<void> {
    for (let value = 1; this.#isOn; value += 1) {
      await this.#time(store.putUpdate(device, channel, version(value)));
      const ack = { channelId: channel, throughVersion: version(value) };
      await this.#time(store.ackUpdates(device, [ack]));
      await this.#time(store.readDevice(device, [channel]));
    }
  }

  async #time(call: Promise<unknown>): Promise<void> {
    const startedAtMs = performance.now();
    const failure = await failureOf(call);
    this.#slowestMs = Math.max(this.#slowestMs, performance.now() - startedAtMs);
    if (failure === undefined) {
      this.#successes += 1;
      return;
    }
    this.#failures.push(failure);
    // A caller that fails at once must leave the others, and the sockets, a turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function isForgotten(
  store: Store,
  { device, channel, gone }: { device: DeviceId; channel: ChannelId; gone: ChannelId },
): Promise<void> {
  expect(await store.readDevice(device, [channel, gone])).to.deep.equal({ kind: 'unknown' });
  expect(await store.putUpdate(device, gone, version(1))).to.equal('stored');
  expect(await store.putUpdate(device, channel, version(1))).to.equal('stored');
  expect(channelsOf(await store.readDevice(device, []))).to.have.length(2);
}

async function failsAtOnce(store: Store): Promise<void> {
  // Somebody must find out first, and a signal takes a moment to arrive.
  await eventually(async () => (await failureOf(store.check())) !== undefined);
  const startedAtMs = performance.now();
  expect(await failureOf(store.check())).to.be.instanceOf(StoreUnavailableError);
  expect(performance.now() - startedAtMs).to.be.below(AT_ONCE_MS_MAX);
}

function isBack(store: Store): Promise<void> {
  return eventually(async () => (await failureOf(store.check())) === undefined);
}

async function eventually(isSo: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + BACK_MS_MAX;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error('what was waited for did not come');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Puts to new devices until the store fails. */
async function fill(store: Store): Promise<never> {
  for (;;) {
    const puts = Array.from({ length: 100 }, () =>
      store.putUpdate(newDevice(), newChannel(), version(1)),
    );
    await Promise.all(puts);
  }
}

/** What the promise is rejected with; undefined when it is not. */
async function failureOf(promise: Promise<unknown>): Promise<Error | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
