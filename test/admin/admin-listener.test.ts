import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { getJson } from '../support/get-json.ts';
import { openMemoryStore } from '../support/memory-store.ts';
import { putStatus } from '../support/put.ts';
import { openTestServer } from '../support/server.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { subscribe } from '../support/subscription.ts';
import { within } from '../support/within.ts';

describe('the admin listener', () => {
  it('tells that the process is ready', async () => {
    await using server = await openTestServer();
    expect(await getJson(`${server.urls.admin}health`)).to.deep.equal({
      status: 200,
      body: { ready: true, reasons: [] },
    });
  });

  it('tells that the store fails, and that it works again', async () => {
    const clock = new HandClock();
    const store = new StoppableStore(openMemoryStore());
    await using server = await openTestServer({ clock, store });
    const health = () => {
      clock.tick();
      return getJson(`${server.urls.admin}health`);
    };
    store.fail('check');
    expect(await health()).to.deep.equal({
      status: 503,
      body: { ready: false, reasons: ['push: store: the test stopped the store'] },
    });
    store.heal();
    expect((await health()).status).to.equal(200);
  });

  it('tells that the process stops, and stays to tell it until the end', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await openTestServer({ store });
    const { endpoint } = await subscribe(server);
    const putting = store.hold('putUpdate');
    const status = putStatus(endpoint, { version: 1 });
    await putting.reached;
    const stopped = server.stop();
    expect(await getJson(`${server.urls.admin}health`)).to.deep.equal({
      status: 503,
      body: { ready: false, reasons: ['push: the server is shutting down'] },
    });
    putting.release();
    expect(await status).to.equal(202);
    expect(await within(stopped, { wanted: 'the stop', waitMsMax: 1000 })).to.equal(true);
  });

  it('tells the state of the process', async () => {
    await using server = await openTestServer();
    const { device, endpoint } = await subscribe(server);
    await server.connect();
    await putStatus(endpoint, { version: 1 });
    await device.close();
    await putStatus(endpoint, { version: 2 });
    await subscribe(server);
    for (const path of ['status', 'status/', 'status?x=y']) {
      const { body } = await getJson(server.urls.admin + path);
      expect(body).to.include({ name: 'reveille', ready: true });
      const push = expect(body).to.have.property('roles').with.property('push');
      push.that.deep.includes({
        ready: true,
        reasons: [],
        devices: 1,
        puts: { inHand: 0, delivered: 1, stored: 1 },
        store: { driver: 'memory', healthy: true },
        transports: { socket: 'uws', endpoint: 'node' },
      });
      push.with.property('sockets').that.includes({ open: 2, beforeHello: 1 });
    }
  });

  it('tells its version', async () => {
    await using server = await openTestServer();
    const { body } = await getJson(`${server.urls.admin}__version__`);
    expect(body).to.include({ name: 'reveille', node: process.version });
    expect(body['version']).to.match(/^\d+\.\d+\.\d+/);
  });

  it('names its paths to who asks for another', async () => {
    await using server = await openTestServer();
    const { status, body } = await getJson(`${server.urls.admin}secrets`);
    expect(status).to.equal(404);
    expect(body['paths']).to.include('/health');
  });

  it('reads and changes nothing: other methods are answered 405', async () => {
    await using server = await openTestServer();
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await fetch(`${server.urls.admin}health`, { method });
      expect(response.status).to.equal(405);
      expect(response.headers.get('allow')).to.equal('GET, HEAD');
    }
    const head = await fetch(`${server.urls.admin}health`, { method: 'HEAD' });
    expect(head.status).to.equal(200);
    expect(await head.text()).to.equal('');
  });
});

describe('the public probes', () => {
  const listeners = [
    { title: 'devices on uws', settings: { 'socket.transport': 'uws' }, side: 'ws' },
    { title: 'devices on ws', settings: { 'socket.transport': 'ws' }, side: 'ws' },
    { title: 'app servers on node', settings: {}, side: 'endpoint' },
    { title: 'app servers on uws', settings: { 'endpoint.transport': 'uws' }, side: 'endpoint' },
  ] as const;
  for (const { title, settings, side } of listeners) {
    it(`at the listener for ${title} tell whether to send traffic`, async () => {
      const clock = new HandClock();
      const store = new StoppableStore(openMemoryStore());
      await using server = await openTestServer({ settings, clock, store });
      await subscribe(server);
      const url = server.urls[side].replace('ws:', 'http:');
      for (const path of ['health', 'status', 'status/']) {
        const { status, body } = await getJson(url + path);
        expect(status).to.equal(200);
        expect(body).to.include({ status: 'OK', clients: 1 }).and.have.property('version');
      }
      store.fail('check');
      clock.tick();
      const { status, body } = await getJson(`${url}health`);
      expect(status).to.equal(503);
      expect(body).to.include({ status: 'UNAVAILABLE', clients: 1 });
    });
  }
});
