import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { putStatus } from '../support/put.ts';
import type { RawDevice, RawMessage } from '../support/raw-device.ts';
import { notificationOf, type Subscription, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

/** What is still pending, by the server's own word: it sends that again after another hello. */
async function pendingOf({ device, uaid }: Subscription): Promise<RawMessage['updates']> {
  await device.ping();
  device.takeUnread();
  await device.hello({ uaid });
  await device.ping();
  const [text = '{}'] = device.takeUnread();
  return JSON.parse(text).updates ?? [];
}

function ack(device: RawDevice, ...updates: readonly object[]): void {
  device.send({ messageType: 'ack', updates });
}

describeRule('Device side 10: ack', (open) => {
  const acks: readonly { put: readonly number[]; acked: object; left: readonly number[] }[] = [
    { put: [7], acked: { version: 7 }, left: [] },
    { put: [7], acked: { version: 8 }, left: [] },
    { put: [7], acked: { version: 2 ** 53 - 1 }, left: [] },
    { put: [5, 7], acked: { version: 5 }, left: [7] },
    { put: [5, 7], acked: { version: 7 }, left: [] },
    { put: [7, 5], acked: { version: 5 }, left: [7] },
    { put: [0], acked: { version: 0 }, left: [] },
    { put: [1], acked: { version: 0 }, left: [1] },
    { put: [7], acked: {}, left: [] },
    { put: [5, 7], acked: {}, left: [] },
    { put: [7, 5], acked: {}, left: [7] },
    { put: [7], acked: { version: null }, left: [] },
    { put: [7], acked: { version: 7, code: 100 }, left: [] },
    { put: [7], acked: { version: 7, code: 102, data: 'x' }, left: [] },
  ];
  for (const { put, acked, left } of acks) {
    const kept = left.length === 0 ? 'keeps nothing' : `keeps ${left.join()}`;
    it(`${kept} of ${put.join(', ')} when ${JSON.stringify(acked)} is acknowledged`, async () => {
      await using server = await open();
      const subscription = await subscribe(server);
      const { device, channelID, endpoint } = subscription;
      for (const version of put) await putStatus(endpoint, { version });
      ack(device, { channelID, ...acked });
      expect(await pendingOf(subscription)).to.deep.equal(
        left.map((version) => ({ channelID, version })),
      );
    });
  }

  it('has no reply', async () => {
    await using server = await open();
    const { device, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await device.next();
    ack(device, { channelID, version: 1 });
    device.send({ messageType: 'ack', expired: [channelID] });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('may acknowledge several channels at once, and expired ones with them', async () => {
    await using server = await open();
    const subscription = await subscribe(server);
    const { device, channelID, endpoint } = subscription;
    const other = randomUUID();
    const { pushEndpoint = '' } = await device.register(other);
    await putStatus(endpoint, { version: 1 });
    await putStatus(pushEndpoint, { version: 2 });
    device.send({
      messageType: 'ack',
      updates: [
        { channelID, version: 1 },
        { channelID: other, version: 1 },
      ],
      expired: [randomUUID()],
    });
    expect(await pendingOf(subscription)).to.deep.equal([{ channelID: other, version: 2 }]);
  });

  it('passes over channels that are unknown, unregistered or have nothing pending', async () => {
    await using server = await open();
    const { device, channelID } = await subscribe(server);
    const unregistered = randomUUID();
    await device.register(unregistered);
    device.send({ messageType: 'unregister', channelID: unregistered });
    for (const channel of [channelID, unregistered, randomUUID()]) {
      ack(device, { channelID: channel, version: 1 }, { channelID: channel });
    }
    await device.nextOf('unregister');
    expect(await device.ping()).to.deep.equal({});
  });

  it('of one device removes nothing of another', async () => {
    await using server = await open();
    const subscription = await subscribe(server);
    const { channelID, endpoint } = subscription;
    await putStatus(endpoint, { version: 1 });
    const { device: stranger } = await subscribe(server, { channelID });
    ack(stranger, { channelID, version: 1 });
    await stranger.ping();
    expect(await pendingOf(subscription)).to.deep.equal([{ channelID, version: 1 }]);
  });

  it('lets the next version be any, also a lower one', async () => {
    await using server = await open();
    const subscription = await subscribe(server);
    const { device, channelID, endpoint } = subscription;
    await putStatus(endpoint, { version: 7 });
    ack(device, { channelID, version: 7 });
    await device.ping();
    await putStatus(endpoint, { version: 3 });
    expect(await pendingOf(subscription)).to.deep.equal([{ channelID, version: 3 }]);
  });

  it('of what was never sent in this session, without its version, means nothing', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    ack(device, { channelID });
    await device.ping();
    await device.close();
    await putStatus(endpoint, { version: 1 });
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  const channelID = randomUUID();
  const refused: readonly object[] = [
    {},
    { updates: [] },
    { updates: [], expired: [] },
    { updates: {} },
    { updates: ['x'] },
    { updates: [null] },
    { updates: [{ version: 1 }] },
    { updates: [{ channelID: 'junk', version: 1 }] },
    { updates: [{ channelID, version: -1 }] },
    { updates: [{ channelID, version: 1.5 }] },
    { updates: [{ channelID, version: '1' }] },
    { updates: [{ channelID, version: 2 ** 53 }] },
    { expired: 'x' },
    { expired: ['junk'] },
    { expired: [7] },
  ];
  for (const members of refused) {
    it(`is refused with 401 when it says ${JSON.stringify(members)}`, async () => {
      await using server = await open();
      const device = await server.connect();
      await device.hello();
      device.send({ messageType: 'ack', ...members });
      expect(await device.next()).to.deep.include({ ...members, status: 401 });
      expect((await device.nextClose()).code).to.equal(1008);
    });
  }

  it('does nothing of a message of which one element is refused', async () => {
    await using server = await open();
    const { device, uaid, channelID: channel, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    ack(device, { channelID: channel, version: 1 }, { channelID: 'junk', version: 1 });
    await device.nextClose();
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channel, 1));
  });
});
