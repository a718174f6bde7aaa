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
  written,
} from './store-fixtures.ts';

const DASHED = '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';

/** How a device may write the same channel. */
const SPELLINGS = [
  { name: 'the form we keep', text: DASHED },
  { name: 'upper case', text: DASHED.toUpperCase() },
  { name: 'mixed case', text: '0A1b2c3D-4e5f-6071-8293-a4B5c6d7e8F9' },
  { name: 'no dashes', text: DASHED.replaceAll('-', '') },
  { name: 'no dashes, upper case', text: DASHED.replaceAll('-', '').toUpperCase() },
];

/** Registering, unregistering, dropping, and what is known of a device. */
export function itKeepsChannels(getSubject: GetSubject): void {
  it('does not know a stranger', async () => {
    const { store } = getSubject();
    expect(await store.readDevice(newDevice(), [])).to.deep.equal({ kind: 'unknown' });
  });

  it('does not know a stranger who lists channels', async () => {
    const { store } = getSubject();
    const view = await store.readDevice(newDevice(), [newChannel(), newChannel()]);
    expect(view).to.deep.equal({ kind: 'unknown' });
  });

  it('answers a sign of life', async () => {
    await getSubject().store.check();
  });

  it('holds a registered channel with nothing pending', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    const known = { kind: 'known', channels: [{ channelId: channel, written: channel }] };
    expect(await store.readDevice(device, [])).to.deep.equal(known);
    expect(await store.readDevice(device, [channel])).to.deep.equal(known);
  });

  it('does not hold a channel because it is listed', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    const view = await store.readDevice(device, [newChannel(), channel]);
    expect(channelsOf(view).map(({ channelId }) => channelId)).to.deep.equal([channel]);
    expect(channelsOf(await store.readDevice(device, []))).to.have.length(1);
  });

  it('keeps devices apart that use the same channel id', async () => {
    const { store } = getSubject();
    const [one, other, channel] = [newDevice(), newDevice(), newChannel()];
    await store.registerChannel(one, plain(channel));
    await store.registerChannel(other, plain(channel));
    await store.putUpdate(one, channel, version(1));
    await store.unregisterChannel(other, channel);
    expect(await pendingOf(store, one, channel)).to.equal(1);
    expect(channelsOf(await store.readDevice(other, []))).to.deep.equal([]);
  });

  for (const { name, text } of SPELLINGS) {
    it(`gives back a channel written in ${name}`, async () => {
      const { store } = getSubject();
      const device = newDevice();
      await store.registerChannel(device, written(text));
      await store.putUpdate(device, written(text).channelId, version(3));
      const [channel] = channelsOf(await store.readDevice(device, []));
      expect(channel?.channelId).to.equal(DASHED);
      expect(channel?.written).to.equal(text);
      await store.ackUpdates(device, [
        { channelId: written(text).channelId, throughVersion: version(3) },
      ]);
      expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([written(text)]);
    });

    it(`takes the new spelling of a held channel: ${name}`, async () => {
      const { store } = getSubject();
      const device = newDevice();
      await store.registerChannel(device, written('0A1B2C3D4E5F60718293A4B5c6d7e8f9'));
      expect(await store.registerChannel(device, written(text))).to.equal('registered');
      expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([written(text)]);
    });
  }

  it('keeps the pending version of a channel registered again', async () => {
    const { store, clock } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    const storedAtMs = clock.nowMs();
    clock.moveMs(10);
    expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([
      { ...plain(channel), pending: { version: 7, storedAtMs } },
    ]);
  });

  it('holds as many channels as it may and refuses one more', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const channels = Array.from({ length: TEST_LIMITS.channelsPerDeviceMax }, newChannel).sort();
    for (const channel of channels) {
      expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    }
    const before = channelsOf(await store.readDevice(device, []));
    expect(before.map(({ channelId }) => channelId)).to.deep.equal(channels);
    expect(await store.registerChannel(device, plain(newChannel()))).to.equal('full');
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal(before);
  });

  it('registers a held channel again when the device is full', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const channels = Array.from({ length: TEST_LIMITS.channelsPerDeviceMax }, newChannel);
    for (const channel of channels) await store.registerChannel(device, plain(channel));
    for (const channel of channels) {
      expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    }
  });

  it('has room again for each channel unregistered', async () => {
    const { store } = getSubject();
    const device = newDevice();
    const channels = Array.from({ length: TEST_LIMITS.channelsPerDeviceMax }, newChannel);
    for (const channel of channels) await store.registerChannel(device, plain(channel));
    for (const channel of channels) {
      await store.unregisterChannel(device, channel);
      expect(await store.registerChannel(device, plain(newChannel()))).to.equal('registered');
    }
    expect(await store.registerChannel(device, plain(newChannel()))).to.equal('full');
  });

  it('does not let a gone channel back in when the device is full', async () => {
    const { store } = getSubject();
    const [device, gone] = [newDevice(), newChannel()];
    await store.unregisterChannel(device, gone);
    for (let held = 0; held < TEST_LIMITS.channelsPerDeviceMax; held += 1) {
      await store.registerChannel(device, plain(newChannel()));
    }
    expect(await store.registerChannel(device, plain(gone))).to.equal('full');
    expect(await store.putUpdate(device, gone, version(1))).to.equal('gone');
  });

  it('still knows a device whose only channel was unregistered', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.unregisterChannel(device, channel);
    const known = { kind: 'known', channels: [] };
    expect(await store.readDevice(device, [])).to.deep.equal(known);
    expect(await store.readDevice(device, [channel])).to.deep.equal(known);
  });

  it('forgets what was pending on a channel unregistered', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    await store.unregisterChannel(device, channel);
    expect(channelsOf(await store.readDevice(device, [channel]))).to.deep.equal([]);
    await store.registerChannel(device, plain(channel));
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([plain(channel)]);
  });

  it('starts anew when a gone channel is registered', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    await store.unregisterChannel(device, channel);
    expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    expect(await store.putUpdate(device, channel, version(2))).to.equal('stored');
    expect(await pendingOf(store, device, channel)).to.equal(2);
  });

  it('makes a channel gone that it never knew', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.unregisterChannel(device, channel);
    expect(await store.putUpdate(device, channel, version(1))).to.equal('gone');
  });

  it('makes a channel gone twice as well as once', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.unregisterChannel(device, channel);
    await store.unregisterChannel(device, channel);
    expect(await store.putUpdate(device, channel, version(1))).to.equal('gone');
  });

  it('makes every channel of a dropped device gone', async () => {
    const { store } = getSubject();
    const [device, bystander] = [newDevice(), newDevice()];
    const channels = Array.from({ length: TEST_LIMITS.channelsPerDeviceMax }, newChannel);
    for (const channel of channels) await store.registerChannel(device, plain(channel));
    for (const channel of channels) await store.putUpdate(device, channel, version(7));
    await store.registerChannel(bystander, plain(newChannel()));
    await store.dropDevice(device);
    for (const channel of channels) {
      expect(await store.putUpdate(device, channel, version(8))).to.equal('gone');
    }
    const known = { kind: 'known', channels: [] };
    expect(await store.readDevice(device, [])).to.deep.equal(known);
    expect(await store.readDevice(device, channels)).to.deep.equal(known);
    expect(channelsOf(await store.readDevice(bystander, []))).to.have.length(1);
  });

  it('takes channels of a dropped device again', async () => {
    const { store } = getSubject();
    const [device, channel] = [newDevice(), newChannel()];
    await store.registerChannel(device, plain(channel));
    await store.putUpdate(device, channel, version(7));
    await store.dropDevice(device);
    expect(await store.registerChannel(device, plain(channel))).to.equal('registered');
    expect(channelsOf(await store.readDevice(device, []))).to.deep.equal([plain(channel)]);
  });

  it('drops a stranger without complaint', async () => {
    await getSubject().store.dropDevice(newDevice());
  });
}
