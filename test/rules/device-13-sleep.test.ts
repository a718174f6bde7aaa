import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { memoryKickQueues } from '../support/memory-kick-queue.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import type { TestServerOptions } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

const UDP = { type: 'udp', ip: '127.0.0.1', port: 4000 } as const;
const HOUR_MS = 3_600_000;

/** Kicks need a store that other processes can read; the test hands in one of its own. */
const WAKES_BY_UDP: Settings = {
  'storage.driver': 'embedded',
  'kick.udp.networks': ['127.0.0.0/8'],
};

describeRule('Device side 13: sleep', (open) => {
  let clock: HandClock;

  beforeEach(() => {
    clock = new HandClock();
  });

  const openSleepy = (settings: Settings = {}, more: TestServerOptions = {}) =>
    open({
      ...more,
      clock,
      store: openMemoryStore({}, clock),
      settings: { ...WAKES_BY_UDP, ...settings },
    });
  const pass = (ms: number) => {
    clock.moveMs(ms);
    clock.tick();
  };

  for (const [title, members] of [
    ['connect', { connect: UDP }],
    ['wakeup_hostport', { wakeup_hostport: { ip: '127.0.0.1', port: 4000 } }],
  ] as const) {
    it(`sends 4774 after 10 s of silence to a device that gave ${title}`, async () => {
      await using server = await openSleepy();
      const device = await server.connect();
      await device.hello(members);
      pass(9_999);
      expect(device.socket.readyState).to.equal(device.socket.OPEN);
      pass(1);
      expect(await device.nextClose()).to.deep.equal({
        code: 4774,
        reason: 'a datagram will wake this device',
      });
    });
  }

  it('sends it to a device that gave its address in an earlier session', async () => {
    await using server = await openSleepy();
    const { device, uaid } = await subscribe(server);
    await device.hello({ uaid, connect: UDP });
    await device.close();
    const again = await server.connect();
    await again.hello({ uaid });
    pass(10_000);
    expect((await again.nextClose()).code).to.equal(4774);
  });

  it('counts from the last message', async () => {
    await using server = await openSleepy();
    const device = await server.connect();
    await device.hello({ connect: UDP });
    for (let ping = 0; ping < 3; ping += 1) {
      pass(9_999);
      await device.ping();
    }
    pass(10_000);
    expect((await device.nextClose()).code).to.equal(4774);
  });

  it('waits for the ack of what it has sent', async () => {
    await using server = await openSleepy();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: UDP });
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    pass(10_000);
    pass(10_000);
    device.send({ messageType: 'ack', updates: [{ channelID, version: 1 }] });
    await device.ping();
    pass(10_000);
    expect((await device.nextClose()).code).to.equal(4774);
  });

  it('kicks the device at the next PUT', async () => {
    const kickQueues = memoryKickQueues();
    await using server = await openSleepy({}, { kickQueues });
    const { device, uaid, endpoint } = await subscribe(server);
    await device.hello({ uaid, connect: UDP });
    pass(10_000);
    await device.nextClose();
    expect(await putStatus(endpoint, { version: 1 })).to.equal(202);
    expect(kickQueues.udp.kicks).to.have.length(1);
  });

  it('comes as late as is configured', async () => {
    await using server = await openSleepy({ 'socket.udp_sleep_ms': 60_000 });
    const device = await server.connect();
    await device.hello({ connect: UDP });
    pass(59_999);
    expect(device.socket.readyState).to.equal(device.socket.OPEN);
    pass(1);
    expect((await device.nextClose()).code).to.equal(4774);
  });

  const awake: readonly { title: string; hello: object; settings?: Settings }[] = [
    { title: 'gave no address', hello: {} },
    { title: 'is woken otherwise', hello: { connect: { type: 'fcm', token: 'x' } } },
    {
      title: 'gave an address to a server that wakes nobody by UDP',
      hello: { connect: UDP },
      settings: { 'kick.udp.networks': [] },
    },
    {
      title: 'is connected to a server that sends nobody to sleep',
      hello: { connect: UDP },
      settings: { 'socket.udp_sleep_ms': 0 },
    },
  ];
  for (const { title, hello, settings } of awake) {
    it(`leaves a device alone that ${title}`, async () => {
      await using server = await openSleepy(settings);
      const device = await server.connect();
      await device.hello({ ...hello });
      pass(HOUR_MS);
      await device.ping();
    });
  }

  it('leaves a device alone that took its address back in a second hello', async () => {
    await using server = await openSleepy();
    const { device, uaid } = await subscribe(server);
    await device.hello({ uaid, connect: UDP });
    await device.hello({ uaid, connect: null });
    pass(HOUR_MS);
    await device.ping();
  });
});
