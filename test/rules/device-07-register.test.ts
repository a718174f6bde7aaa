import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { putStatus } from '../support/put.ts';
import { notificationOf, subscribe } from '../support/subscription.ts';
import { describeRule } from './rule.ts';

describeRule('Device side 7: register', (open) => {
  it('answers with the endpoint', async () => {
    await using server = await open();
    const device = await server.connect();
    const { uaid } = await device.hello();
    const channelID = randomUUID();
    const reply = await device.register(channelID);
    expect(reply).to.deep.include({ messageType: 'register', uaid, status: 200, channelID });
    expect(Object.keys(reply)).to.have.lengthOf(5);
    const { href, pathname } = new URL(reply.pushEndpoint ?? '');
    expect(href).to.equal(server.urls.endpoint + pathname.slice(1));
    expect(pathname).to.match(/^\/update\/[A-Za-z0-9_-]{64}$/);
  });

  it('makes endpoints under the public URL', async () => {
    const settings = { 'endpoint.public_url': 'https://push.example/base/' };
    await using server = await open({ settings });
    const { endpoint } = await subscribe(server);
    expect(endpoint).to.match(/^https:\/\/push\.example\/base\/update\/[A-Za-z0-9_-]{64}$/);
  });

  it('answers the same endpoint again, in this session and in the next', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    expect((await device.register(channelID)).pushEndpoint).to.equal(endpoint);
    await device.close();
    const again = await subscribe(server, { uaid, channelID });
    expect(again.endpoint).to.equal(endpoint);
  });

  it('leaves a pending update pending', async () => {
    await using server = await open();
    const { device, uaid, channelID, endpoint } = await subscribe(server);
    await putStatus(endpoint, { version: 1 });
    await device.next();
    await device.register(channelID);
    await device.hello({ uaid });
    expect(await device.next()).to.deep.equal(notificationOf(channelID, 1));
  });

  it('makes channels up to the limit; one more is answered 429, and the session stays open', async () => {
    await using server = await open({ settings: { 'storage.channels_per_device_max': 2 } });
    const { device, channelID } = await subscribe(server);
    const second = randomUUID();
    expect(await device.register(second)).to.include({ status: 200 });
    const third = { messageType: 'register', channelID: randomUUID() };
    expect(await device.register(third.channelID)).to.deep.equal({
      ...third,
      status: 429,
      error: 'Too Many Requests',
      reason: 'the device has too many channels',
    });
    expect(await device.register(channelID)).to.include({ status: 200 });
    device.send({ messageType: 'unregister', channelID: second });
    await device.nextOf('unregister');
    expect(await device.register(third.channelID)).to.include({ status: 200 });
  });

  for (const channelID of ['junk', '', null, undefined, 7, ['x'], 'f'.repeat(64)]) {
    it(`refuses ${String(JSON.stringify(channelID)).slice(0, 20)} with 401`, async () => {
      await using server = await open();
      const device = await server.connect();
      await device.hello();
      device.send({ messageType: 'register', channelID });
      expect(await device.next()).to.include({
        messageType: 'register',
        status: 401,
        error: 'Invalid Command',
      });
      expect((await device.nextClose()).code).to.equal(1008);
    });
  }
});
