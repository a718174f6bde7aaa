import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import type { RawDevice } from '../support/raw-device.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('Device side 11: sending again', (open) => {
  let clock: HandClock;

  beforeEach(() => {
    clock = new HandClock();
  });

  /** Lets time pass; resolves to what the device was sent in it. */
  const pass = async (device: RawDevice, ms: number) => {
    clock.moveMs(ms);
    clock.tick();
    await device.ping();
    return device.takeUnread().map((text) => JSON.parse(text));
  };

  it('comes every 60 s as long as there is no ack, without the data', async () => {
    await using server = await open({ clock });
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1, data: 'live' });
    await device.next();
    for (let round = 1; round <= 3; round++) {
      expect(await pass(device, 59_999)).to.deep.equal([]);
      expect(await pass(device, 1)).to.deep.equal([notificationOf(channelID, 1)]);
    }
    device.send({ messageType: 'ack', updates: [{ channelID, version: 1 }] });
    await device.ping();
    expect(await pass(device, 60_000)).to.deep.equal([]);
    expect(await pass(device, 60_000)).to.deep.equal([]);
  });

  it('comes as often as is configured', async () => {
    await using server = await open({ clock, settings: { 'socket.resend_interval_ms': 5000 } });
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await device.next();
    expect(await pass(device, 4999)).to.deep.equal([]);
    expect(await pass(device, 1)).to.deep.equal([notificationOf(channelID, 1)]);
  });

  it('does not come when it is switched off, but with the next hello', async () => {
    await using server = await open({ clock, settings: { 'socket.resend_interval_ms': 0 } });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await device.next();
    expect(await pass(device, 3_600_000)).to.deep.equal([]);
    await device.hello({ uaid });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('covers what was sent at hello', async () => {
    await using server = await open({ clock });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await device.close();
    await putStatus(endpoint, { version: 1 });
    const again = await server.connect();
    await again.hello({ uaid });
    await again.next();
    expect(await pass(again, 60_000)).to.deep.equal([notificationOf(channelID, 1)]);
  });

  it('goes on after the store failed', async () => {
    const store = new StoppableStore(openMemoryStore({}, clock));
    await using server = await open({ clock, store });
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await device.next();
    store.fail();
    expect(await pass(device, 60_000)).to.deep.equal([]);
    store.heal();
    expect(await pass(device, 1000)).to.deep.equal([notificationOf(channelID, 1)]);
  });
});
