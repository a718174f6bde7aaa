import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import type { RawDevice } from '../support/raw-device.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('Device side 8: unregister', (open) => {
  const unregister = (device: RawDevice, channelID: unknown) => {
    device.send({ messageType: 'unregister', channelID });
    return device.nextOf('unregister');
  };

  it('answers 200 to a known channel, to the same again, and to an unknown one', async () => {
    await using server = await open();
    const { device, channelID } = await subscribe(server);
    for (const channel of [channelID, channelID, randomUUID(), 'no id at all']) {
      expect(await unregister(device, channel)).to.deep.equal({
        messageType: 'unregister',
        status: 200,
        channelID: channel,
      });
    }
  });

  for (const channelID of [undefined, null, '', 7, {}]) {
    it(`refuses ${JSON.stringify(channelID)} with 401`, async () => {
      await using server = await open();
      const device = await server.connect();
      await device.hello();
      expect(await unregister(device, channelID)).to.include({
        status: 401,
        error: 'Invalid Command',
      });
      expect((await device.nextClose()).code).to.equal(1008);
    });
  }

  it('delivers nothing afterwards: not what is pending, and PUTs are answered 410', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await device.next();
    await unregister(device, channelID);
    expect(await putStatus(endpoint, { version: 2 })).to.equal(410);
    await device.hello({ uaid });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('delivers nothing of a PUT that was stored before, and looked for the session after', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const status = putStatus(endpoint, { version: 1 });
    await putting.reached;
    await unregister(device, channelID);
    putting.release();
    expect(await status).to.equal(410);
    await device.hello({ uaid });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('delivers nothing of a PUT that comes while the store works on it', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, channelID, endpoint } = await subscribe(server);
    const unregistering = store.hold('unregisterChannel');
    const reply = unregister(device, channelID);
    await unregistering.reached;
    expect(await putStatus(endpoint, { version: 1 })).to.equal(410);
    unregistering.release();
    await reply;
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('leaves other channels alone', async () => {
    await using server = await open();
    const { device, channelID, endpoint } = await subscribe(server);
    await unregister(device, randomUUID());
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('starts anew when the channel is registered again', async () => {
    await using server = await open();
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 7 });
    await device.next();
    await unregister(device, channelID);
    expect(await device.register(channelID)).to.include({ pushEndpoint: endpoint });
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });
});
