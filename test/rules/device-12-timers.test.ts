import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { expect } from 'chai';
import { HandClock } from '../storage/hand-clock.ts';
import { describeRule } from './rule.ts';

/** The least that may be configured. */
const IDLE_TIMEOUT_SECS = 8;
/** uWebSockets.js looks every 4 s. */
const IDLE_WAIT_MS_MAX = 20_000;

describeRule('Device side 12: timers', (open, { socket }) => {
  let clock: HandClock;

  beforeEach(() => {
    clock = new HandClock();
  });

  const pass = (ms: number) => {
    clock.moveMs(ms);
    clock.tick();
  };

  it('close a socket without a hello after 30 s, pings or not', async () => {
    await using server = await open({ clock });
    const device = await server.connect();
    pass(29_999);
    await device.ping();
    pass(1);
    expect(await device.nextClose()).to.deep.equal({
      code: 1008,
      reason: 'no hello within the allowed time',
    });
  });

  it('leave a device alone that has said hello', async () => {
    await using server = await open({ clock, settings: { 'socket.hello_timeout_ms': 1000 } });
    const device = await server.connect();
    await device.hello();
    pass(1000);
    expect(await device.ping()).to.deep.equal({});
  });

  describe('between pings', () => {
    const settings = { 'socket.ping_interval_min_ms': 20_000 };

    it('demand 20 s', async () => {
      await using server = await open({ clock, settings });
      const device = await server.connect();
      await device.ping();
      pass(20_000);
      expect(await device.ping()).to.deep.equal({});
    });

    const pings = [
      { ping: {}, isAfterHello: false },
      { ping: {}, isAfterHello: true },
      { ping: { messageType: 'ping', x: 1 }, isAfterHello: false },
      { ping: { messageType: 'ping', x: 1 }, isAfterHello: true },
    ];
    for (const { ping, isAfterHello } of pings) {
      it(`refuse ${JSON.stringify(ping)} sooner, ${isAfterHello ? 'after' : 'before'} hello`, async () => {
        await using server = await open({ clock, settings });
        const device = await server.connect();
        await device.ping();
        if (isAfterHello) await device.hello();
        pass(19_999);
        device.send(ping);
        const reason = 'pings come too often';
        expect(await device.next()).to.deep.equal({
          ...ping,
          status: 401,
          error: 'Invalid Command',
          reason,
        });
        expect(await device.nextClose()).to.deep.equal({ code: 1008, reason });
      });
    }

    it('count pings alone', async () => {
      await using server = await open({ clock, settings });
      const device = await server.connect();
      await device.ping();
      await device.hello();
      await device.register(randomUUID());
      await device.register(randomUUID());
      pass(20_000);
      expect(await device.ping()).to.deep.equal({});
    });

    it('demand nothing when they are switched off', async () => {
      await using server = await open({ clock, settings: { 'socket.ping_interval_min_ms': 0 } });
      const device = await server.connect();
      for (let count = 1; count <= 5; count++) expect(await device.ping()).to.deep.equal({});
    });
  });

  const idleSettings = { 'socket.idle_timeout_secs': IDLE_TIMEOUT_SECS };

  // The clock of uWebSockets.js is its own.
  if (socket === 'uws') {
    it('end the connection of a peer that answers no PING, and of no other', async function () {
      this.timeout(IDLE_WAIT_MS_MAX);
      await using server = await open({ settings: idleSettings });
      const dead = await server.connect({
        waitMsMax: IDLE_WAIT_MS_MAX,
        socketOptions: { autoPong: false },
      });
      const quiet = await server.connect();
      expect((await dead.nextClose()).code).to.equal(1006);
      expect(await quiet.ping()).to.deep.equal({});
    });
  } else {
    it('end the connection of a peer that answers no PING, and of no other', async () => {
      await using server = await open({ clock, settings: idleSettings });
      const dead = await server.connect({ socketOptions: { autoPong: false } });
      const quiet = await server.connect();
      const pings = Promise.all([once(dead.socket, 'ping'), once(quiet.socket, 'ping')]);
      pass((IDLE_TIMEOUT_SECS * 1000) / 2);
      await pings;
      await quiet.ping();
      pass((IDLE_TIMEOUT_SECS * 1000) / 2);
      expect((await dead.nextClose()).code).to.equal(1006);
      expect(await quiet.ping()).to.deep.equal({});
    });
  }
});
