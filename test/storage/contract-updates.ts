import { expect } from 'chai';
import type { GetSubject } from './store-contract.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  TEST_LIMITS,
  version,
} from './store-fixtures.ts';

/** Two PUTs in a row on a held channel: what the second is told and what is pending then. */
const SECOND_PUTS = [
  { first: 5, second: 6, outcome: 'stored', pending: 6 },
  { first: 5, second: 5, outcome: 'stale', pending: 5 },
  { first: 5, second: 4, outcome: 'stale', pending: 5 },
  { first: 5, second: 0, outcome: 'stale', pending: 5 },
  { first: 0, second: 0, outcome: 'stale', pending: 0 },
  { first: 0, second: 1, outcome: 'stored', pending: 1 },
  { first: 2 ** 31 - 1, second: 2 ** 31, outcome: 'stored', pending: 2 ** 31 },
  { first: 2 ** 32 - 1, second: 2 ** 32, outcome: 'stored', pending: 2 ** 32 },
  { first: 2 ** 32, second: 2 ** 32 - 1, outcome: 'stale', pending: 2 ** 32 },
  { first: 2 ** 48 - 1, second: 2 ** 48, outcome: 'stored', pending: 2 ** 48 },
  { first: 2 ** 53 - 2, second: 2 ** 53 - 1, outcome: 'stored', pending: 2 ** 53 - 1 },
  { first: 2 ** 53 - 1, second: 2 ** 53 - 2, outcome: 'stale', pending: 2 ** 53 - 1 },
  { first: 2 ** 53 - 1, second: 2 ** 53 - 1, outcome: 'stale', pending: 2 ** 53 - 1 },
];

/** An ack while `pending` waits: what waits afterwards. */
const ACKS = [
  { pending: 7, through: 5, left: 7 },
  { pending: 7, through: 6, left: 7 },
  { pending: 7, through: 7, left: undefined },
  { pending: 7, through: 8, left: undefined },
  { pending: 0, through: 0, left: undefined },
  { pending: 1, through: 0, left: 1 },
  { pending: 2 ** 32, through: 2 ** 32 - 1, left: 2 ** 32 },
  { pending: 2 ** 53 - 1, through: 2 ** 53 - 2, left: 2 ** 53 - 1 },
  { pending: 2 ** 53 - 1, through: 2 ** 53 - 1, left: undefined },
];

