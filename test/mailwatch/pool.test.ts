import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { createPool, type Pool, type PoolLimits, type Slot } from '../../src/mailwatch/pool.ts';
import { HandClock } from '../storage/hand-clock.ts';

const WIDE: PoolLimits = {
  connectionsMax: 1_000,
  connectionsPerHostMax: 1_000,
  loginsPerSecond: 1_000_000,
  loginsPerHostPerSecond: 1_000_000,
};

describe('the pool', () => {
  const NEVER = new AbortController().signal;
  let clock: HandClock;
  let pool: Pool;
  /** Who was let in, in order. */
  let order: string[];
  let slots: Slot[];

  const open = (limits: Partial<PoolLimits>) => {
    clock = new HandClock();
    order = [];
    slots = [];
    pool = createPool({ ...WIDE, ...limits }, clock);
  };
  const ask = (host: string, who = host, signal = new AbortController().signal) => {
    void pool.acquire(host, signal).then((slot) => {
      if (slot === undefined) return;
      order.push(who);
      slots.push(slot);
    });
  };
  const passMs = async (ms: number) => {
    clock.moveMs(ms);
    clock.tick();
    await new Promise((resolve) => setImmediate(resolve));
  };
  /** Fills the buckets of the logins. */
  const settle = () => passMs(1_000);

  afterEach(() => {
    pool.stop();
    expect(clock.repeatedCount).to.equal(0);
  });

  it('lets in as many as there may be, in the order of asking', async () => {
    open({ connectionsMax: 2 });
    for (const who of ['1', '2', '3', '4']) ask('a', who);
    await settle();
    expect(order).to.deep.equal(['1', '2']);
    expect([pool.size, pool.waiting]).to.deep.equal([2, 2]);
    slots[0]?.release();
    slots[0]?.release();
    await passMs(0);
    expect(order).to.deep.equal(['1', '2', '3']);
    expect([pool.size, pool.waiting]).to.deep.equal([2, 1]);
  });

  it('lets nobody in while it is paused, and everybody in turn afterwards', async () => {
    open({});
    ask('a', 'before');
    await settle();
    pool.pause();
    ask('a', '1');
    ask('b', '2');
    slots[0]?.release();
    await settle();
    expect(order).to.deep.equal(['before']);
    expect([pool.size, pool.waiting]).to.deep.equal([0, 2]);
    pool.resume();
    await passMs(0);
    expect(order).to.deep.equal(['before', '1', '2']);
  });

  it('lets as many in to one host as there may be, and holds up nobody else', async () => {
    open({ connectionsPerHostMax: 2 });
    for (let count = 0; count < 10; count++) ask('crowd');
    ask('other');
    await settle();
    expect(order.sort()).to.deep.equal(['crowd', 'crowd', 'other']);
  });

  it('lets in one host after the other, so that a crowd takes no places from the others', async () => {
    open({ connectionsMax: 4 });
    ask('crowd', 'first');
    await settle();
    for (let count = 0; count < 100; count++) ask('crowd');
    for (const host of ['b', 'c', 'd']) ask(host);
    await settle();
    slots.splice(0).forEach((slot) => {
      slot.release();
    });
    await settle();
    expect(order.slice(4, 8).sort()).to.deep.equal(['b', 'c', 'crowd', 'd']);
  });

  it('lets in no more in a second than it may, from the first second on', async () => {
    open({ loginsPerSecond: 10 });
    for (let count = 0; count < 100; count++) ask(`host-${count}`);
    await passMs(0);
    expect(order).to.have.length(1);
    for (let second = 1; second <= 5; second++) {
      for (let tick = 0; tick < 10; tick++) await passMs(100);
      expect(order).to.have.length(1 + 10 * second);
    }
  });

  it('lets in no more to one host in a second than it may', async () => {
    open({ loginsPerHostPerSecond: 2 });
    for (let count = 0; count < 50; count++) ask('slow');
    for (let count = 0; count < 5; count++) ask(`fast-${count}`);
    for (let tick = 0; tick < 20; tick++) await passMs(100);
    expect(order.filter((who) => who === 'slow')).to.have.length(5);
    expect(order.filter((who) => who !== 'slow')).to.have.length(5);
  });

  it('counts a burst after a pause as one second', async () => {
    open({ loginsPerSecond: 10 });
    await passMs(3_600_000);
    for (let count = 0; count < 100; count++) ask(`host-${count}`);
    await passMs(0);
    expect(order).to.have.length(10);
  });

  it('lets a host that fails over and over starve nobody', async () => {
    open({ connectionsMax: 1, loginsPerSecond: 10 });
    let failures = 0;
    const fail = async (): Promise<void> => {
      const slot = await pool.acquire('broken', NEVER);
      failures++;
      slot?.release();
      if (failures < 1_000) await fail();
    };
    void fail();
    for (let count = 0; count < 3; count++) ask('good', `good-${count}`);
    for (let tick = 0; tick < 20; tick++) {
      await passMs(100);
      slots.splice(0).forEach((slot) => {
        slot.release();
      });
    }
    expect(order).to.have.length(3);
  });

  it('lets go of whoever gives up, at once, and of his listener', async () => {
    open({ connectionsMax: 1 });
    ask('a');
    await passMs(0);
    const off = new AbortController();
    const waiting = pool.acquire('a', off.signal);
    ask('a', 'next');
    expect(pool.waiting).to.equal(2);
    off.abort();
    expect(await waiting).to.equal(undefined);
    expect(pool.waiting).to.equal(1);
    slots[0]?.release();
    await settle();
    expect(order).to.deep.equal(['a', 'next']);
    expect(await pool.acquire('a', AbortSignal.abort())).to.equal(undefined);
    const { signal } = new AbortController();
    ask('b', 'b', signal);
    slots[1]?.release();
    await settle();
    expect(order.at(-1)).to.equal('b');
    expect(getEventListeners(signal, 'abort')).to.have.length(0);
  });

  it('forgets hosts that nobody uses', async () => {
    open({ loginsPerHostPerSecond: 5 });
    for (let count = 0; count < 100; count++) ask(`host-${count}`);
    await settle();
    expect(pool.hosts).to.equal(100);
    slots.slice(1).forEach((slot) => {
      slot.release();
    });
    await passMs(100);
    expect(pool.hosts).to.equal(100);
    await passMs(200);
    expect(pool.hosts).to.equal(1);
  });
});
