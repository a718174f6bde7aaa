import { expect } from 'chai';
import { parseDeviceId, parseWrittenChannel } from '../../src/protocol/ids.ts';
import { QueueUnavailableError } from '../../src/queue/queue.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { memoryKickQueues } from '../support/memory-kick-queue.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { put, putStatus } from '../support/put.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

const FCM = { type: 'fcm', token: 'a:token' } as const;

describeRule('App-server side 6: kicked last', (open) => {
  let kickQueues: ReturnType<typeof memoryKickQueues>;

  beforeEach(() => {
    kickQueues = memoryKickQueues();
  });

  it('kicks a device that has left, once for all that waits, and answers 202', async () => {
    const clock = new HandClock();
    await using server = await open({ kickQueues, clock });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    await device.close();
    clock.moveMs(7);
    const answer = await put(endpoint, { version: 17, data: 'secret' });
    expect(answer).to.deep.include({ status: 202, text: '{}' });
    expect(await putStatus(endpoint, { version: 18 })).to.equal(202);
    expect(kickQueues.fcm.kicks).to.deep.equal([
      {
        deviceId: parseDeviceId(uaid),
        channelId: parseWrittenChannel(channelID)?.channelId,
        version: 17,
        storedAtMs: clock.nowMs(),
      },
    ]);
    expect([...kickQueues.apns.kicks, ...kickQueues.udp.kicks]).to.deep.equal([]);
  });

  it('does not kick a connected device', async () => {
    await using server = await open({ kickQueues });
    const { device, uaid, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(kickQueues.fcm.kicks).to.deep.equal([]);
  });

  it('kicks a device whose connection was dead when the update was sent', async () => {
    await using server = await open({ kickQueues });
    const { device, uaid, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    await device.next();
    device.terminate();
    await kickQueues.fcm.nextOffer();
    const again = await server.connect();
    await again.hello({ uaid });
    await again.next();
    await again.close();
    // The second time it left, nothing new had come.
    expect(await putStatus(endpoint, { version: 2 })).to.equal(202);
    const offered = [await kickQueues.fcm.nextOffer(), ...kickQueues.fcm.takeOffers()];
    expect(offered.map(({ version }) => version)).to.deep.equal([2]);
  });

  it('does not mind a queue that fails when a connection ends', async () => {
    await using server = await open({ kickQueues });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    kickQueues.fcm.failWith(new QueueUnavailableError('the disk is full'));
    device.terminate();
    await kickQueues.fcm.nextOffer();
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('kicks where the last hello said', async () => {
    await using server = await open({ kickQueues });
    const { device, uaid, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    await device.close();
    const again = await server.connect();
    await again.hello({ uaid, connect: { type: 'apns', token: 'ab' } });
    await again.close();
    expect(await putStatus(endpoint, { version: 1 })).to.equal(202);
    expect(kickQueues.fcm.kicks).to.deep.equal([]);
    expect(kickQueues.apns.kicks).to.have.length(1);
  });

  for (const { title, connect } of [
    { title: 'gave no target', connect: {} },
    { title: 'gave one that cannot be used', connect: { connect: { type: 'pigeon' } } },
    { title: 'gave one and took it back', connect: { connect: null } },
  ]) {
    it(`stores for a device that ${title}, and kicks nobody`, async () => {
      await using server = await open({ kickQueues });
      const { device, uaid, endpoint } = await subscribe(server);
      if (title.includes('took')) await device.hello({ uaid, connect: FCM });
      await device.hello({ uaid, ...connect });
      await device.close();
      expect(await putStatus(endpoint, { version: 1 })).to.equal(202);
      expect(kickQueues.fcm.kicks).to.deep.equal([]);
    });
  }

  it('answers 503 when the queue fails; the update stays, and the next PUT of it kicks', async () => {
    await using server = await open({ kickQueues });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    await device.close();
    kickQueues.fcm.failWith(new QueueUnavailableError('the disk is full'));
    const answer = await put(endpoint, { version: 5 });
    expect(answer).to.deep.include({ status: 503, text: '"Service Unavailable"' });
    expect(answer.headers.get('retry-after')).to.match(/^\d+$/);
    kickQueues.fcm.failWith(undefined);
    expect(await putStatus(endpoint, { version: 5 })).to.equal(202);
    expect(kickQueues.fcm.kicks).to.have.length(1);
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 5));
  });

  it('delivers to a connected device while the queue fails', async () => {
    await using server = await open({ kickQueues });
    const { device, uaid, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    kickQueues.fcm.failWith(new QueueUnavailableError('the disk is full'));
    expect(await putStatus(endpoint, { version: 5 })).to.equal(200);
  });

  it('lets the kick role know when the device was here last', async () => {
    const clock = new HandClock();
    const store = openMemoryStore({}, clock);
    await using server = await open({ kickQueues, clock, store });
    const { device, uaid, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: FCM });
    await device.close();
    clock.moveMs(1000);
    await putStatus(endpoint, { version: 1 });
    clock.moveMs(1000);
    const again = await server.connect();
    await again.hello({ uaid });
    const [kick] = kickQueues.fcm.kicks;
    const { target } = await store.readKick(kick?.deviceId ?? expect.fail('no kick'));
    expect(target?.connectedAtMs).to.be.greaterThan(kick?.storedAtMs ?? Number.NaN);
    expect(target?.givenAtMs).to.be.lessThan(kick?.storedAtMs ?? Number.NaN);
  });
});