/** What becomes of a version: put, read, acknowledged. */
export function itKeepsUpdates(getSubject: GetSubject): void {
  it('tells when a version was stored', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    clock.moveMs(1234);
    const storedAtMs = clock.nowMs();
    expect(await store.putUpdate(device, channel, version(7))).to.equal('stored');
    clock.moveMs(1);
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([
      { ...plain(channel), pending: { version: 7, storedAtMs } },
    ]);
  });

  it('tells when the higher version was stored, not the first', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(50);
    await store.putUpdate(device, channel, version(8));
    const storedAtMs = clock.nowMs();
    clock.moveMs(50);
    await store.putUpdate(device, channel, version(8));
    await store.putUpdate(device, channel, version(1));
    const [held] = channelsOf(await store.readDevice(device, []));
    expect(held?.pending).to.deep.equal({ version: 8, storedAtMs });
  });

  for (const { first, second, outcome, pending } of SECOND_PUTS) {
    it(`answers ${outcome} to ${second} while ${first} is pending`, async () => {
      const { store } = getSubject();
      const [device, channel] = [newDevice(), newChannel()];
      await store.registerChannel(device, plain(channel));
      expect(await store.putUpdate(device, channel, version(first))).to.equal('stored');
      expect(await store.putUpdate(device, channel, version(second))).to.equal(outcome);
      expect(await pendingOf(store, device, channel)).to.equal(pending);
    });
  }

  for (const { pending, through, left } of ACKS) {
    const what = left === undefined ? 'removes' : 'leaves';
    it(`${what} a pending ${pending} on an ack of ${through}`, async () => {
      const { store } = getSubject();
      const [device, channel] = [newDevice(), newChannel()];
      await store.registerChannel(device, plain(channel));
      await store.putUpdate(device, channel, version(pending));
      await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(through) }]);
      expect(await pendingOf(store, device, channel)).to.equal(left);
      expect(channelsOf(await store.readDevice(device, []))).to.have.length(1);
    });
  }

  it('takes any version once the last one is acknowledged', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    for (const next of [9, 4, 4, 0]) {
      expect(await store.putUpdate(device, channel, version(next))).to.equal('stored');
      expect(await pendingOf(store, device, channel)).to.equal(next);
      await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(next) }]);
    }
  });

  it('acknowledges several channels at once, each by its own version', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const channels = [newChannel(), newChannel(), newChannel()] as const;
    for (const channel of channels) {
      await store.registerChannel(device, plain(channel));
      await store.putUpdate(device, channel, version(7));
    }
    await store.ackUpdates(device, [
      { channelId: channels[0], throughVersion: version(6) },
      { channelId: channels[2], throughVersion: version(7) },
    ]);
    expect(await pendingOf(store, device, channels[0])).to.equal(7);
    expect(await pendingOf(store, device, channels[1])).to.equal(7);
    expect(await pendingOf(store, device, channels[2])).to.equal(undefined);
  });

  it('takes an ack of nothing', async () => {
    await getSubject().store.ackUpdates(newDevice(), []);
  });

  it('passes over acks of unknown and gone channels', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const [held, gone, unknown] = [newChannel(), newChannel(), newChannel()];
    await store.registerChannel(device, plain(held));
    await store.putUpdate(device, held, version(7));
    await store.unregisterChannel(device, gone);
    await store.ackUpdates(
      device,
      [unknown, gone, held].map((channelId) => ({ channelId, throughVersion: version(7) })),
    );
    expect(channelsOf(await store.readDevice(device, [unknown, gone]))).to.deep.equal([
      plain(held),
    ]);
    expect(await store.putUpdate(device, gone, version(8))).to.equal('gone');
  });

  it('knows nothing of a stranger after his ack', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.ackUpdates(device, [{ channelId: newChannel(), throughVersion: version(1) }]);
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'unknown' });
  });

  it('holds an unknown channel from its first PUT on', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    expect(await store.putUpdate(device, channel, version(7))).to.equal('stored');
    // Nobody lists the channel: the device may not know that the store forgot it.
    expect(await store.readDevice(device, [])).to.deep.equal({
      kind: 'known',
      channels: [{ ...plain(channel), pending: { version: 7, storedAtMs: clock.nowMs() } }],
    });
    expect(await store.putUpdate(device, channel, version(6))).to.equal('stale');
  });

  it('refuses a PUT to an unknown channel of a full device', async () => {
    const { store } = getSubject();
    const device = newDevice();
    for (let held = 1; held < TEST_LIMITS.channelsPerDeviceMax; held += 1) {
      await store.registerChannel(device, plain(newChannel()));
    }
    const [last, tooMany] = [newChannel(), newChannel()];
    expect(await store.putUpdate(device, last, version(1))).to.equal('stored');
    expect(await store.putUpdate(device, tooMany, version(1))).to.equal('gone');
    expect(await store.putUpdate(device, last, version(2))).to.equal('stored');
    const view = channelsOf(await store.readDevice(device, [tooMany]));
    expect(view).to.have.length(TEST_LIMITS.channelsPerDeviceMax);
    expect(view.map(({ channelId }) => channelId)).not.to.include(tooMany);
  });

  it('refuses a PUT to a gone channel and keeps nothing of it', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.unregisterChannel(device, channel);
    expect(await store.putUpdate(device, channel, version(2 ** 53 - 1))).to.equal('gone');
    expect(channelsOf(await store.readDevice(device, [channel]))).to.deep.equal([]);
  });
}
