import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('App-server side 6: stored first, then delivered', (open) => {
  it('sends nothing before the store has answered', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, channelID, endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const status = putStatus(endpoint, { version: 1 });
    await putting.reached;
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
    putting.release();
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    expect(await status).to.equal(200);
  });

  it('sends nothing that the store did not take', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, endpoint } = await subscribe(server);
    store.fail('putUpdate');
    expect(await putStatus(endpoint, { version: 1 })).to.equal(503);
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('answers 202 when the device left meanwhile, and sends the update at its next hello', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const status = putStatus(endpoint, { version: 1 });
    await putting.reached;
    await device.close();
    putting.release();
    expect(await status).to.equal(202);
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('works off PUTs at once: one that waits for the store holds up no other', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const waiting = [putStatus(endpoint, { version: 1 }), putStatus(endpoint, { version: 2 })];
    await putting.reached;
    expect(await putStatus(`${endpoint}x`, { version: 3 })).to.equal(404);
    putting.release();
    expect(await Promise.all(waiting)).to.deep.equal([200, 200]);
  });
});
