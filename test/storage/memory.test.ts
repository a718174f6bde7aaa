import { expect } from 'chai';
import { createMemoryStore } from '../../src/storage/memory.ts';
import { StoreUnavailableError } from '../../src/storage/store.ts';
import { HandClock } from './hand-clock.ts';
import { itKeepsTheStoreContract } from './store-contract.ts';
import { newChannel, newDevice, plain, TEST_LIMITS, version } from './store-fixtures.ts';

const CHANNELS_MAX = 10;

describe('the memory store', () => {
  itKeepsTheStoreContract(
    ({ limits, clock }) =>
      Promise.resolve(createMemoryStore({ limits, clock, channelsMax: 100_000 })),
    { expiresBy: 'clock' },
  );

  const full = async () => {
    const clock = new HandClock();
    const store = createMemoryStore({ limits: TEST_LIMITS, clock, channelsMax: CHANNELS_MAX });
    const devices = Array.from({ length: CHANNELS_MAX }, newDevice);
    const channel = newChannel();
    for (const device of devices) {
      expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    }
    return { store, clock, channel, device: devices[0] ?? newDevice() };
  };
  const isRefused = async (answer: Promise<unknown>) => {
    const error = await answer.catch((caught: unknown) => caught);
    expect(error).to.be.instanceOf(StoreUnavailableError);
  };

  it('refuses one channel more than it may keep, of a new or a known device', async () => {
    const { store, device } = await full();
    await isRefused(store.registerChannel(newDevice(), plain(newChannel())));
    await isRefused(store.registerChannel(device, plain(newChannel())));
    await isRefused(store.putUpdate(newDevice(), newChannel(), version(1)));
    await isRefused(store.putUpdate(device, newChannel(), version(1)));
    await isRefused(store.unregisterChannel(device, newChannel()));
    await isRefused(store.writeTarget(newDevice(), { type: 'fcm', token: 'token' }, 1));
  });

  it('goes on with the channels it has when it may keep no more', async () => {
    const { store, device, channel } = await full();
    expect(await store.putUpdate(device, channel, version(1))).to.equal('stored');
    expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    await store.unregisterChannel(device, channel);
    expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
  });

  it('has room again when the sweep has removed what outlived its time', async () => {
    const { store, clock } = await full();
    clock.moveMs(TEST_LIMITS.channelTtlMs + 1);
    await isRefused(store.registerChannel(newDevice(), plain(newChannel())));
    clock.tick();
    for (let device = 0; device < CHANNELS_MAX; device += 1) {
      expect(await store.registerChannel(newDevice(), plain(newChannel()))).to.equal('registered');
    }
    await isRefused(store.registerChannel(newDevice(), plain(newChannel())));
  });

  it('forgets the channel that went first when more are gone than a device may hold', async () => {
    const store = createMemoryStore({
      limits: TEST_LIMITS,
      clock: new HandClock(),
      channelsMax: 100,
    });
    const device = newDevice();
    const [first, ...others] = Array.from(
      { length: TEST_LIMITS.channelsPerDeviceMax + 1 },
      newChannel,
    );
    for (const channel of [first ?? newChannel(), ...others]) {
      await store.unregisterChannel(device, channel);
    }
    for (const channel of others) {
      expect(await store.putUpdate(device, channel, version(1))).to.equal('gone');
    }
    expect(await store.putUpdate(device, first ?? newChannel(), version(1))).to.equal('stored');
  });

  it('lets go of the clock when it is closed', async () => {
    const { store, clock } = await full();
    expect(clock.repeatedCount).to.equal(1);
    await store.close();
    expect(clock.repeatedCount).to.equal(0);
  });
});
