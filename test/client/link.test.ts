import { expect } from 'chai';
import { BACKOFF_FIRST_MS_MAX, BACKOFF_MS_MAX } from '../../src/client/backoff.ts';
import { ANSWER_MS_MAX } from '../../src/client/connection.ts';
import { PING_INTERVAL_MS_DEFAULT } from '../../src/client/device.ts';
import { PING_INTERVAL_MS_MIN, REDIRECT_HOPS_MAX, STABLE_MS_MIN } from '../../src/client/link.ts';
import { GOING_AWAY_WAIT_MS_MIN, TRY_LATER_WAIT_MS_MIN } from '../../src/client/loss.ts';
import { openNodeSocket } from '../../src/client/node-socket.ts';
import { FRAME_CHARACTERS_MAX } from '../../src/client/web-socket.ts';
import {
  openScriptedServer,
  type ScriptedPeer,
  type ScriptedServer,
} from '../support/scripted-server.ts';
import { type WatchedDevice, watchDevice } from '../support/watched-device.ts';

const DEVICE = '0123456789abcdef0123456789abcdef';
const MADE_UP = 'fedcba9876543210fedcba9876543210';

/** What a watched device waits before its first, second, … attempt: half of each ceiling. */
const FIRST_WAIT_MS = BACKOFF_FIRST_MS_MAX / 2;
const SECOND_WAIT_MS = 2 * FIRST_WAIT_MS;

