import { expect } from 'chai';
import type { KickTarget } from '../../src/protocol/connect.ts';
import type { DeviceId } from '../../src/protocol/ids.ts';
import type { KickRecord, Store } from '../../src/storage/store.ts';
import type { GetSubject } from './store-contract.ts';
import { newChannel, newDevice, plain, TEST_LIMITS, version } from './store-fixtures.ts';

const NOW_MS = 1_800_000_000_000;
const INTERVAL_MS = 60_000;
const FCM: KickTarget = { type: 'fcm', token: 'token' };
const APNS: KickTarget = { type: 'apns', token: 'ab' };
const RACE_ROUNDS = 50;
const RIVALS = 8;

async function recordOf(store: Store, device: DeviceId): Promise<KickRecord | undefined> {
  return (await store.readKick(device)).target;
}

/** What the kick role asks for, and what hellos tell it. */
export function itWakesOnce(getSubject: GetSubject): void {
  itNotesHellos(getSubject);
  itTellsWhatWaits(getSubject);
  itClaimsWakes(getSubject);
  itDropsTargets(getSubject);
  itWakesOnceInRaces(getSubject);
}

function itNotesHellos(getSubject: GetSubject): void {
  it('takes the hello that gives a target for the last one', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, FCM, NOW_MS);
    expect(await recordOf(store, device)).to.deep.equal({
      target: FCM,
      givenAtMs: NOW_MS,
      connectedAtMs: NOW_MS,
    });
    await store.writeTarget(device, FCM, NOW_MS + 5);
    expect(await recordOf(store, device)).to.deep.equal({
      target: FCM,
      givenAtMs: NOW_MS + 5,
      connectedAtMs: NOW_MS + 5,
    });
  });

  it('notes a hello without a target beside the one that gave it', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, FCM, NOW_MS);
    await store.noteConnected(device, NOW_MS + 5);
    expect(await recordOf(store, device)).to.deep.equal({
      target: FCM,
      givenAtMs: NOW_MS,
      connectedAtMs: NOW_MS + 5,
    });
  });

  it('notes no hello of a device without a target', async () => {
    const { store } = getSubject();
    const [device, stranger] = [newDevice(), newDevice()];
    await store.registerChannel(device, plain(newChannel()));
    await store.noteConnected(device, NOW_MS);
    await store.noteConnected(stranger, NOW_MS);
    expect(await store.readKick(device)).to.deep.equal({ hasPending: false });
    expect(await store.readKick(stranger)).to.deep.equal({ hasPending: false });
    expect(await store.readDevice(stranger, [])).to.deep.equal({ kind: 'unknown' });
  });

  it('tells the hello and the PUT which provider wakes the device', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    const channels = [plain(channel)];
    expect(await store.readTargetType(device)).to.equal(undefined);
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'known', channels });
    await store.writeTarget(device, APNS, NOW_MS);
    expect(await store.readTargetType(device)).to.equal('apns');
    const view = { kind: 'known', channels, targetType: 'apns' };
    expect(await store.readDevice(device, [])).to.deep.equal(view);
    expect(await store.readTargetType(newDevice())).to.equal(undefined);
  });
}

function itTellsWhatWaits(getSubject: GetSubject): void {
  it('has something pending from the PUT to the ack, with or without a target', async () => {
    const { store } = getSubject();
    for (const target of [undefined, FCM]) {
      const [device, channel] = [newDevice(), newChannel()];
      await store.registerChannel(device, plain(newChannel()));
      await store.registerChannel(device, plain(channel));
      await store.writeTarget(device, target, NOW_MS);
      expect((await store.readKick(device)).hasPending).to.equal(false);
      await store.putUpdate(device, channel, version(7));
      expect((await store.readKick(device)).hasPending).to.equal(true);
      await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(6) }]);
      expect((await store.readKick(device)).hasPending).to.equal(true);
      await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(7) }]);
      expect((await store.readKick(device)).hasPending).to.equal(false);
    }
  });

  it('has nothing pending of a channel that is gone', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.writeTarget(device, FCM, NOW_MS);
    await store.putUpdate(device, channel, version(7));
    await store.unregisterChannel(device, channel);
    expect((await store.readKick(device)).hasPending).to.equal(false);
  });

  it('finds what is pending on the last of many channels', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const channels = Array.from({ length: TEST_LIMITS.channelsPerDeviceMax }, newChannel);
    for (const channel of channels) await store.registerChannel(device, plain(channel));
    for (const channel of channels) {
      await store.putUpdate(device, channel, version(1));
      expect((await store.readKick(device)).hasPending).to.equal(true);
      await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(1) }]);
    }
  });
}

