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
    await store.writeTarget(device, { type: 'fcm', token: 'token' });
    expect(await store.readTarget(device)).to.equal(undefined);
  });

  it('takes everything else and does nothing', async () => {
    await store.ackUpdates(device, [{ channelId: channel, throughVersion: version(1) }]);
    await store.dropDevice(device);
    await store.check();
    await store.close();
  });
});
