import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { put, putStatus } from '../support/put.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { notificationOf, subscribe, subscribeAndLeave } from '../support/subscription.ts';
import { newKeys } from '../support/token-keys.ts';
import { describeRule } from './rule.ts';

describeRule('App-server side 2: answers', (open) => {
  it('are 200 {} when a session took the update', async () => {
    await using server = await open();
    const { endpoint } = await subscribe(server);
    const { status, text, headers } = await put(endpoint, { version: 1 });
    expect({ status, text }).to.deep.equal({ status: 200, text: '{}' });
    expect(headers.get('content-type')).to.equal('application/json');
  });

  it('are 202 {} when it is stored', async () => {
    await using server = await open();
    const { endpoint } = await subscribeAndLeave(server);
    expect(await put(endpoint, { version: 1 })).to.include({ status: 202, text: '{}' });
  });

  it('are 400 to a version that is none, and to a body that is not the multipart it says', async () => {
    await using server = await open();
    const { endpoint } = await subscribe(server);
    expect(await put(endpoint, { version: 'x' })).to.include({
      status: 400,
      text: '"Invalid Version"',
    });
    const contentType = 'multipart/form-data; boundary=here';
    expect(await put(endpoint, { body: 'no part', contentType })).to.include({
      status: 400,
      text: '"Invalid Body"',
    });
  });

  const paths = [
    { path: '/update/invalid', text: '"Invalid Token"' },
    { path: `/update/${'A'.repeat(64)}`, text: '"Invalid Token"' },
    { path: '/update/%41', text: '"Invalid Token"' },
    { path: '/update/', text: '"Not Found"' },
    { path: '/update', text: '"Not Found"' },
    { path: '/update/a/b', text: '"Not Found"' },
    { path: '//update/a', text: '"Not Found"' },
    { path: '/UPDATE/a', text: '"Not Found"' },
    { path: '/', text: '"Not Found"' },
  ];
  for (const { path, text } of paths) {
    it(`are 404 ${text} to ${path.slice(0, 20)}`, async () => {
      await using server = await open();
      const answer = await put(server.urls.endpoint.replace(/\/$/, path), { version: 1 });
      expect(answer).to.include({ status: 404, text });
    });
  }

  for (const method of ['GET', 'POST', 'DELETE', 'PATCH', 'HEAD']) {
    it(`are 405 to ${method}, and name what is allowed`, async () => {
      await using server = await open();
      const { endpoint } = await subscribe(server);
      const { status, headers, text } = await put(endpoint, { method, version: 1 });
      expect(status).to.equal(405);
      expect(headers.get('allow')).to.equal('PUT, OPTIONS');
      expect(text).to.equal(method === 'HEAD' ? '' : '"Method Not Allowed"');
    });
  }

  it('are 200 to OPTIONS, empty, and name what is allowed', async () => {
    await using server = await open();
    const { endpoint } = await subscribe(server);
    const { status, headers, text } = await put(endpoint, { method: 'OPTIONS' });
    expect({ status, text }).to.deep.equal({ status: 200, text: '' });
    expect(headers.get('allow')).to.equal('PUT, OPTIONS');
    expect(headers.has('content-type')).to.equal(false);
  });

  it('are 410 when the channel was unregistered, or its device dropped', async () => {
    await using server = await open({ settings: { 'storage.channels_per_device_max': 2 } });
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    device.send({ messageType: 'unregister', channelID });
    await device.nextOf('unregister');
    expect(await put(endpoint, { version: 1 })).to.include({ status: 410, text: '"Gone"' });
    await device.register(channelID);
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    const again = await server.connect();
    await again.hello({ uaid, channelIDs: [1, 2, 3] });
    expect(await putStatus(endpoint, { version: 2 })).to.equal(410);
  });

  it('are 202 to an endpoint of a channel that the store does not know, and holds from then on', async () => {
    const keys = newKeys();
    await using lost = await open({ keys });
    const { endpoint, uaid, channelID } = await subscribeAndLeave(lost);
    await using server = await open({ keys });
    const moved = endpoint.replace(lost.urls.endpoint, server.urls.endpoint);
    expect(await putStatus(moved, { version: 1 })).to.equal(202);
    const device = await server.connect();
    await device.hello({ uaid, channelIDs: [channelID] });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('are 413 when data or body are too large', async () => {
    await using server = await open();
    const { endpoint } = await subscribe(server);
    expect(await put(endpoint, { data: 'x'.repeat(4097) })).to.include({
      status: 413,
      text: '"Data Too Long"',
    });
    expect(await put(endpoint, { body: 'x'.repeat(16_385) })).to.include({
      status: 413,
      text: '"Body Too Large"',
    });
  });

  it('are 429 with Retry-After beyond the PUTs of a second, until the next', async () => {
    const clock = new HandClock();
    const settings = { 'endpoint.puts_per_second_max': 2, 'endpoint.retry_after_secs': 7 };
    await using server = await open({ clock, settings });
    const { endpoint } = await subscribe(server);
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await putStatus(endpoint, { version: 2 })).to.equal(200);
    const { status, text, headers } = await put(endpoint, { version: 3 });
    expect({ status, text }).to.deep.equal({ status: 429, text: '"Too Many Requests"' });
    expect(headers.get('retry-after')).to.equal('7');
    clock.moveMs(1000);
    expect(await putStatus(endpoint, { version: 3 })).to.equal(200);
  });

  it('are 503 with Retry-After when the store fails, and nothing was accepted', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, uaid, endpoint } = await subscribe(server);
    store.fail();
    const { status, text, headers } = await put(endpoint, { version: 1 });
    expect({ status, text }).to.deep.equal({ status: 503, text: '"Service Unavailable"' });
    expect(headers.get('retry-after')).to.equal('5');
    store.heal();
    await device.hello({ uaid });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  it('are 503 beyond the PUTs that may wait for the store', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store, settings: { 'endpoint.puts_in_hand_max': 1 } });
    const { endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const first = putStatus(endpoint, { version: 1 });
    await putting.reached;
    expect(await putStatus(endpoint, { version: 2 })).to.equal(503);
    putting.release();
    expect(await first).to.equal(200);
    expect(await putStatus(endpoint, { version: 3 })).to.equal(200);
  });

  it('are 503 with Retry-After while the node drains, and PUTs in hand are finished', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const { device, endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const inHand = putStatus(endpoint, { version: 1 });
    await putting.reached;
    const stopped = server.stop();
    expect((await device.nextClose()).code).to.equal(1001);
    const { status, text, headers } = await put(endpoint, { version: 2 });
    expect({ status, text }).to.deep.equal({ status: 503, text: '"Service Unavailable"' });
    expect(headers.get('retry-after')).to.equal('5');
    putting.release();
    expect(await inHand).to.equal(202);
    expect(await stopped).to.equal(true);
  });

  it('are 200 or 503, and never 202, where nothing is stored', async () => {
    await using server = await open({ settings: { 'storage.driver': 'none' } });
    const { device, channelID, endpoint } = await subscribe(server);
    expect(await putStatus(endpoint, { version: 1 })).to.equal(200);
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
    await device.close();
    expect(await putStatus(endpoint, { version: 2 })).to.equal(503);
  });
});
