import { expect } from 'chai';
import fc from 'fast-check';
import { systemClock } from '../../../src/clock.ts';
import { quietLog } from '../../../src/log.ts';
import type { ChannelId, DeviceId } from '../../../src/protocol/ids.ts';
import {
  type MemcachedClient,
  openMemcachedClient,
} from '../../../src/storage/memcached/client.ts';
import {
  type ChannelRecord,
  channelKey,
  decodeChannel,
  decodeDevice,
  deviceKey,
} from '../../../src/storage/memcached/records.ts';
import type { Seen } from '../../../src/storage/memcached/requests.ts';
import { openMemcachedStore } from '../../../src/storage/memcached.ts';
import type { Store, StoreLimits } from '../../../src/storage/store.ts';
import { type RealMemcached, startMemcached } from '../../support/memcached.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  TEST_LIMITS,
  version,
} from '../store-fixtures.ts';

const DAY_MS = 86_400_000;

describe('two nodes with one memcached', () => {
  let memcached: RealMemcached;
  let one: Store;
  let other: Store;
  /** Looks at the records themselves. */
  let client: MemcachedClient;

  const open = (limits: StoreLimits = TEST_LIMITS) =>
    openMemcachedStore({
      servers: [memcached],
      timeoutMs: 2000,
      requestsInFlightMax: 10_000,
      limits,
      clock: systemClock,
    });
  const openClient = () =>
    openMemcachedClient({
      servers: [memcached],
      requestTimeoutMs: 1000,
      requestsInFlightMax: 10_000,
      unsentBytesMax: 1_000_000,
      clock: systemClock,
      log: quietLog,
    });

  before(async () => {
    memcached = await startMemcached();
  });
  after(async () => {
    await memcached.stop();
  });
  beforeEach(async () => {
    [one, other, client] = await Promise.all([open(), open(), openClient()]);
  });
  afterEach(async () => {
    await Promise.all([one.close(), other.close(), client.close()]);
  });

  const raw = (key: string): Promise<Seen> => client.serverOf('').get(key);

  it('do not take a record of the restarted memcached for the one they remember', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    await one.registerChannel(device, plain(channel));
    // Far enough that the other node's writes after the restart do not reach it.
    for (let value = 1; value <= 100; value += 1) {
      await one.putUpdate(device, channel, version(value));
    }
    const key = channelKey(device, channel);
    const remembered = (await raw(key)).cas;

    await memcached.kill();
    await memcached.start();
    await Promise.all([isBack(one), isBack(other), client.close()]);
    client = await openClient();
    await other.registerChannel(device, plain(channel));
    for (;;) {
      const spare = await client.serverOf('').set({ key: 'spare', value: '', exptime: 10 });
      expect(spare?.cas).to.be.below(remembered);
      if (spare?.cas === remembered - 1) break;
    }
    await other.putUpdate(device, channel, version(500));
    expect((await raw(key)).cas).to.equal(remembered);

    expect(await one.putUpdate(device, channel, version(101))).to.equal('stale');
    expect(await pendingOf(one, device, channel)).to.equal(500);
  });

  it('need one round trip for a PUT and one for its ack', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    const round = async (store: Store, value: number) => {
      await store.putUpdate(device, channel, version(value));
      await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(value) }]);
    };
    await round(one, 1);
    const before = await commandCounts(memcached);
    await round(one, 2);
    const after = await commandCounts(memcached);
    expect({ gets: after.gets - before.gets, sets: after.sets - before.sets }).to.deep.equal({
      gets: 0,
      sets: 2,
    });
  });

  it('need no look at a channel in vain when the other node writes each time', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    const round = async (value: number) => {
      await one.putUpdate(device, channel, version(value));
      await other.ackUpdates(device, [{ channelId: channel, throughVersion: version(value) }]);
    };
    for (const value of [1, 2, 3]) await round(value);
    const before = await commandCounts(memcached);
    await round(4);
    const after = await commandCounts(memcached);
    expect({ gets: after.gets - before.gets, sets: after.sets - before.sets }).to.deep.equal({
      gets: 2,
      sets: 2,
    });
  });

  it('list every channel they hold, and no more than a device may have', async () => {
    const crowded = { ...TEST_LIMITS, channelsPerDeviceMax: 2 };
    const nodes = [await open(crowded), await open(crowded)] as const;
    const channels = [newChannel(), newChannel(), newChannel(), newChannel()] as const;
    const step = fc.record({
      node: fc.constantFrom(...nodes),
      call: fc.constantFrom(
        (node: Store, device: DeviceId, id: ChannelId) => node.registerChannel(device, plain(id)),
        (node: Store, device: DeviceId, id: ChannelId) => node.putUpdate(device, id, version(1)),
        (node: Store, device: DeviceId, id: ChannelId) => node.unregisterChannel(device, id),
      ),
      channel: fc.constantFrom(...channels),
    });
    const scripts = fc.array(fc.array(step, { maxLength: 6 }), { minLength: 2, maxLength: 4 });
    const check = fc.asyncProperty(scripts, async (callers) => {
      const device = newDevice();
      await Promise.all(
        callers.map(async (script) => {
          for (const { node, call, channel } of script) await call(node, device, channel);
        }),
      );
      const held = await heldInTruth(device, channels);
      const view = await one.readDevice(device, []);
      const seen = view.kind === 'known' ? channelsOf(view).map(({ channelId }) => channelId) : [];
      expect(seen).to.deep.equal(held);
      expect(held.length).to.be.at.most(crowded.channelsPerDeviceMax);
    });
    await fc.assert(check, { numRuns: 200 });
    await Promise.all(nodes.map((node) => node.close()));
  });

  it('find a channel that its list has lost, and list it again', async () => {
    const [device, channel, lost] = [newDevice(), newChannel(), newChannel()];
    await one.registerChannel(device, plain(channel));
    await one.putUpdate(device, lost, version(7));
    await memcached.command(`md ${deviceKey(device)}`);
    expect(await other.readDevice(device, [])).to.deep.equal({ kind: 'unknown' });
    const found = channelsOf(await other.readDevice(device, [lost]));
    expect(found.map(({ pending }) => pending?.version)).to.deep.equal([7]);
    expect(
      channelsOf(await one.readDevice(device, [])).map(({ channelId }) => channelId),
    ).to.deep.equal([lost]);
  });

  it('answer that a record of another form is no record they can read', async () => {
    const [device, channel] = [newDevice(), newChannel()];
    await one.putUpdate(device, channel, version(1));
    const write = { key: channelKey(device, channel), value: 'what is this', exptime: 0 };
    await client.serverOf('').set(write);
    const calls = [one.readDevice(device, []), one.putUpdate(device, channel, version(2))];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected']);
    expect((await raw(write.key)).value).to.equal(write.value);
  });

  it('hold far more channels than are asked for at once', async () => {
    const roomy = await open({ ...TEST_LIMITS, channelsPerDeviceMax: 1000 });
    const device = newDevice();
    const channels = Array.from({ length: 1000 }, newChannel).sort();
    await Promise.all(channels.map((channel) => roomy.putUpdate(device, channel, version(1))));
    expect(await roomy.putUpdate(device, newChannel(), version(1))).to.equal('gone');
    const seen = channelsOf(await roomy.readDevice(device, channels.slice(0, 400)));
    expect(seen.map(({ channelId }) => channelId)).to.deep.equal(channels);
    await roomy.dropDevice(device);
    expect(channelsOf(await other.readDevice(device, []))).to.have.length(0);
    await roomy.close();
  });

  for (const channelTtlMs of [10 * DAY_MS, 90 * DAY_MS]) {
    it(`tell memcached to forget what it keeps for ${channelTtlMs / DAY_MS} days`, async () => {
      const limits = { ...TEST_LIMITS, channelTtlMs, goneTtlMs: 40 * DAY_MS };
      const lasting = await open(limits);
      const [device, channel, gone] = [newDevice(), newChannel(), newChannel()];
      await lasting.putUpdate(device, channel, version(1));
      await lasting.unregisterChannel(device, gone);
      const seconds = async (key: string) =>
        Number(/t(\d+)/.exec(await memcached.command(`mg ${key} t`))?.[1]);
      const lifeSeconds = (1.1 * channelTtlMs) / 1000;
      expect(await seconds(deviceKey(device))).to.be.closeTo(lifeSeconds, 5);
      expect(await seconds(channelKey(device, channel))).to.be.closeTo(lifeSeconds, 5);
      expect(await seconds(channelKey(device, gone))).to.be.closeTo(40 * 86_400, 5);
      await lasting.close();
    });
  }

  /** The channels whose own records say that they are held, in order; each must be on the device's list. */
  async function heldInTruth(
    device: DeviceId,
    channels: readonly ChannelId[],
  ): Promise<readonly ChannelId[]> {
    const list = (await raw(deviceKey(device))).value;
    const listed = list === undefined ? [] : decodeDevice(list).channelIds;
    const records = await Promise.all(
      channels.map(async (id): Promise<[ChannelId, ChannelRecord | undefined]> => {
        const { value } = await raw(channelKey(device, id));
        return [id, value === undefined ? undefined : decodeChannel(value)];
      }),
    );
    const held = records.filter(([, record]) => record?.kind === 'live').map(([id]) => id);
    for (const id of held) expect(listed).to.include(id);
    return held.sort();
  }
});

async function isBack(store: Store): Promise<void> {
  for (;;) {
    try {
      await store.check();
      return;
    } catch {
      // Not yet; Mocha's timeout ends a vain wait.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

async function commandCounts(memcached: RealMemcached): Promise<{ gets: number; sets: number }> {
  const stats = await memcached.command('stats');
  const count = (name: string) => Number(new RegExp(`STAT ${name} (\\d+)`).exec(stats)?.[1]);
  return { gets: count('cmd_get'), sets: count('cmd_set') };
}