function itClaimsWakes(getSubject: GetSubject): void {
  it('gives one claim an interval, and says how long the next has to wait', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, FCM, NOW_MS);
    const claimAt = (nowMs: number) => store.claimWake(device, { nowMs, intervalMs: INTERVAL_MS });
    expect(await claimAt(NOW_MS)).to.deep.equal({ kind: 'claimed' });
    expect((await recordOf(store, device))?.wokenAtMs).to.equal(NOW_MS);
    expect(await claimAt(NOW_MS)).to.deep.equal({ kind: 'early', waitMs: INTERVAL_MS });
    const last = await claimAt(NOW_MS + INTERVAL_MS - 1);
    expect(last).to.deep.equal({ kind: 'early', waitMs: 1 });
    expect(await claimAt(NOW_MS + INTERVAL_MS)).to.deep.equal({ kind: 'claimed' });
  });

  it('believes no claim from beyond the next interval, and waits no longer than one', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, FCM, NOW_MS);
    const claimAt = (nowMs: number) => store.claimWake(device, { nowMs, intervalMs: INTERVAL_MS });
    await claimAt(NOW_MS + INTERVAL_MS - 1);
    expect(await claimAt(NOW_MS)).to.deep.equal({ kind: 'early', waitMs: INTERVAL_MS });
    expect(await claimAt(NOW_MS - 1)).to.deep.equal({ kind: 'claimed' });
  });

  it('has nobody to wake without a target', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const claim = { nowMs: NOW_MS, intervalMs: INTERVAL_MS };
    expect(await store.claimWake(device, claim)).to.deep.equal({ kind: 'absent' });
    await store.registerChannel(device, plain(newChannel()));
    expect(await store.claimWake(device, claim)).to.deep.equal({ kind: 'absent' });
  });

  it('takes back its own claim and no other', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, FCM, NOW_MS);
    const claimAt = (nowMs: number) => store.claimWake(device, { nowMs, intervalMs: INTERVAL_MS });
    await claimAt(NOW_MS);
    await store.releaseWake(device, { claimedAtMs: NOW_MS - 1 });
    expect((await claimAt(NOW_MS + 1)).kind).to.equal('early');
    await store.releaseWake(device, { claimedAtMs: NOW_MS });
    expect(await recordOf(store, device)).not.to.have.property('wokenAtMs');
    await store.releaseWake(device, { claimedAtMs: NOW_MS });
    expect(await claimAt(NOW_MS + 1)).to.deep.equal({ kind: 'claimed' });
    await store.releaseWake(newDevice(), { claimedAtMs: NOW_MS });
  });

  it('keeps a claim through hellos, whatever target they give', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.writeTarget(device, FCM, NOW_MS);
    await store.claimWake(device, { nowMs: NOW_MS, intervalMs: INTERVAL_MS });
    await store.noteConnected(device, NOW_MS + 1);
    await store.writeTarget(device, APNS, NOW_MS + 2);
    expect(await recordOf(store, device)).to.deep.equal({
      target: APNS,
      givenAtMs: NOW_MS + 2,
      connectedAtMs: NOW_MS + 2,
      wokenAtMs: NOW_MS,
    });
  });
}

function itDropsTargets(getSubject: GetSubject): void {
  it('drops a target that was given up to that moment, and leaves a later one', async () => {
    const { store } = getSubject();
    const device = newDevice();
    await store.registerChannel(device, plain(newChannel()));
    await store.writeTarget(device, FCM, NOW_MS);
    await store.noteConnected(device, NOW_MS + 9);
    expect(await store.dropTarget(device, { unlessGivenAfterMs: NOW_MS - 1 })).to.equal(false);
    expect(await store.readTargetType(device)).to.equal('fcm');
    expect(await store.dropTarget(device, { unlessGivenAfterMs: NOW_MS })).to.equal(true);
    expect(await store.readTargetType(device)).to.equal(undefined);
    expect((await store.readDevice(device, [])).kind).to.equal('known');
    expect(await store.dropTarget(device, { unlessGivenAfterMs: NOW_MS })).to.equal(false);
    expect(await store.dropTarget(newDevice(), { unlessGivenAfterMs: NOW_MS })).to.equal(false);
  });
}

function itWakesOnceInRaces(getSubject: GetSubject): void {
  it('lets one of many win a claim', async () => {
    const { store } = getSubject();
    for (let round = 0; round < RACE_ROUNDS; round += 1) {
      const device = newDevice();
      await store.writeTarget(device, FCM, NOW_MS);
      const claims = await Promise.all(
        Array.from({ length: RIVALS }, (_, at) =>
          store.claimWake(device, { nowMs: NOW_MS + at, intervalMs: INTERVAL_MS }),
        ),
      );
      const claimed = claims.filter(({ kind }) => kind === 'claimed');
      expect(claimed, JSON.stringify(claims)).to.have.length(1);
      expect((await recordOf(store, device))?.wokenAtMs).to.equal(
        NOW_MS + claims.findIndex(({ kind }) => kind === 'claimed'),
      );
    }
  });

  it('never drops the target that a hello gives meanwhile', async () => {
    const { store } = getSubject();
    for (let round = 0; round < RACE_ROUNDS; round += 1) {
      const device = newDevice();
      await store.writeTarget(device, FCM, NOW_MS);
      await Promise.all([
        store.dropTarget(device, { unlessGivenAfterMs: NOW_MS + 1 }),
        store.writeTarget(device, APNS, NOW_MS + 2),
        store.dropTarget(device, { unlessGivenAfterMs: NOW_MS + 1 }),
      ]);
      expect((await recordOf(store, device))?.target).to.deep.equal(APNS);
    }
  });

  it('loses neither claim nor hello nor version to the others', async () => {
    const { store } = getSubject();
    for (let round = 0; round < RACE_ROUNDS; round += 1) {
      const [device, channel] = [newDevice(), newChannel()];
      await store.writeTarget(device, FCM, NOW_MS);
      await Promise.all([
        store.claimWake(device, { nowMs: NOW_MS + 3, intervalMs: INTERVAL_MS }),
        store.noteConnected(device, NOW_MS + 5),
        store.registerChannel(device, plain(newChannel())),
        store.putUpdate(device, channel, version(round)),
      ]);
      expect(await store.readKick(device)).to.deep.equal({
        hasPending: true,
        target: {
          target: FCM,
          givenAtMs: NOW_MS,
          connectedAtMs: NOW_MS + 5,
          wokenAtMs: NOW_MS + 3,
        },
      });
    }
  });
}
