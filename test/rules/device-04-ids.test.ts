import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { putStatus } from '../support/put.ts';
import { notificationOf } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

/** The ways to write one id. */
const SPELLINGS: readonly { title: string; of: (uuid: string) => string }[] = [
  { title: 'dashed and lower', of: (uuid) => uuid },
  { title: 'dashed and upper', of: (uuid) => uuid.toUpperCase() },
  { title: 'plain and lower', of: (uuid) => uuid.replaceAll('-', '') },
  { title: 'plain and upper', of: (uuid) => uuid.replaceAll('-', '').toUpperCase() },
  {
    title: 'mixed',
    of: (uuid) =>
      uuid.replace(/[a-f]/g, (digit, at: number) => (at % 2 ? digit.toUpperCase() : digit)),
  },
];

/** No two alike, though each is a UUID of another version, or of none. */
const VERSIONS = [
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'f81d4fae-7dec-11d0-a765-00a0c91e6bf6',
  '017f22e2-79b0-7cc3-98c4-dc0c0c07398f',
  '12345678-9abc-def0-1234-56789abcdef0',
];

const NO_IDS = [
  '{431b4391-c78f-429a-a134-f890b5adc0bb}',
  'urn:uuid:431b4391-c78f-429a-a134-f890b5adc0bb',
  '431b4391c78f-429a-a134-f890b5adc0bb',
  '431b4391-c78f-429a-a134-f890b5adc0b',
  '431b4391-c78f-429a-a134-f890b5adc0bg',
  '431b4391c78f429aa134f890b5adc0bb431b4391c78f429aa134f890b5adc0bb',
  ' 431b4391-c78f-429a-a134-f890b5adc0bb',
];

describeRule('Device side 4: ids', (open) => {
  for (const { title, of } of SPELLINGS) {
    it(`answers a UAID that is ${title} as it was written, and knows it by any spelling`, async () => {
      await using server = await open();
      const uuid = randomUUID();
      const channelID = randomUUID();
      const older = await server.connect();
      const spelt = of(uuid);
      expect(await older.hello({ uaid: spelt })).to.include({ uaid: spelt });
      const registered = await older.register(channelID);
      expect(registered.uaid).to.equal(spelt);
      const newer = await server.connect();
      expect(await newer.hello({ uaid: uuid })).to.include({ uaid: uuid, status: 200 });
      expect((await older.nextClose()).code).to.equal(4000);
      expect(await newer.register(channelID)).to.include({ pushEndpoint: registered.pushEndpoint });
    });

    it(`answers a channelID that is ${title} as it was written`, async () => {
      await using server = await open();
      const device = await server.connect();
      const { uaid } = await device.hello();
      const uuid = randomUUID();
      const { pushEndpoint = '' } = await device.register(uuid);
      const spelt = of(uuid);
      expect(await device.register(spelt)).to.deep.equal({
        messageType: 'register',
        uaid,
        status: 200,
        channelID: spelt,
        pushEndpoint,
      });
      await putStatus(pushEndpoint, { version: 1 });
      expect(await device.next()).to.deep.equal(notificationOf(spelt, 1));
      device.send({ messageType: 'unregister', channelID: spelt });
      expect(await device.next()).to.include({ channelID: spelt });
      expect(await putStatus(pushEndpoint, { version: 2 })).to.equal(410);
    });

    it(`spells a channel that is ${title} in the store so for the next session`, async () => {
      await using server = await open();
      const spelt = of(randomUUID());
      const device = await server.connect();
      const { uaid } = await device.hello();
      const { pushEndpoint = '' } = await device.register(spelt);
      await device.close();
      await putStatus(pushEndpoint, { version: 1 });
      const again = await server.connect();
      await again.hello({ uaid });
      expect(await again.next()).to.deep.equal(notificationOf(spelt, 1));
    });

    it(`lists a channel that is ${title} as expired as it was listed`, async () => {
      await using server = await open();
      const device = await server.connect();
      const { uaid } = await device.hello();
      const spelt = of(randomUUID());
      await device.hello({ uaid, channelIDs: [spelt] });
      expect(await device.next()).to.deep.equal({
        messageType: 'notification',
        expired: [spelt],
      });
    });
  }

  it('acknowledges by any spelling', async () => {
    await using server = await open();
    const device = await server.connect();
    const { uaid } = await device.hello();
    const uuid = randomUUID();
    const { pushEndpoint = '' } = await device.register(uuid);
    for (const { of } of SPELLINGS) {
      await putStatus(pushEndpoint, { version: 1 });
      device.send({ messageType: 'ack', updates: [{ channelID: of(uuid), version: 1 }] });
    }
    await device.ping();
    device.takeUnread();
    await device.hello({ uaid });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  for (const uuid of VERSIONS) {
    it(`takes ${uuid} for a UAID and for a channelID`, async () => {
      await using server = await open();
      const device = await server.connect();
      expect(await device.hello({ uaid: uuid })).to.include({ uaid: uuid });
      expect(await device.register(uuid)).to.include({ status: 200, channelID: uuid });
    });
  }

  for (const text of NO_IDS) {
    it(`takes ${text} for no id`, async () => {
      await using server = await open();
      const device = await server.connect();
      const { uaid, status } = await device.hello({ uaid: text });
      expect(status).to.equal(200);
      expect(uaid).to.match(/^[0-9a-f]{32}$/);
      expect(await device.register(text)).to.include({ status: 401 });
    });
  }

  it('makes UAIDs that are a UUIDv4 in form, plain and lower, and all different', async () => {
    await using server = await open();
    const uaids = new Set<string | undefined>();
    for (let count = 1; count <= 20; count++) {
      const device = await server.connect();
      const { uaid } = await device.hello();
      expect(uaid).to.match(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
      uaids.add(uaid);
    }
    expect(uaids.size).to.equal(20);
  });
});
