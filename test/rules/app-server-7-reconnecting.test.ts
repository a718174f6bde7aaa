import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribeAndLeave } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('App-server side 7: PUT while the device reconnects', (open) => {
  it('is delivered when it was stored before the device read, and looked for it after', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
    const putting = store.hold('putUpdate');
    const status = putStatus(endpoint, { version: 1 });
    await putting.reached;
    const device = await server.connect();
    await device.hello({ uaid });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    putting.release();
    // Found by both: a client ignores the second.
    expect(await status).to.equal(200);
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('is delivered when it was stored after the device read, and looked for it before its reply', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
    const reading = store.hold('readDevice');
    const device = await server.connect();
    const reply = device.hello({ uaid });
    await reading.reached;
    expect(await putStatus(endpoint, { version: 1 })).to.equal(202);
    reading.release();
    expect(await reply).to.include({ status: 200 });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('is delivered once more when both the read and a PUT of a higher version bring it', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
    await putStatus(endpoint, { version: 1 });
    const reading = store.hold('readDevice');
    const device = await server.connect();
    const reply = device.hello({ uaid });
    await reading.reached;
    await putStatus(endpoint, { version: 2 });
    reading.release();
    await reply;
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 2));
  });
});
