import { expect } from 'chai';
import type { GetSubject } from './store-contract.ts';
import {
  channelsOf,
  newChannel,
  newDevice,
  pendingOf,
  plain,
  TEST_LIMITS,
  targetOf,
  version,
} from './store-fixtures.ts';

const { channelTtlMs, goneTtlMs, updateTtlMs } = TEST_LIMITS;

/**
 * Drivers renew the age of a record lazily: a device is kept at least `channelTtlMs` after it was last seen, and at most
 * a tenth longer.
 */
const KEPT_AT_MOST_MS = channelTtlMs * 1.1;

/** How long things live, at the limit and one past it. */
export function itForgetsInTime(getSubject: GetSubject): void {
  it('keeps a version for its time and not longer', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs);
    expect(await pendingOf(store, device, channel)).to.equal(7);
    clock.moveMs(1);
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([plain(channel)]);
  });

  it('counts the time of the higher version, not of the first', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs);
    await store.putUpdate(device, channel, version(8));
    clock.moveMs(updateTtlMs);
    expect(await pendingOf(store, device, channel)).to.equal(8);
    clock.moveMs(1);
    expect(await pendingOf(store, device, channel)).to.equal(undefined);
  });

  it('does not let a repeated version live longer', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs);
    expect(await store.putUpdate(device, channel, version(7))).to.equal('stale');
    await store.registerChannel(device, plain(channel));
    clock.moveMs(1);
    expect(await pendingOf(store, device, channel)).to.equal(undefined);
  });

  it('takes any version once the pending one has expired', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs + 1);
    expect(await store.putUpdate(device, channel, version(2))).to.equal('stored');
    expect(await pendingOf(store, device, channel)).to.equal(2);
  });

  it('remembers a gone channel for its time and not longer', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.unregisterChannel(device, channel);
    clock.moveMs(goneTtlMs);
    expect(await store.putUpdate(device, channel, version(1))).to.equal('gone');
    clock.moveMs(1);
    expect(await store.putUpdate(device, channel, version(1))).to.equal('stored');
    expect(await pendingOf(store, device, channel)).to.equal(1);
  });

  it('counts from the last time a channel was unregistered', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.unregisterChannel(device, channel);
    clock.moveMs(goneTtlMs);
    await store.unregisterChannel(device, channel);
    clock.moveMs(goneTtlMs);
    expect(await store.putUpdate(device, channel, version(1))).to.equal('gone');
  });

  it('keeps a device and its channels for their time and not longer', async () => {
    const { store, clock } = getSubject();
    // Two of them: the one that is looked at in time has been seen, and lives on.
    const [seen, unseen, channel] = [newDevice(), newDevice(), newChannel()];
    await store.registerChannel(seen, plain(channel));
    await store.registerChannel(unseen, plain(channel));
    clock.moveMs(channelTtlMs);
    expect(channelsOf(await store.readDevice(seen, []))).to.deep.equal([plain(channel)]);
    clock.moveMs(KEPT_AT_MOST_MS - channelTtlMs + 1);
    expect(await store.readDevice(unseen, [channel])).to.deep.equal({ kind: 'unknown' });
  });

  it('keeps a device that is seen from time to time', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, clock.nowMs());
    for (const stepMs of [0.05, 0.09, 0.11, 0.5, 0.99, 1].map((part) => part * channelTtlMs)) {
      clock.moveMs(stepMs);
      expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([plain(channel)]);
      expect(await targetOf(store, device)).to.deep.equal({ type: 'fcm', token: 'token' });
      // Ages may be renewed after the answer; a write that comes later waits for it.
      await store.check();
    }
    clock.moveMs(KEPT_AT_MOST_MS + 1);
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'unknown' });
    expect(await targetOf(store, device)).to.equal(undefined);
  });

  it('keeps the target of a device without channels that is seen from time to time', async () => {
    const { store, clock } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, clock.nowMs());
    for (let hello = 0; hello < 3; hello += 1) {
      clock.moveMs(channelTtlMs);
      expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'unknown' });
      await store.check();
    }
    expect(await store.readTargetType(device)).to.equal('fcm');
    clock.moveMs(KEPT_AT_MOST_MS + 1);
    expect(await store.readTargetType(device)).to.equal(undefined);
    expect(await store.readKick(device)).to.deep.equal({ hasPending: false });
  });

  it('keeps the device of a hello that gives its target or is noted', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    clock.moveMs(channelTtlMs);
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, clock.nowMs());
    clock.moveMs(channelTtlMs);
    expect(await store.readTargetType(device)).to.equal('fcm');
    expect((await store.readDevice(device, [channel])).kind).to.equal('known');
  });

  it('does not take what the kick role does for a sign of the device', async () => {
    const { store, clock } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, clock.nowMs());
    for (const part of [0.3, 0.3, 0.3]) {
      clock.moveMs(part * channelTtlMs);
      await store.readTargetType(device);
      await store.readKick(device);
      const nowMs = clock.nowMs();
      await store.claimWake(device, { nowMs, intervalMs: 1 });
      await store.releaseWake(device, { claimedAtMs: nowMs });
    }
    clock.moveMs(KEPT_AT_MOST_MS - 0.9 * channelTtlMs + 1);
    expect(await targetOf(store, device)).to.equal(undefined);
    const claim = { nowMs: clock.nowMs(), intervalMs: 1 };
    expect(await store.claimWake(device, claim)).to.deep.equal({ kind: 'absent' });
  });

  it('has nothing pending for the kick role once the version has expired', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.putUpdate(device, channel, version(7));
    clock.moveMs(updateTtlMs);
    expect((await store.readKick(device)).hasPending).to.equal(true);
    clock.moveMs(1);
    expect((await store.readKick(device)).hasPending).to.equal(false);
  });

  it('does not take PUTs for a sign of the device', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    clock.moveMs(channelTtlMs);
    await store.putUpdate(device, channel, version(1));
    clock.moveMs(KEPT_AT_MOST_MS - channelTtlMs + 1);
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'unknown' });
  });

  it('keeps a device known after its last channel is unregistered, for its time', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.unregisterChannel(device, channel);
    clock.moveMs(channelTtlMs);
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'known', channels: [] });
    await store.check();
    clock.moveMs(KEPT_AT_MOST_MS + 1);
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'unknown' });
  });

  it('has room again when channels have expired', async () => {
    const { store, clock } = getSubject();
    const device = newDevice();
    for (let held = 0; held < TEST_LIMITS.channelsPerDeviceMax; held += 1) {
      await store.registerChannel(device, plain(newChannel()));
    }
    clock.moveMs(KEPT_AT_MOST_MS + 1);
    for (let held = 0; held < TEST_LIMITS.channelsPerDeviceMax; held += 1) {
      expect(await store.registerChannel(device, plain(newChannel()))).to.equal('registered');
    }
    expect(await store.registerChannel(device, plain(newChannel()))).to.equal('full');
  });

  it('forgets the spelling and the pending version of an expired channel', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, { channelId: channel, written: channel.toUpperCase() });
    clock.moveMs(channelTtlMs);
    await store.putUpdate(device, channel, version(9));
    clock.moveMs(KEPT_AT_MOST_MS - channelTtlMs + 1);
    expect(await store.putUpdate(device, channel, version(2))).to.equal('stored');
    const [held] = channelsOf(await store.readDevice(device, []));
    expect(held?.written).to.equal(channel);
    expect(held?.pending?.version).to.equal(2);
  });
}
