import { expect } from 'chai';
import { putStatus } from '../support/put.ts';
import { notificationOf, subscribe, subscribeAndLeave } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('App-server side 3: versions', (open) => {
  const orders = [
    [1, 2, 3],
    [3, 2, 1],
    [2, 3, 1],
    [3, 3, 3],
    [0, 3, 0],
  ];
  for (const versions of orders) {
    it(`keep the highest of ${versions.join(', ')} for a device that is away`, async () => {
      await using server = await open();
      const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
      for (const version of versions) {
        expect(await putStatus(endpoint, { version })).to.equal(202);
      }
      const device = await server.connect();
      await device.hello({ uaid });
      expect(await device.next()).to.deep.equal(notificationOf(channelID, 3));
      await device.ping();
      expect(device.takeUnread()).to.deep.equal([]);
    });

    it(`are sent each, as ${versions.join(', ')}, to a device that is connected`, async () => {
      await using server = await open();
      const { device, uaid, channelID, endpoint } = await subscribe(server);
      for (const version of versions) {
        expect(await putStatus(endpoint, { version })).to.equal(200);
        expect(await device.next()).to.deep.equal(notificationOf(channelID, version));
      }
      await device.hello({ uaid });
      expect(await device.next()).to.deep.equal(notificationOf(channelID, 3));
    });
  }

  it('keep the highest of many that are PUT at once', async () => {
    await using server = await open();
    const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
    const versions = Array.from({ length: 40 }, (_, index) => (index * 7) % 40);
    await Promise.all(versions.map((version) => putStatus(endpoint, { version })));
    const device = await server.connect();
    await device.hello({ uaid });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 39));
  });

  it('start anew once acknowledged', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 9 });
    device.send({ messageType: 'ack', updates: [{ channelID, version: 9 }] });
    await device.ping();
    await device.close();
    expect(await putStatus(endpoint, { version: 2 })).to.equal(202);
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 2));
  });
});
