import { expect } from 'chai';
import { createNoneStore } from '../../src/storage/none.ts';
import { newChannel, newDevice, plain, version } from './store-fixtures.ts';

describe('the none store', () => {
  const store = createNoneStore();
  const [device, channel] = [newDevice(), newChannel()];

  it('registers every channel and tracks no device', async () => {
    for (let registered = 0; registered < 1000; registered += 1) {
      expect(await store.registerChannel(device, plain(newChannel()))).to.equal('registered');
    }
    expect(await store.readDevice(device, [])).to.deep.equal({ kind: 'untracked' });
  });

  it('keeps no update, of a channel unregistered either', async () => {
    expect(await store.putUpdate(device, channel, version(1))).to.equal('unkept');
    await store.unregisterChannel(device, channel);
    expect(await store.putUpdate(device, channel, version(1))).to.equal('unkept');
  });

  it('keeps no target', async () => {
    await store.writeTarget(device, { type: 'fcm', token: 'token' }, 1);
    await store.noteConnected(device, 2);
    expect(await store.readTargetType(device)).to.equal(undefined);
    expect(await store.readKick(device)).to.deep.equal({ hasPending: false });
  });

  it('has nobody to wake', async () => {
    const claim = { nowMs: 3, intervalMs: 1 };
    expect(await store.claimWake(device, claim)).to.deep.equal({ kind: 'absent' });
    await store.releaseWake(device, { claimedAtMs: 3 });
    expect(await store.dropTarget(device, { unlessGivenAfterMs: 4 })).to.equal(false);
  });

  it('takes everything else and does nothing', async () => {
    await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(1) }]);
    await store.dropDevice(device);
    await store.check();
    await store.close();
  });
});
