import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('Device side 6: one device twice', (open) => {
  it('closes the older with 4000 and serves the newer', async () => {
    await using server = await open();
    const { device: older, uaid, channelID, endpoint } = await subscribe(server);
    const newer = await server.connect();
    expect(await newer.hello({ uaid, channelIDs: [channelID] })).to.include({ status: 200, uaid });
    expect(await older.nextClose()).to.deep.equal({
      code: 4000,
      reason: 'another connection of this device took over',
    });
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await newer.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('sends the newer what the older was sent and did not acknowledge', async () => {
    await using server = await open();
    const { device: older, uaid, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    expect(await older.next()).to.deep.equal(notificationOf(channelID, 1));
    const newer = await server.connect();
    await newer.hello({ uaid });
    expect(await newer.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('delivers to the newer what is stored while it joins', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device: older, uaid, channelID, endpoint } = await subscribe(server);
    const reading = store.hold('readDevice');
    const newer = await server.connect();
    const reply = newer.hello({ uaid });
    await reading.reached;
    await older.nextClose();
    expect(await putStatus(endpoint, { version: 1 })).to.equal(202);
    reading.release();
    expect(await reply).to.include({ status: 200 });
    expect(await newer.next()).to.deep.equal(notificationOf(channelID, 1));
    expect(older.takeUnread()).to.deep.equal([]);
  });

  it('loses no update of many that are PUT while a device reconnects again and again', async () => {
    await using server = await open();
    const { uaid, endpoint, channelID, device } = await subscribe(server);
    let last = device;
    const versions = Array.from({ length: 50 }, (_, index) => index + 1);
    const puts = Promise.all(versions.map((version) => putStatus(endpoint, { version })));
    for (let round = 1; round <= 10; round++) {
      last = await server.connect();
      await last.hello({ uaid });
    }
    for (const status of await puts) expect(status).to.be.oneOf([200, 202]);
    await last.ping();
    const seen = last.takeUnread().flatMap((text) => JSON.parse(text).updates ?? []);
    expect(seen).to.deep.include({ channelID, version: 50 });
  });

  it('leaves other devices alone', async () => {
    await using server = await open();
    const other = await server.connect();
    await other.hello({ uaid: randomUUID() });
    const { uaid } = await subscribe(server);
    const newer = await server.connect();
    await newer.hello({ uaid });
    expect(await other.ping()).to.deep.equal({});
  });
});
