import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import type { RawMessage } from '../support/raw-device.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe, subscribeAndLeave } from '../support/subscription.ts';
import { newKeys } from '../support/token-keys.ts';
import { describeRule } from './rule.ts';

const NEW_UAID = /^[0-9a-f]{32}$/;

describeRule('Device side 5: hello', (open) => {
  describe('gives a new UAID with 200', () => {
    const uaids: readonly unknown[] = [
      undefined,
      null,
      '',
      'invalid',
      '0',
      '-66000',
      'True',
      'foo bar',
      'x'.repeat(64_000),
    ];
    for (const uaid of uaids) {
      it(`to the UAID ${String(JSON.stringify(uaid)).slice(0, 20)}`, async () => {
        await using server = await open();
        const device = await server.connect();
        const reply = await device.hello({ uaid, channelIDs: [randomUUID()] });
        expect(reply).to.include({ messageType: 'hello', status: 200 });
        expect(reply.uaid).to.match(NEW_UAID);
        await device.ping();
        expect(device.takeUnread()).to.deep.equal([]);
      });
    }

    it('to a UAID that is unknown and not ours, when channels are listed', async () => {
      await using server = await open();
      const stranger = randomUUID();
      for (const channelIDs of [[randomUUID()], ['junk'], [null]]) {
        const device = await server.connect();
        const reply = await device.hello({ uaid: stranger, channelIDs });
        expect(reply.status).to.equal(200);
        expect(reply.uaid).to.match(NEW_UAID).and.not.equal(stranger.replaceAll('-', ''));
        await device.ping();
        expect(device.takeUnread()).to.deep.equal([]);
      }
    });

    it('to a device that lists more channels than it may have, which is dropped', async () => {
      await using server = await open({ settings: { 'storage.channels_per_device_max': 3 } });
      const { device: older, uaid, channelID, endpoint } = await subscribe(server);
      const listed = [channelID, randomUUID(), 'junk'];
      const asMany = await server.connect();
      expect(await asMany.hello({ uaid, channelIDs: listed })).to.include({ uaid, status: 200 });
      expect((await older.nextClose()).code).to.equal(4000);
      const tooMany = await server.connect();
      const reply = await tooMany.hello({ uaid, channelIDs: [...listed, 4] });
      expect(reply.status).to.equal(200);
      expect(reply.uaid).to.match(NEW_UAID).and.not.equal(uaid);
      expect((await asMany.nextClose()).code).to.equal(4000);
      expect(await putStatus(endpoint, { version: 1 })).to.equal(410);
    });
  });

  describe('keeps the UAID', () => {
    it('that is known', async () => {
      await using server = await open();
      const { uaid, channelID } = await subscribeAndLeave(server);
      const device = await server.connect();
      expect(await device.hello({ uaid, channelIDs: [channelID] })).to.deep.equal({
        messageType: 'hello',
        uaid,
        status: 200,
      });
      await device.ping();
      expect(device.takeUnread()).to.deep.equal([]);
    });

    it('that is unknown, when no channels are listed', async () => {
      await using server = await open();
      const uaid = randomUUID();
      const { device, endpoint, channelID } = await subscribe(server, { uaid });
      expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
      expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    });

    it('that the server once issued, after its store was lost; the endpoints go on working', async () => {
      const keys = newKeys();
      const lost = await open({ keys });
      const { uaid, channelID, endpoint } = await subscribe(lost);
      const path = new URL(endpoint).pathname;
      await lost.stop();
      await using server = await open({ keys });
      const device = await server.connect();
      expect(await device.hello({ uaid, channelIDs: [channelID] })).to.deep.equal({
        messageType: 'hello',
        uaid,
        status: 200,
      });
      expect(await device.next()).to.deep.equal({
        messageType: 'notification',
        expired: [channelID],
      });
      const moved = new URL(path, server.urls.endpoint).href;
      expect(await putStatus(moved, { version: 1 })).to.equal(200);
      expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
      expect(await device.register(channelID)).to.include({ pushEndpoint: moved });
    });

    it('not for a server with other keys, which issued none of it', async () => {
      const other = await open();
      const { uaid, channelID } = await subscribe(other);
      await other.stop();
      await using server = await open();
      const device = await server.connect();
      const reply = await device.hello({ uaid, channelIDs: [channelID] });
      expect(reply.uaid).not.to.equal(uaid);
    });
  });

  describe('without channelIDs', () => {
    const marks = [{ use_webpush: true }, { use_webpush: false }, { broadcasts: {} }];
    for (const mark of marks) {
      it(`takes ${JSON.stringify(mark)} for Firefox, and answers without it`, async () => {
        await using server = await open();
        const device = await server.connect();
        const uaid = randomUUID();
        device.send({ messageType: 'hello', uaid, ...mark });
        expect(await device.next()).to.deep.equal({ messageType: 'hello', uaid, status: 200 });
      });
    }

    it('refuses any other with 401', async () => {
      await using server = await open();
      const device = await server.connect();
      device.send({ messageType: 'hello', uaid: randomUUID() });
      expect(await device.next()).to.include({ status: 401, error: 'Invalid Command' });
    });
  });

  it('passes over what is no id in channelIDs', async () => {
    await using server = await open();
    const { device, uaid, channelID } = await subscribe(server);
    const listed = [channelID, 'junk', 7, null, {}, [], '', channelID.toUpperCase()];
    expect(await device.hello({ uaid, channelIDs: listed })).to.include({ uaid, status: 200 });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('names as expired those listed channels alone that are not held', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    const gone = randomUUID();
    await device.register(gone);
    device.send({ messageType: 'unregister', channelID: gone });
    await device.close();
    await putStatus(endpoint, { version: 1 });
    const never = randomUUID();
    const again = await server.connect();
    await again.hello({ uaid, channelIDs: [gone, channelID, never] });
    expect(await again.next()).to.deep.equal({
      ...notificationOf(channelID, 1),
      expired: [gone, never],
    });
  });

  describe('again', () => {
    const seconds: readonly { title: string; uaidOf: (uaid: string) => unknown }[] = [
      { title: 'the same uaid', uaidOf: (uaid) => uaid },
      { title: 'the same uaid in upper case', uaidOf: (uaid) => uaid.toUpperCase() },
      { title: 'an empty uaid', uaidOf: () => '' },
      { title: 'no uaid', uaidOf: () => undefined },
    ];
    for (const { title, uaidOf } of seconds) {
      it(`with ${title} is answered 200, and what is pending is sent again`, async () => {
        await using server = await open();
        const { device, uaid, channelID, endpoint } = await subscribe(server);
        await putStatus(endpoint, { version: 1 });
        await device.next();
        const said = uaidOf(uaid);
        const reply = await device.hello({ uaid: said, channelIDs: [channelID] });
        expect(reply).to.deep.equal({ messageType: 'hello', uaid: said || uaid, status: 200 });
        expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
      });
    }

    const others = [
      { title: 'another uaid', uaid: randomUUID() as string },
      { title: 'a uaid that is no id', uaid: 'junk' },
    ];
    for (const { title, uaid } of others) {
      it(`with ${title} is refused with 503 and closed with 1008`, async () => {
        await using server = await open();
        const device = await server.connect();
        await device.hello();
        const reason = 'this connection already has another uaid';
        expect(await device.hello({ uaid })).to.deep.equal({
          messageType: 'hello',
          uaid,
          channelIDs: [],
          status: 503,
          error: 'Service Unavailable',
          reason,
        });
        expect(await device.nextClose()).to.deep.equal({ code: 1008, reason });
      });
    }

    it('without channelIDs is refused', async () => {
      await using server = await open();
      const device = await server.connect();
      await device.hello();
      device.send({ messageType: 'hello' });
      expect(await device.next()).to.include({ status: 401 });
    });
  });

  describe('when the store fails', () => {
    const hellos: readonly { title: string; hello: (uaid: string) => object }[] = [
      { title: 'a known device', hello: (uaid) => ({ uaid, channelIDs: [] }) },
      {
        title: 'an unknown device',
        hello: () => ({ uaid: randomUUID(), channelIDs: [randomUUID()] }),
      },
      {
        title: 'a device with too many channels',
        hello: (uaid) => ({ uaid, channelIDs: [1, 2, 3, 4] }),
      },
    ];
    for (const { title, hello } of hellos) {
      it(`answers ${title} with 503 and 1013, and with no new UAID`, async () => {
        const settings = { 'storage.channels_per_device_max': 3 };
        const store = new StoppableStore(openMemoryStore());
        await using server = await open({ settings, store });
        const { uaid } = await subscribeAndLeave(server);
        store.fail();
        const device = await server.connect();
        const said = hello(uaid);
        expect(await device.hello({ ...said })).to.deep.equal({
          messageType: 'hello',
          ...said,
          status: 503,
          error: 'Service Unavailable',
          reason: 'the store does not answer',
        });
        expect((await device.nextClose()).code).to.equal(1013);
      });
    }

    it('says so before it says 200, also when only the pending updates cannot be read', async () => {
      const store = new StoppableStore(openMemoryStore());
      await using server = await open({ store });
      const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
      await putStatus(endpoint, { version: 1 });
      store.fail('readDevice');
      const device = await server.connect();
      expect(await device.hello({ uaid })).to.include({ uaid, status: 503 });
      store.heal();
      const again = await server.connect();
      await again.hello({ uaid, channelIDs: [channelID] });
      expect(await again.next()).to.deep.equal(notificationOf(channelID, 1));
    });
  });

  it('replies first, and then sends an update that came between its registry and its reply', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { uaid, channelID, endpoint } = await subscribeAndLeave(server);
    const reading = store.hold('readDevice');
    const device = await server.connect();
    const reply = device.hello({ uaid });
    await reading.reached;
    expect(await putStatus(endpoint, { version: 1 })).to.equal(202);
    reading.release();
    expect(await reply).to.include({ messageType: 'hello', status: 200 });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  describe('at a full node', () => {
    const full = { 'socket.devices_max': 1 };
    const overflowUrl = 'wss://other.example/';

    const redirect: RawMessage = { status: 307, redirect: overflowUrl };
    const ends = [
      { title: 'is sent to another', urls: [overflowUrl], members: redirect, code: 1000 },
      {
        title: 'is refused where there is no other',
        urls: [],
        members: { status: 429 },
        code: 1013,
      },
    ];
    for (const { title, urls, members, code } of ends) {
      for (const uaid of [randomUUID(), 'junk', '']) {
        it(`${title}, with the uaid ${JSON.stringify(uaid.slice(0, 4))} it had`, async () => {
          await using server = await open({ settings: { ...full, 'socket.overflow_urls': urls } });
          const inhabitant = await server.connect();
          await inhabitant.hello();
          const device = await server.connect();
          expect(await device.hello({ uaid })).to.deep.equal({
            messageType: 'hello',
            uaid,
            ...members,
          });
          expect((await device.nextClose()).code).to.equal(code);
          expect(await inhabitant.ping()).to.deep.equal({});
        });
      }
    }

    it('replaces and drops nothing', async () => {
      const settings = { ...full, 'storage.channels_per_device_max': 1 };
      await using server = await open({ settings });
      const { device, uaid, channelID, endpoint } = await subscribe(server);
      const double = await server.connect();
      expect(await double.hello({ uaid, channelIDs: [1, 2] })).to.include({ uaid, status: 429 });
      expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
      expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    });

    it('finds room once a device has left', async () => {
      await using server = await open({ settings: full });
      const inhabitant = await server.connect();
      await inhabitant.hello();
      await inhabitant.close();
      const device = await server.connect();
      expect(await device.hello()).to.include({ status: 200 });
    });
  });
});
