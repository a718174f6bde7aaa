import {
  linkSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Log } from '../../src/log.ts';
import { quietLog } from '../../src/log.ts';
import { type KickQueue, QueueUnavailableError } from '../../src/queue/queue.ts';
import { type Entry, entryName, heldName } from '../../src/queue/spool/entry.ts';
import { BATCH_NAMES_MAX } from '../../src/queue/spool/ready-batch.ts';
import { openSpool, type SpoolOptions } from '../../src/queue/spool.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { newChannel, version } from '../storage/store-fixtures.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { kickOf, leaseNext, leaseNow, newKick, outcomeOf } from './kick-fixtures.ts';
import { SPOOL_DEFAULTS } from './spool-defaults.ts';

const HOUR_MS = 3_600_000;
/** More than ext4 allows, in the long form. */
const NAMES_OF_ONE_FILE = process.env['REVEILLE_TEST_LONG'] === '1' ? 70_000 : 1000;

describe('an entry of the spool', function () {
  this.timeout(60_000);

  let folder: TemporaryFolder;
  let clock: HandClock;
  let opened: KickQueue[];
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    clock = new HandClock();
    opened = [];
  });
  afterEach(async () => {
    for (const spool of opened) await spool.close();
    await folder[Symbol.asyncDispose]();
  });

  const open = async (options: Partial<SpoolOptions> = {}) => {
    const spool = await openSpool({ ...SPOOL_DEFAULTS, path: folder.path, clock, ...options });
    opened.push(spool);
    return spool;
  };
  const placeOf = (place: string) => join(folder.path, place);

  describe('keeps its order', () => {
    it('when the clock steps back, in one process and after a restart', async () => {
      const kicks = Array.from({ length: 6 }, () => newKick());
      const first = await open();
      for (const kick of kicks.slice(0, 4)) {
        await first.enqueue(kick);
        clock.moveMs(-HOUR_MS);
      }
      const second = await open();
      for (const kick of kicks.slice(4)) await second.enqueue(kick);
      const leased = await leaseNow(second, kicks.length);
      expect(leased.map(kickOf)).to.deep.equal(kicks);
    });

    it('among more than are remembered from one look', async () => {
      const spool = await open();
      const count = BATCH_NAMES_MAX + 5;
      const names = Array.from({ length: count }, (_, index) => nameOf(index));
      const file = join(folder.path, 'file');
      writeFileSync(file, '');
      for (const name of [...names].reverse()) linkSync(file, join(placeOf('ready'), name));
      const leased = await leaseNow(spool, count);
      const rest = await leaseNow(spool, count);
      expect(leased).to.have.lengthOf(BATCH_NAMES_MAX);
      const ids = [...leased, ...rest].map(({ id }) => id);
      expect(ids).to.deep.equal([...ids].sort());
      expect(ids).to.have.lengthOf(count);
    });
  });

  describe('of a device that has one already', () => {
    it('tells the newer update, keeps its place, and is the only one', async () => {
      const spool = await open();
      const kick = newKick();
      const other = newKick();
      expect(await spool.enqueue(kick)).to.equal('queued');
      expect(await spool.enqueue(other)).to.equal('queued');
      const newer = {
        ...kick,
        channelId: newChannel(),
        version: version(9),
        storedAtMs: kick.storedAtMs + 5,
      };
      expect(await spool.enqueue(newer)).to.equal('collapsed');
      // An update that was stored earlier does not make the entry older.
      expect(await spool.enqueue({ ...newer, storedAtMs: 7 })).to.equal('collapsed');
      expect((await leaseNow(spool)).map(kickOf)).to.deep.equal([newer, other]);
    });

    it('is answered, like a new one, after a sync that began after the change', async () => {
      const steps: string[] = [];
      const spool = await open({ onStep: (step) => steps.push(step) });
      const kick = newKick();
      await spool.enqueue(kick);
      const synced = ['before sync', 'after sync'];
      expect(steps.splice(0)).to.deep.equal(['before create', 'after create', ...synced]);
      await spool.enqueue({ ...kick, version: version(2) });
      expect(steps).to.deep.equal(['before renew', 'after renew', ...synced]);
    });

    it('is made anew when that one is leased, delayed or done', async () => {
      const spool = await open();
      const other = await open();
      const kick = newKick();
      await spool.enqueue(kick);
      const leased = await leaseNext(other);
      expect(await spool.enqueue(kick)).to.equal('queued');
      await other.retryLater(leased, { delayMs: 1000, reason: 'later', isAttempt: true });
      const again = await leaseNext(other);
      expect(await spool.enqueue(kick)).to.equal('queued');
      await other.done(again);
      await other.done(await leaseNext(other));
      expect(await spool.enqueue(kick)).to.equal('queued');
    });

    it('is one, however many come at once', async () => {
      const spool = await open();
      const kick = newKick();
      const versions = Array.from({ length: 100 }, (_, index) => version(index));
      const outcomes = await Promise.all(
        versions.map((each) => spool.enqueue({ ...kick, version: each })),
      );
      expect(outcomes.filter((outcome) => outcome === 'queued')).to.have.lengthOf(1);
      const leased = await leaseNow(spool, 100);
      expect(leased.map((each) => each.version)).to.deep.equal([99]);
    });

    it('is found by who had read its older name', async () => {
      const spool = await open();
      const consumer = await open();
      const [first, second] = [newKick(), newKick()];
      await spool.enqueue(first);
      await spool.enqueue(second);
      await leaseNow(consumer, 1);
      await spool.enqueue({ ...second, version: version(2) });
      expect(kickOf(await leaseNext(consumer))).to.deep.equal({ ...second, version: version(2) });
    });

    it('is a second one when too many devices came since', async () => {
      const spool = await open({ devicesRememberedMax: 2 });
      const [oldest, ...others] = [newKick(), newKick(), newKick()];
      await spool.enqueue(oldest);
      for (const kick of others) await spool.enqueue(kick);
      for (const kick of others) expect(await spool.enqueue(kick)).to.equal('collapsed');
      expect(await spool.enqueue(oldest)).to.equal('queued');
    });
  });

  describe('is noticed', () => {
    it('without a word of the watcher', async () => {
      const consumer = await open({ watch: () => () => undefined });
      const producer = await open();
      const waiting = leaseNext(consumer);
      const kick = newKick();
      // Whether before the first look of the consumer or after it.
      await producer.enqueue(kick);
      await new Promise(setImmediate);
      clock.tick();
      expect(kickOf(await waiting)).to.deep.equal(kick);
    });

    it('when its lease ends, by one of several who look at once', async () => {
      const spools = [await open(), await open(), await open()];
      const [first, ...others] = spools;
      const kicks = Array.from({ length: 20 }, () => newKick());
      for (const kick of kicks) await first?.enqueue(kick);
      for (const other of others) await leaseNow(other, 10);
      clock.moveMs(SPOOL_DEFAULTS.leaseMs);
      clock.tick();
      const leased = (await Promise.all(spools.map((spool) => leaseNow(spool, 20)))).flat();
      const again = (await Promise.all(spools.map((spool) => leaseNow(spool, 20)))).flat();
      const devices = [...leased, ...again].map(({ deviceId }) => deviceId);
      expect(devices).to.have.members(kicks.map(({ deviceId }) => deviceId));
      expect(new Set(leased.map(({ attempts }) => attempts))).to.deep.equal(new Set([1]));
    });

    it('when its moment lies further ahead than any: the clock was set back', async () => {
      const spool = await open();
      await spool.enqueue(newKick());
      await spool.enqueue(newKick());
      const [leased] = await leaseNow(spool);
      if (leased === undefined) throw new Error('nothing was leased');
      await spool.retryLater(leased, { delayMs: 1000, reason: 'later', isAttempt: true });
      clock.moveMs(-24 * HOUR_MS);
      expect(await leaseNow(await open())).to.have.lengthOf(2);
    });

    it('no more by who waits when the spool is closed', async () => {
      const spool = await open();
      const signal = new AbortController().signal;
      const waiting = spool.lease({ max: 1, waitMs: HOUR_MS, signal });
      await spool.close();
      opened = [];
      expect(await waiting).to.deep.equal([]);
    });
  });

  it('is its name: a file that strangers left is none, and is told of once', async () => {
    const warnings: string[] = [];
    const log: Log = { ...quietLog, warn: (_, event) => warnings.push(event) };
    const spool = await open({ log });
    const kick = newKick();
    await spool.enqueue(kick);
    writeFileSync(join(placeOf('ready'), 'half.json'), '{');
    writeFileSync(join(placeOf('ready'), `.${nameOf(1)}`), '');
    symlinkSync('/etc/passwd', join(placeOf('ready'), nameOf(2)));
    mkdirSync(join(placeOf('ready'), nameOf(3)));
    for (const place of ['leased', 'delayed', 'dead']) {
      writeFileSync(join(placeOf(place), 'x'), '');
      mkdirSync(join(placeOf(place), heldName(1, nameOf(4))));
      symlinkSync('/etc/passwd', join(placeOf(place), heldName(1, nameOf(5))));
    }
    clock.moveMs(HOUR_MS);
    clock.tick();
    expect((await leaseNow(spool)).map(kickOf)).to.deep.equal([kick]);
    expect(await spool.listDead(10)).to.deep.equal([]);
    expect(await spool.depth()).to.include({ ready: 0, leased: 1, delayed: 0, dead: 0 });
    expect(await spool.purgeDead()).to.equal(0);
    expect(warnings).to.deep.equal(['queue.spool.strangers']);
  });

  it('may have a text in it that somebody wrote', async () => {
    const spool = await open();
    writeFileSync(join(placeOf('ready'), nameOf(1)), 'x'.repeat(10_000));
    await spool.bury(await leaseNext(spool), 'mine');
    expect((await spool.listDead(1))[0]?.reason).to.equal('mine');
    const [name = ''] = readdirSync(placeOf('reasons'));
    const reason = join(placeOf('reasons'), name);
    for (const text of ['{ "reason": 1 }', 'null', '']) {
      writeFileSync(reason, text);
      expect((await spool.listDead(1))[0]?.reason).to.equal('the reason was not written');
    }
    unlinkSync(reason);
    expect((await spool.listDead(1))[0]?.reason).to.equal('the reason was not written');
    symlinkSync('/etc/passwd', reason);
    expect((await spool.listDead(1))[0]?.reason).to.equal('the reason was not written');
    expect(await spool.purgeDead()).to.equal(1);
    expect(readdirSync(placeOf('reasons'))).to.deep.equal([]);
  });

  it('that is gone leaves no reason behind for long', async () => {
    const spool = await open();
    await spool.enqueue(newKick());
    await spool.bury(await leaseNext(spool), 'kept');
    const [kept = ''] = readdirSync(placeOf('reasons'));
    for (const name of [`1700000000000000000-${'0'.repeat(16)}`, 'stranger']) {
      writeFileSync(join(placeOf('reasons'), name), '');
      utimesSync(join(placeOf('reasons'), name), 1, 1);
    }
    // Its entry may be about to die.
    const young = `1700000000000000001-${'0'.repeat(16)}`;
    writeFileSync(join(placeOf('reasons'), young), '');
    const nowS = clock.nowMs() / 1000;
    utimesSync(join(placeOf('reasons'), young), nowS, nowS);
    await open();
    expect(readdirSync(placeOf('reasons'))).to.have.members([kept, young, 'stranger']);
  });

  it('is one more name of a file that has room for so many, and then of another', async () => {
    const spool = await open();
    const kicks = Array.from({ length: NAMES_OF_ONE_FILE }, () => newKick());
    for (let start = 0; start < kicks.length; start += 1000) {
      const group = kicks.slice(start, start + 1000);
      await Promise.all(group.map((kick) => spool.enqueue(kick)));
    }
    expect((await spool.depth()).ready).to.equal(NAMES_OF_ONE_FILE);
  });

  it('is taken when the file of which entries are names is gone', async () => {
    const spool = await open();
    await spool.enqueue(newKick());
    unlinkSync(join(folder.path, 'seed'));
    expect(await spool.enqueue(newKick())).to.equal('queued');
    expect(await leaseNow(spool)).to.have.lengthOf(2);
  });

  it('and its folders are for their owner alone', async () => {
    const path = join(folder.path, 'new', 'spool');
    const spool = await open({ path });
    await spool.enqueue(newKick());
    await spool.bury(await leaseNext(spool), 'dead');
    await spool.enqueue(newKick());
    for (const place of ['.', 'ready', 'leased', 'delayed', 'dead', 'reasons']) {
      expect(statSync(join(path, place)).mode & 0o777).to.equal(0o700);
    }
    for (const place of ['ready', 'dead', 'reasons']) {
      const [name = ''] = readdirSync(join(path, place));
      expect(statSync(join(path, place, name)).mode & 0o777).to.equal(0o600);
    }
  });

  for (const place of ['ready', 'leased']) {
    it(`cannot be had when ${place}/ is gone, which everybody is told`, async () => {
      const spool = await open();
      await spool.enqueue(newKick());
      await rm(placeOf(place), { recursive: true });
      expect(String(await outcomeOf(leaseNow(spool)))).to.include('is gone');
      if (place === 'ready') {
        expect(await outcomeOf(spool.enqueue(newKick()))).to.be.instanceOf(QueueUnavailableError);
      }
    });
  }
});

/** The name of an entry that came before those of a test. */
function nameOf(index: number): string {
  const stamp = String(1_700_000_000_000_000_000n + BigInt(index));
  const entry: Entry = { ...newKick(), stamp, attempts: 0, writer: '0123456789abcdef' };
  return entryName(entry);
}
