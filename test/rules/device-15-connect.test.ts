import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { parseDeviceId } from '../../src/protocol/ids.ts';
import type { Store } from '../../src/storage/store.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { describeRule } from './rule.ts';

async function targetOf(store: Store, uaid: string): Promise<KickTarget | undefined> {
  const deviceId = parseDeviceId(uaid);
  return deviceId === undefined ? undefined : (await store.readKick(deviceId)).target?.target;
}

const FCM = { type: 'fcm', token: 'a:token' } as const;

describeRule('Device side 15: connect', (open) => {
  const targets: readonly { hello: object; target: KickTarget }[] = [
    { hello: { connect: FCM }, target: FCM },
    {
      hello: { connect: { type: 'apns', token: '00ff', topic: 'org.example.app' } },
      target: { type: 'apns', token: '00ff', topic: 'org.example.app' },
    },
    {
      hello: { connect: { type: 'apns', token: '00ff' } },
      target: { type: 'apns', token: '00ff' },
    },
    {
      hello: { wakeup_hostport: { ip: '192.0.2.7', port: 4000 } },
      target: { type: 'udp', ip: '192.0.2.7', port: 4000 },
    },
    {
      hello: {
        wakeup_hostport: { ip: '192.0.2.7', port: '4000' },
        mobilenetwork: { mcc: '214', mnc: 7 },
      },
      target: {
        type: 'udp',
        ip: '192.0.2.7',
        port: 4000,
        mobileNetwork: { mcc: '214', mnc: '7' },
      },
    },
  ];
  for (const { hello, target } of targets) {
    it(`takes ${JSON.stringify(hello)}`, async () => {
      const store = openMemoryStore();
      await using server = await open({ store });
      const device = await server.connect();
      const uaid = randomUUID();
      expect(await device.hello({ uaid, ...hello })).to.deep.equal({
        messageType: 'hello',
        uaid,
        status: 200,
      });
      expect(await targetOf(store, uaid)).to.deep.equal(target);
    });
  }

  const invalid = [
    { hello: { connect: 'fcm' }, reason: 'connect must be an object' },
    {
      hello: { connect: { type: 'pigeon' } },
      reason: 'connect.type must be fcm, apns or udp',
    },
    {
      hello: { connect: { type: 'fcm', token: '' } },
      reason: 'connect.token must be 1 to 4096 printable characters',
    },
    {
      hello: { wakeup_hostport: { ip: 'example.org', port: 1 } },
      reason: 'ip must be an IP address without a zone',
    },
  ];
  for (const { hello, reason } of invalid) {
    it(`succeeds, and says that ${reason}, at ${JSON.stringify(hello)}`, async () => {
      const store = openMemoryStore();
      await using server = await open({ store });
      const device = await server.connect();
      const uaid = randomUUID();
      expect(await device.hello({ uaid, ...hello })).to.deep.equal({
        messageType: 'hello',
        uaid,
        status: 200,
        connect: { status: 400, reason },
      });
      expect(await targetOf(store, uaid)).to.equal(undefined);
      expect((await device.register(randomUUID())).status).to.equal(200);
    });
  }

  const changes: readonly { title: string; members: object; target: KickTarget | undefined }[] = [
    { title: 'leaves what is known when it is absent', members: {}, target: FCM },
    { title: 'leaves what is known when it is invalid', members: { connect: 7 }, target: FCM },
    {
      title: 'forgets what is known when it is null',
      members: { connect: null },
      target: undefined,
    },
    {
      title: 'replaces what is known',
      members: { connect: { type: 'apns', token: 'ab' } },
      target: { type: 'apns', token: 'ab' },
    },
  ];
  for (const { title, members, target } of changes) {
    it(`${title}, in the hello of another session`, async () => {
      const store = openMemoryStore();
      await using server = await open({ store });
      const uaid = randomUUID();
      const first = await server.connect();
      await first.hello({ uaid, connect: FCM });
      const second = await server.connect();
      await second.hello({ uaid, ...members });
      expect(await targetOf(store, uaid)).to.deep.equal(target);
    });

    it(`${title}, in a second hello`, async () => {
      const store = openMemoryStore();
      await using server = await open({ store });
      const uaid = randomUUID();
      const device = await server.connect();
      await device.hello({ uaid, connect: FCM });
      await device.hello({ uaid, ...members });
      expect(await targetOf(store, uaid)).to.deep.equal(target);
    });
  }
});
