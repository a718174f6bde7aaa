import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { REFUSALS_IN_HAND_MAX } from '../../src/socket/device-listener.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { getJson } from '../support/get-json.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import { upgradeBytes } from '../support/raw-frames.ts';
import { nextAnswer } from '../support/raw-http.ts';
import type { TestServer } from '../support/server.ts';
import { configOf } from '../support/settings.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { openTcpClient } from '../support/tcp-client.ts';
import { describeRule } from './rule.ts';

const CHANNELS_PER_DEVICE_MAX = configOf({}).storage.channelsPerDeviceMax;

/** How the server answers one more socket: its status, and what it says of coming back. */
async function answerToOneMore({ urls }: TestServer) {
  const client = await openTcpClient(urls.ws);
  client.write(upgradeBytes(urls.ws));
  const { status, headers } = await nextAnswer(client);
  client.destroy();
  return { status, retryAfter: headers.get('retry-after') };
}

describeRule('Device side 14: limits', (open) => {
  it('of sockets in all: one more is answered 503, and let in when one has left', async () => {
    await using server = await open({ settings: { 'socket.sockets_max': 2 } });
    await server.connect();
    const second = await server.connect();
    expect(await answerToOneMore(server)).to.deep.equal({ status: 503, retryAfter: '5' });
    await second.close();
    const third = await server.connect();
    expect(await third.hello()).to.include({ status: 200 });
  });

  it('of connections that wait to be told so: further ones end without an answer', async () => {
    await using server = await open({ settings: { 'socket.sockets_max': 1 } });
    // Whoever came and went, as a device or not, is not counted any more.
    for (let count = 0; count < REFUSALS_IN_HAND_MAX; count++) {
      await (await server.connect()).close();
      await getJson(`${server.urls.ws.replace('ws:', 'http:')}health`);
    }
    const device = await server.connect();
    const silent = await Promise.all(
      Array.from({ length: REFUSALS_IN_HAND_MAX }, () => openTcpClient(server.urls.ws)),
    );
    const oneMore = await openTcpClient(server.urls.ws);
    await oneMore.ended();
    expect(silent.filter((client) => client.isEnded)).to.deep.equal([]);
    expect(await device.ping()).to.deep.equal({});
    for (const client of silent) client.destroy();
  });

  it('of sockets of one address: one more is answered 429, and another address let in', async () => {
    await using server = await open({ settings: { 'socket.sockets_per_address_max': 2 } });
    await server.connect();
    const second = await server.connect();
    expect(await answerToOneMore(server)).to.deep.equal({ status: 429, retryAfter: '5' });
    const neighbour = await server.connect({ socketOptions: { localAddress: '127.0.0.2' } });
    expect(await neighbour.hello()).to.include({ status: 200 });
    await second.close();
    const third = await server.connect();
    expect(await third.hello()).to.include({ status: 200 });
  });

  it('of sockets before hello: one more is answered 503, and let in when one has said it', async () => {
    await using server = await open({ settings: { 'socket.sockets_before_hello_max': 2 } });
    await server.connect();
    const second = await server.connect();
    expect(await answerToOneMore(server)).to.deep.equal({ status: 503, retryAfter: '5' });
    await second.hello();
    const third = await server.connect();
    expect(await third.hello()).to.include({ status: 200 });
  });

  it('of new sockets a second: one more is answered 503, and let in a second later', async () => {
    const clock = new HandClock();
    await using server = await open({
      clock,
      settings: { 'socket.connects_per_second_max': 2 },
    });
    await server.connect();
    await server.connect();
    expect(await answerToOneMore(server)).to.deep.equal({ status: 503, retryAfter: '5' });
    clock.moveMs(1000);
    const third = await server.connect();
    expect(await third.hello()).to.include({ status: 200 });
  });

  describe('of messages that wait', () => {
    const settings = { 'socket.inbox_frames_max': 3 };

    it('holds as many as it may', async () => {
      const store = new StoppableStore(openMemoryStore());
      await using server = await open({ store, settings });
      const reading = store.hold('readDevice');
      const device = await server.connect();
      const reply = device.hello({ uaid: '0123456789abcdef0123456789abcdef' });
      for (let count = 1; count <= 3; count++) device.send({});
      await reading.reached;
      reading.release();
      expect(await reply).to.include({ status: 200 });
      for (let count = 1; count <= 3; count++) expect(await device.next()).to.deep.equal({});
    });

    it('holds by default an ack for each of the channels that a device may have', async () => {
      const store = new StoppableStore(openMemoryStore());
      await using server = await open({ store });
      const device = await server.connect();
      await device.hello();
      const acking = store.hold('ackUpdates');
      for (let count = 1; count <= CHANNELS_PER_DEVICE_MAX; count++) {
        device.send({ messageType: 'ack', updates: [{ channelID: randomUUID(), version: 1 }] });
      }
      await acking.reached;
      acking.release();
      expect(await device.ping()).to.deep.equal({});
    });

    it('closes with 1008 at one more', async () => {
      const store = new StoppableStore(openMemoryStore());
      await using server = await open({ store, settings });
      const reading = store.hold('readDevice');
      const device = await server.connect();
      device.send({
        messageType: 'hello',
        channelIDs: [],
        uaid: '0123456789abcdef0123456789abcdef',
      });
      for (let count = 1; count <= 4; count++) device.send({});
      expect(await device.nextClose()).to.deep.equal({
        code: 1008,
        reason: 'too many messages wait for an answer',
      });
      reading.release();
      expect(device.takeUnread()).to.deep.equal([]);
    });
  });

  it('of bytes that wait: a device that reads gets a message larger than them', async () => {
    const settings = {
      'socket.message_bytes_max': 1024,
      'socket.send_buffer_bytes_max': 2048,
      'endpoint.data_bytes_max': 4096,
    };
    await using server = await open({ settings });
    const { device, channelID, endpoint } = await subscribe(server);
    const data = 'x'.repeat(4096);
    for (let version = 1; version <= 10; version++) {
      expect(await putStatus(endpoint, { version, data })).to.equal(200);
      expect(await device.next()).to.deep.equal(notificationOf(channelID, version, data));
    }
  });

  it('of bytes that wait: a slow reader is cut off, and its update is stored', async () => {
    const settings = {
      'socket.message_bytes_max': 1024,
      'socket.send_buffer_bytes_max': 65_536,
      'endpoint.data_bytes_max': 40_000,
      'endpoint.body_bytes_max': 200_000,
    };
    // What the kernel buffers on the way is some megabytes.
    const putsMax = 1000;
    await using server = await open({ settings });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    device.socket.pause();
    const data = 'x'.repeat(40_000);
    let version = 0;
    let status = 200;
    while (status === 200 && version < putsMax) {
      version++;
      status = await putStatus(endpoint, { version, data });
    }
    expect(status).to.equal(202);
    const again = await server.connect();
    await again.hello({ uaid });
    expect(await again.next()).to.deep.equal(notificationOf(channelID, version));
    device.socket.resume();
    expect((await device.nextClose()).code).to.equal(1006);
  });

  describe('of origins', () => {
    const settings = { 'socket.origins': ['https://app.example'] };

    it('refuses one that is not listed with 403', async () => {
      await using server = await open({ settings });
      const client = await openTcpClient(server.urls.ws);
      client.write(upgradeBytes(server.urls.ws, ['Origin: https://evil.example']));
      expect((await nextAnswer(client)).status).to.equal(403);
      client.destroy();
    });

    it('lets in one that is listed, and devices that have none', async () => {
      await using server = await open({ settings });
      const page = await server.connect({ headers: { Origin: 'https://app.example' } });
      expect(await page.hello()).to.include({ status: 200 });
      const device = await server.connect();
      expect(await device.hello()).to.include({ status: 200 });
    });
  });
});
