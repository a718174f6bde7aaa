import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { putStatus } from '../support/put.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('Device side 9: notification', (open) => {
  it('has what was PUT, and nothing else', async () => {
    await using server = await open();
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await putStatus(endpoint, { version: 2, data: 'with data' });
    await putStatus(endpoint, { version: 3, data: '' });
    expect(device.takeUnread().map((text) => JSON.parse(text))).to.deep.equal([
      notificationOf(channelID, 1),
      notificationOf(channelID, 2, 'with data'),
      notificationOf(channelID, 3),
    ]);
  });

  const texts = ['<&>"\'\\', 'na\u00efve \u{1f514}', '\u0000\u001f\u2028', '{"json":[1]}', ' '];
  for (const data of texts) {
    it(`brings ${JSON.stringify(data)} as it was PUT`, async () => {
      await using server = await open();
      const { device, channelID, endpoint } = await subscribe(server);
      await putStatus(endpoint, { version: 1, data });
      expect(await device.next()).to.deep.equal(notificationOf(channelID, 1, data));
    });
  }

  it('goes out once for each PUT, in their order', async () => {
    await using server = await open();
    const { device, channelID, endpoint } = await subscribe(server);
    const versions = Array.from({ length: 30 }, (_, index) => index);
    for (const version of versions) {
      expect(await putStatus(endpoint, { version })).to.equal(200);
    }
    for (const version of versions) {
      expect(await device.next()).to.deep.equal(notificationOf(channelID, version));
    }
  });

  it('has no data of a PUT that found nobody connected, nor when it is sent again', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1, data: 'live' });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1, 'live'));
    await device.hello({ uaid });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    await device.close();
    await putStatus(endpoint, { version: 2, data: 'stored' });
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 2));
  });

  it('brings what waits together, oldest first', async () => {
    const clock = new HandClock();
    await using server = await open({ clock });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    const second = randomUUID();
    const third = randomUUID();
    const { pushEndpoint: secondEndpoint = '' } = await device.register(second);
    const { pushEndpoint: thirdEndpoint = '' } = await device.register(third);
    await device.close();
    for (const waiting of [thirdEndpoint, endpoint, secondEndpoint]) {
      await putStatus(waiting, { version: 1 });
      clock.moveMs(1);
    }
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal({
      messageType: 'notification',
      updates: [third, channelID, second].map((channel) => ({ channelID: channel, version: 1 })),
    });
  });

  it('does not come when there is nothing to say', async () => {
    await using server = await open();
    const { device, uaid, channelID } = await subscribe(server);
    await device.hello({ uaid, channelIDs: [channelID] });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });
});
