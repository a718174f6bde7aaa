import { expect } from 'chai';
import { CONNECT_MS_MAX } from '../../src/client/connection.ts';
import { createDevice, type DeviceOptions } from '../../src/client/device.ts';
import { PING_INTERVAL_MS_MIN } from '../../src/client/link.ts';
import { openNodeSocket } from '../../src/client/node-socket.ts';
import { newChannelId } from '../../src/protocol/ids.ts';
import {
  endpointOf,
  openScriptedServer,
  type ScriptedPeer,
  type ScriptedServer,
} from '../support/scripted-server.ts';
import { type WatchedDevice, watchDevice } from '../support/watched-device.ts';

const DEVICE = '0123456789abcdef0123456789abcdef';
const OTHER_DEVICE = 'fedcba9876543210fedcba9876543210';
const A = newChannelId();

describe('client/device', () => {
  let server: ScriptedServer;
  let watched: WatchedDevice;

  beforeEach(async () => {
    server = await openScriptedServer();
    watched = watchDevice(server.url);
  });
  afterEach(async () => {
    watched.device.close();
    await server.close();
  });

  /** The server's end of a device that has just been welcomed. */
  async function connect(uaid = DEVICE): Promise<ScriptedPeer> {
    watched.device.connect();
    const peer = await server.nextPeer();
    await peer.welcome(uaid);
    await watched.nextState('open');
    return peer;
  }

  async function register(peer: ScriptedPeer, channelId?: string): Promise<string> {
    const [registration] = await Promise.all([watched.device.register(channelId), peer.confirm()]);
    return registration.channelId;
  }

  describe('connecting', () => {
    it('says hello as a new device, over the sub-protocol of SimplePush', async () => {
      watched.device.connect();
      const peer = await server.nextPeer();
      expect(await peer.welcome(DEVICE)).to.deep.equal({ messageType: 'hello', channelIDs: [] });
      expect(peer.protocol).to.equal('push-notification');
      expect(await watched.nextState('open')).to.deep.equal({ kind: 'open', url: server.url });
      expect(watched.device.deviceId).to.equal(DEVICE);
    });

    it('says hello as the device it was, with the channels it had', async () => {
      const first = await connect();
      const channelId = await register(first);
      const memory = JSON.parse(JSON.stringify(watched.device.memory));
      watched.device.close();
      watched = watchDevice(server.url, { memory });
      watched.device.connect();
      const second = await server.nextPeer();
      expect(await second.welcome(DEVICE)).to.deep.equal({
        messageType: 'hello',
        uaid: DEVICE,
        channelIDs: [channelId],
      });
      expect(watched.device.channels).to.deep.equal([
        { channelId, endpoint: endpointOf(channelId) },
      ]);
    });

    it('says where to wake the device, and reports a server that cannot', async () => {
      watched = watchDevice(server.url, { kickTarget: { type: 'fcm', token: 'abc' } });
      watched.device.connect();
      const peer = await server.nextPeer();
      const { connect: kickTarget } = await peer.next();
      expect(kickTarget).to.deep.equal({ type: 'fcm', token: 'abc' });
      const refusal = { status: 400, reason: 'no FCM here' };
      peer.send({ messageType: 'hello', uaid: DEVICE, status: 200, connect: refusal });
      expect(await watched.nextProblem()).to.deep.equal({
        kind: 'kick-target-refused',
        reason: 'no FCM here',
      });
    });

    it('connects once, however often it is told to', async () => {
      watched.device.connect();
      const peer = await connect();
      watched.device.connect();
      await register(peer);
      expect(watched.takeEvents().filter(({ type }) => type === 'state')).to.have.length(1);
    });

    it('ends an attempt when told to', async () => {
      watched.device.connect();
      watched.device.close();
      expect(await watched.nextState('closed')).to.have.property('why', 'asked-to');
      expect(watched.timers.count).to.equal(0);
    });

    it('may begin again after it was closed', async () => {
      const first = await connect();
      watched.device.close();
      expect(await first.nextClose()).to.have.property('code', 1000);
      const second = await connect();
      await register(second);
    });
  });

  describe('options', () => {
    const base: DeviceOptions = { server: 'ws://push.test/', onUpdate: () => undefined };
    const refused: readonly { name: string; options: Partial<DeviceOptions>; error: string }[] = [
      { name: 'an http URL', options: { server: 'http://push.test/' }, error: 'server must be' },
      { name: 'no URL', options: { server: 'push.test' }, error: 'server must be' },
      {
        name: 'a ping interval below the least',
        options: { pingIntervalMs: PING_INTERVAL_MS_MIN - 1 },
        error: 'pingIntervalMs must be',
      },
      { name: 'a memory of something else', options: { memory: {} }, error: 'memory is not' },
    ];
    for (const { name, options, error } of refused) {
      it(`refuses ${name}`, () => {
        const create = () => createDevice({ ...base, openSocket: openNodeSocket, ...options });
        expect(create).to.throw(error);
      });
    }

    for (const pingIntervalMs of [0, PING_INTERVAL_MS_MIN]) {
      it(`takes a ping interval of ${pingIntervalMs} ms`, () => {
        const device = createDevice({ ...base, openSocket: openNodeSocket, pingIntervalMs });
        expect(device.state).to.deep.equal({ kind: 'closed', why: 'not-connected-yet' });
      });
    }
  });

  describe('channels', () => {
    it('registers a new channel of its own choice', async () => {
      const peer = await connect();
      const channelId = await register(peer);
      expect(watched.device.channels).to.deep.equal([
        { channelId, endpoint: endpointOf(channelId) },
      ]);
      expect(await watched.nextEvent('registered')).to.have.property('channelId', channelId);
    });

    it('registers a channel as the program names it, in any spelling', async () => {
      const peer = await connect();
      const channelId = await register(peer, A.replaceAll('-', '').toUpperCase());
      expect(channelId).to.equal(A);
    });

    it('rejects what is no channel id', async () => {
      for (const request of [watched.device.register('x'), watched.device.unregister('x')]) {
        const error = await request.catch((reason: unknown) => reason);
        expect(error).to.have.nested.property('failure.kind', 'bad-channel-id');
      }
    });

    it('registers what was asked for before it was connected', async () => {
      const registration = watched.device.register(A);
      const peer = await connect();
      await peer.confirm();
      expect(await registration).to.have.property('channelId', A);
    });

    it('unregisters', async () => {
      const peer = await connect();
      const channelId = await register(peer);
      const request = watched.device.unregister(channelId);
      const frame = await peer.next();
      expect(frame).to.deep.equal({ messageType: 'unregister', channelID: channelId });
      peer.send({ ...frame, status: 200 });
      await request;
      expect(watched.device.channels).to.deep.equal([]);
    });

    it('registers again what the server says has expired', async () => {
      const peer = await connect();
      const channelId = await register(peer);
      peer.send({ messageType: 'notification', expired: [channelId] });
      expect(await watched.nextEvent('expired')).to.have.deep.property('channelIds', [channelId]);
      await watched.nextEvent('registered');
      await peer.confirm();
      expect(await watched.nextEvent('registered')).to.have.property('channelId', channelId);
    });

    it('registers all again when the server gives it another id', async () => {
      const first = await connect();
      const channelId = await register(first);
      first.close(1001);
      await watched.nextState('waiting');
      const second = await connect(OTHER_DEVICE);
      expect(await watched.nextEvent('reset')).to.have.property('deviceId', OTHER_DEVICE);
      expect(await second.confirm()).to.have.property('channelID', channelId);
    });

    it('rejects what waits when it is closed, and what is asked for later', async () => {
      const waiting = watched.device.register().catch((reason: unknown) => reason);
      await connect();
      watched.device.close();
      expect(await waiting).to.have.nested.property('failure.kind', 'closed');
      const later = await watched.device.register().catch((reason: unknown) => reason);
      expect(later).to.have.nested.property('failure.kind', 'closed');
    });
  });

  describe('updates', () => {
    it('are given to the listener and acknowledged', async () => {
      const peer = await connect();
      const channelId = await register(peer);
      peer.notify(channelId, 7, 'two letters');
      expect(await watched.nextUpdate()).to.deep.equal({
        channelId,
        version: 7,
        data: 'two letters',
      });
      expect(await peer.next()).to.deep.equal({
        messageType: 'ack',
        updates: [{ channelID: channelId, version: 7 }],
      });
      expect(watched.device.memory.channels[0]).to.have.property('lastVersion', 7);
    });

    it('are not acknowledged when the listener throws, and are given again', async () => {
      let isBroken = true;
      watched = watchDevice(server.url, {
        onUpdate: () => {
          if (isBroken) throw new Error('of the listener');
        },
      });
      const peer = await connect();
      const channelId = await register(peer);
      peer.notify(channelId, 7);
      expect(await watched.nextProblem()).to.have.property('kind', 'listener-threw');
      isBroken = false;
      peer.notify(channelId, 7);
      expect(await peer.next()).to.have.property('messageType', 'ack');
      expect(watched.takeUpdates()).to.have.length(2);
    });

    it('that are old are acknowledged only, in a later life too', async () => {
      const first = await connect();
      const channelId = await register(first);
      first.notify(channelId, 7);
      await first.next();
      const { memory } = watched.device;
      watched.device.close();
      watched = watchDevice(server.url, { memory });
      const second = await connect();
      second.notify(channelId, 6);
      expect(await second.next()).to.have.deep.property('updates', [
        { channelID: channelId, version: 6 },
      ]);
      expect(watched.takeUpdates()).to.deep.equal([]);
    });

    it('that are old are given when the program wants every update', async () => {
      watched = watchDevice(server.url, { everyUpdate: true });
      const peer = await connect();
      const channelId = await register(peer);
      for (const number of [7, 7, 0]) peer.notify(channelId, number);
      for (const number of [7, 7, 0]) {
        expect(await watched.nextUpdate()).to.have.property('version', number);
      }
    });

    it('that the listener has done its work with are acknowledged before a close', async () => {
      const peer = await connect();
      const channelId = await register(peer);
      for (const number of [1, 2]) peer.notify(channelId, number);
      for (let count = 0; count < 2; count++) await watched.nextUpdate();
      await new Promise((resolve) => setImmediate(resolve));
      watched.device.close();
      await peer.nextClose();
      const acks = peer.takeUnread().flatMap(({ updates }) => updates ?? []);
      expect(acks.map(({ version }) => version)).to.deep.equal([1, 2]);
    });

    it('that cannot be read are reported', async () => {
      const peer = await connect();
      peer.send({ messageType: 'notification', updates: [{ channelID: A }] });
      expect(await watched.nextProblem()).to.deep.equal({ kind: 'elements-skipped', count: 1 });
    });
  });

  describe('the program', () => {
    it('is not ended by a throw in its own event listener', async () => {
      const device = createDevice({
        server: server.url,
        openSocket: openNodeSocket,
        onUpdate: () => undefined,
        onEvent: () => {
          throw new Error('of the listener');
        },
      });
      device.connect();
      const peer = await server.nextPeer();
      await peer.welcome(DEVICE);
      await Promise.all([device.register(), peer.confirm()]);
      device.close();
    });

    it('may call the device from its event listener', async () => {
      const device = createDevice({
        server: server.url,
        openSocket: openNodeSocket,
        onUpdate: () => undefined,
        onEvent: (event) => {
          if (event.type === 'state' && event.state.kind === 'connecting') device.close();
        },
      });
      device.connect();
      await new Promise((resolve) => setImmediate(resolve));
      expect(device.state).to.deep.equal({ kind: 'closed', why: 'asked-to' });
    });

    it('may have a WebSocket that refuses the URL', async () => {
      watched = watchDevice(server.url, {
        openSocket: () => {
          throw new SyntaxError('mixed content');
        },
      });
      watched.device.connect();
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'failed', reason: 'mixed content' });
    });

    it('may have a WebSocket that never opens', async () => {
      watched = watchDevice(server.url, {
        openSocket: () => ({
          addEventListener: () => undefined,
          send: () => undefined,
          close: () => undefined,
        }),
      });
      watched.device.connect();
      watched.timers.advance(CONNECT_MS_MAX);
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'silent', waitedMs: CONNECT_MS_MAX });
    });
  });
});