describe('client/link', () => {
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

  async function connect(): Promise<ScriptedPeer> {
    watched.device.connect();
    return await welcome();
  }

  async function welcome(): Promise<ScriptedPeer> {
    const peer = await server.nextPeer();
    await peer.welcome(DEVICE);
    await watched.nextState('open');
    return peer;
  }

  /** Lets the device wait out what it waits for, and gives the hello of its next connection. */
  async function nextHello(waitMs: number) {
    watched.timers.advance(waitMs);
    const peer = await server.nextPeer();
    return { peer, hello: await peer.next() };
  }

  describe('after a close', () => {
    const waits = [
      { code: 1000, waitMs: FIRST_WAIT_MS },
      { code: 1001, waitMs: FIRST_WAIT_MS + GOING_AWAY_WAIT_MS_MIN },
      { code: 1008, waitMs: FIRST_WAIT_MS },
      { code: 1013, waitMs: FIRST_WAIT_MS + TRY_LATER_WAIT_MS_MIN },
    ];
    for (const { code, waitMs } of waits) {
      it(`with ${code} connects again after ${waitMs} ms, as the same device`, async () => {
        const peer = await connect();
        peer.close(code, 'so long');
        expect(await watched.nextState('waiting')).to.deep.equal({
          kind: 'waiting',
          retryInMs: waitMs,
          loss: { kind: 'closed', code, reason: 'so long' },
        });
        watched.timers.advance(waitMs - 1);
        expect(watched.device.state.kind).to.equal('waiting');
        const { hello } = await nextHello(1);
        expect(hello).to.have.property('uaid', DEVICE);
      });
    }

    const stops = [
      { code: 4000, why: 'replaced' },
      { code: 4774, why: 'asleep' },
    ];
    for (const { code, why } of stops) {
      it(`with ${code} connects again only when told to`, async () => {
        const peer = await connect();
        const request = watched.device.register().catch((reason: unknown) => reason);
        await peer.next();
        peer.close(code);
        expect(await watched.nextState('closed')).to.deep.equal({ kind: 'closed', why });
        expect(await request).to.have.nested.property('failure.kind', 'closed');
        expect(watched.timers.count).to.equal(0);
        await connect();
      });
    }

    it('without a close frame connects again', async () => {
      const peer = await connect();
      peer.socket.terminate();
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'closed', code: 1006, reason: '' });
    });

    it('does not wait when told to connect', async () => {
      const peer = await connect();
      peer.close(1013);
      await watched.nextState('waiting');
      await connect();
    });

    it('sends the requests again that were not answered', async () => {
      const first = await connect();
      const request = watched.device.register();
      const frame = await first.next();
      first.close(1001);
      const { retryInMs } = await watched.nextState('waiting');
      watched.timers.advance(retryInMs);
      const second = await welcome();
      expect(await second.confirm()).to.deep.equal(frame);
      expect(await request).to.have.property('channelId', frame.channelID);
    });
  });

  describe('a series of failures', () => {
    it('makes each wait longer, up to the longest', async () => {
      await server.close();
      watched.device.connect();
      const waits: number[] = [];
      for (let attempt = 0; attempt < 10; attempt++) {
        const { retryInMs, loss } = await watched.nextState('waiting');
        expect(loss)
          .to.have.property('reason')
          .that.matches(/ECONNREFUSED/);
        waits.push(retryInMs);
        watched.timers.advance(retryInMs);
      }
      expect(waits.slice(0, 3)).to.deep.equal([1_000, 2_000, 4_000]);
      expect(waits.slice(-2)).to.deep.equal([BACKOFF_MS_MAX / 2, BACKOFF_MS_MAX / 2]);
    });

    const lasting = [
      { name: 'is ended', openMs: STABLE_MS_MIN, waitMs: FIRST_WAIT_MS },
      { name: 'is not ended', openMs: STABLE_MS_MIN - 1, waitMs: SECOND_WAIT_MS },
    ];
    for (const { name, openMs, waitMs } of lasting) {
      it(`${name} by a connection of ${openMs} ms`, async () => {
        const first = await connect();
        first.close(1000);
        await watched.nextState('waiting');
        watched.timers.advance(FIRST_WAIT_MS);
        const second = await welcome();
        watched.timers.advance(openMs);
        second.close(1000);
        expect(await watched.nextState('waiting')).to.have.property('retryInMs', waitMs);
      });
    }
  });

  describe('a hello', () => {
    const refusals = [
      { status: 429, reply: { messageType: 'hello', uaid: MADE_UP, status: 429 }, reason: '' },
      {
        status: 503,
        reply: { messageType: 'hello', status: 503, reason: 'no store' },
        reason: 'no store',
      },
    ];
    for (const { status, reply, reason } of refusals) {
      it(`that is refused with ${status} is said again later`, async () => {
        watched.device.connect();
        const peer = await server.nextPeer();
        await peer.next();
        peer.send(reply);
        expect(await watched.nextState('waiting')).to.deep.equal({
          kind: 'waiting',
          retryInMs: TRY_LATER_WAIT_MS_MIN + FIRST_WAIT_MS,
          loss: { kind: 'refused', status, reason },
        });
        expect(watched.device.deviceId).to.equal(undefined);
      });
    }

    it('that is not answered is said again later', async () => {
      watched.device.connect();
      const peer = await server.nextPeer();
      await peer.next();
      watched.timers.advance(ANSWER_MS_MAX - 1);
      expect(watched.device.state.kind).to.equal('connecting');
      watched.timers.advance(1);
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'silent', waitedMs: ANSWER_MS_MAX });
      expect(await peer.nextClose()).to.have.property('code', 1000);
    });
  });

  describe('a redirect', () => {
    let other: ScriptedServer;

    beforeEach(async () => {
      other = await openScriptedServer();
    });
    afterEach(() => other.close());

    async function redirect(peer: ScriptedPeer, url: string) {
      const hello = await peer.next();
      peer.send({ messageType: 'hello', uaid: MADE_UP, status: 307, redirect: url });
      return hello;
    }

    it('is followed, with the id that the device had', async () => {
      const first = await connect();
      first.close(1000);
      await watched.nextState('waiting');
      watched.timers.advance(FIRST_WAIT_MS);
      await redirect(await server.nextPeer(), other.url);
      const peer = await other.nextPeer();
      expect(await peer.welcome(DEVICE)).to.have.property('uaid', DEVICE);
      expect(await watched.nextState('open')).to.have.property('url', other.url);
    });

    it('leaves a new device without an id', async () => {
      watched.device.connect();
      await redirect(await server.nextPeer(), other.url);
      const peer = await other.nextPeer();
      expect(await peer.welcome(DEVICE)).not.to.have.property('uaid');
    });

    it('closes the connection that it came on with 1000', async () => {
      watched.device.connect();
      const peer = await server.nextPeer();
      await redirect(peer, other.url);
      expect(await peer.nextClose()).to.have.property('code', 1000);
    });

    it('is forgotten when its connection is lost: the next begins at the first server', async () => {
      watched.device.connect();
      await redirect(await server.nextPeer(), other.url);
      const peer = await other.nextPeer();
      await peer.welcome(DEVICE);
      peer.close(1000);
      await watched.nextState('waiting');
      await nextHello(FIRST_WAIT_MS);
    });

    it('is followed as often as it may be, and not once more', async () => {
      watched.device.connect();
      await redirect(await server.nextPeer(), other.url);
      for (let hop = 1; hop < REDIRECT_HOPS_MAX; hop++) {
        await redirect(await other.nextPeer(), other.url);
      }
      const last = await other.nextPeer();
      await redirect(last, other.url);
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'redirects', hopsMax: REDIRECT_HOPS_MAX });
      await nextHello(FIRST_WAIT_MS);
    });

    it('from wss to ws is not followed', async () => {
      const secure = server.url.replace('ws:', 'wss:');
      watched = watchDevice(secure, {
        openSocket: (_url, protocol) => openNodeSocket(server.url, protocol),
      });
      watched.device.connect();
      await redirect(await server.nextPeer(), other.url);
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'malformed', reason: 'it redirected from wss to ws' });
    });
  });

  describe('a server that does not speak SimplePush', () => {
    const first = [
      { name: 'no JSON', frame: 'hello', reason: 'a frame was not JSON' },
      { name: 'a list', frame: '[]', reason: 'a frame was not a JSON object' },
      {
        name: 'a binary frame',
        frame: Buffer.from('{}'),
        reason: 'a frame was binary or too long',
      },
      { name: 'a pong first', frame: '{}', reason: 'its first message was no hello reply' },
      {
        name: 'a notification first',
        frame: '{"messageType":"notification","updates":[]}',
        reason: 'its first message was no hello reply',
      },
      {
        name: 'a hello reply without uaid',
        frame: '{"messageType":"hello","status":200}',
        reason: 'the hello reply had no UUID as uaid',
      },
      {
        name: 'a redirect to a page',
        frame: '{"messageType":"hello","status":307,"redirect":"https://push.test/"}',
        reason: 'a redirect named no ws or wss URL',
      },
    ];
    for (const { name, frame, reason } of first) {
      it(`and sends ${name} is left and tried later`, async () => {
        watched.device.connect();
        const peer = await server.nextPeer();
        await peer.next();
        peer.send(frame);
        const { loss } = await watched.nextState('waiting');
        expect(loss).to.deep.equal({ kind: 'malformed', reason });
        expect(await peer.nextClose()).to.have.property('code', 1000);
      });
    }

    it('is left also when it had been welcome', async () => {
      const peer = await connect();
      peer.send('{"messageType":"notification"');
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'malformed', reason: 'a frame was not JSON' });
    });

    it('is understood up to the longest frame, and not one character beyond it', async () => {
      const peer = await connect();
      const frame = '{"messageType":"notification","updates":["'.padEnd(
        FRAME_CHARACTERS_MAX - 3,
        'x',
      );
      peer.send(`${frame}"]}`);
      expect(await watched.nextProblem()).to.deep.equal({ kind: 'elements-skipped', count: 1 });
      peer.send(`${frame}x"]}`);
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'malformed', reason: 'a frame was binary or too long' });
    });

    it('and sends frames far too long is cut off before they are read', async () => {
      const peer = await connect();
      peer.send('x'.repeat(4 * FRAME_CHARACTERS_MAX));
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'failed', reason: 'Max payload size exceeded' });
    });

    it('but a newer form of it is passed over', async () => {
      const peer = await connect();
      peer.send({ messageType: 'broadcast', status: 200 });
      peer.send({ messageType: 'hello', uaid: MADE_UP, status: 200 });
      await Promise.all([watched.device.register(), peer.confirm()]);
      expect(watched.device.deviceId).to.equal(DEVICE);
    });
  });

  describe('a ping', () => {
    it('is sent from time to time, and its answer is enough', async () => {
      const peer = await connect();
      for (let count = 0; count < 2; count++) {
        watched.timers.advance(PING_INTERVAL_MS_DEFAULT);
        expect(await peer.next()).to.deep.equal({});
        peer.send('{}');
        await Promise.all([watched.device.register(), peer.confirm()]);
      }
      expect(watched.device.state.kind).to.equal('open');
    });

    it('without any answer ends the connection', async () => {
      const peer = await connect();
      watched.timers.advance(PING_INTERVAL_MS_DEFAULT);
      await peer.next();
      watched.timers.advance(ANSWER_MS_MAX);
      const { loss } = await watched.nextState('waiting');
      expect(loss).to.deep.equal({ kind: 'silent', waitedMs: ANSWER_MS_MAX });
    });

    it('is sent when told to, but not sooner than servers allow', async () => {
      const peer = await connect();
      expect(watched.device.ping()).to.equal(true);
      await peer.next();
      peer.send('{"messageType":"ping","status":200}');
      await Promise.all([watched.device.register(), peer.confirm()]);
      watched.timers.advance(PING_INTERVAL_MS_MIN - 1);
      expect(watched.device.ping()).to.equal(false);
      watched.timers.advance(1);
      expect(watched.device.ping()).to.equal(true);
      expect(await peer.next()).to.deep.equal({});
    });

    it('is not sent while there is no connection', () => {
      expect(watched.device.ping()).to.equal(false);
    });

    it('is never sent by itself when the interval is 0', async () => {
      watched = watchDevice(server.url, { pingIntervalMs: 0 });
      await connect();
      expect(watched.timers.count).to.equal(0);
    });
  });
});
