import { chmodSync, chownSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { quietLog } from '../../src/log.ts';
import { type KickQueue, QueueUnavailableError } from '../../src/queue/queue.ts';
import { DEAD_RECORD_BYTES, REASON_CHARACTERS_MAX } from '../../src/queue/spool/dead-letters.ts';
import { SpoolFolderError } from '../../src/queue/spool/own-folder.ts';
import { openSpool, type SpoolOptions } from '../../src/queue/spool.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { leaseNext, leaseNow, newKick, outcomeOf } from './kick-fixtures.ts';
import { SPOOL_DEFAULTS } from './spool-defaults.ts';

const NOBODY = 65_534;

describe('the bounds of the spool', () => {
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

  it('hold so many entries and refuse one more, until one is done', async () => {
    const spool = await open({ entriesMax: 3 });
    for (let made = 0; made < 3; made += 1) await spool.enqueue(newKick());
    expect(String(await outcomeOf(spool.enqueue(newKick())))).to.include('3 entries');
    const leased = await leaseNext(spool);
    expect(await outcomeOf(spool.enqueue(newKick()))).to.be.instanceOf(QueueUnavailableError);
    await spool.done(leased);
    expect(await spool.enqueue(newKick())).to.equal('queued');
    expect(await outcomeOf(spool.enqueue(newKick()))).to.be.instanceOf(QueueUnavailableError);
  });

  it('hold so many entries of callers who come at once', async () => {
    const spool = await open({ entriesMax: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => outcomeOf(spool.enqueue(newKick()))),
    );
    expect(outcomes.filter((outcome) => outcome === 'queued')).to.have.lengthOf(3);
    expect(readdirSync(join(folder.path, 'ready'))).to.have.lengthOf(3);
  });

  it('take a newer update of a device that has an entry, full or not', async () => {
    const spool = await open({ entriesMax: 1 });
    const kick = newKick();
    await spool.enqueue(kick);
    expect(await spool.enqueue(kick)).to.equal('collapsed');
  });

  it('hold so many bytes of names', async () => {
    const probe = await open();
    await probe.enqueue(newKick());
    const [name = ''] = readdirSync(join(folder.path, 'ready'));
    const tight = await open({ bytesMax: 2 * name.length });
    expect(await tight.enqueue(newKick())).to.equal('queued');
    expect(String(await outcomeOf(tight.enqueue(newKick())))).to.include('bytes');
  });

  it('count what dead entries hold', async () => {
    const spool = await open({ bytesMax: DEAD_RECORD_BYTES + 300 });
    await spool.enqueue(newKick());
    await spool.bury(await leaseNext(spool), 'x'.repeat(REASON_CHARACTERS_MAX + 1));
    const [dead] = await spool.listDead(1);
    expect(dead?.reason).to.have.lengthOf(REASON_CHARACTERS_MAX);
    expect(await spool.enqueue(newKick())).to.equal('queued');
    expect(await outcomeOf(spool.enqueue(newKick()))).to.be.instanceOf(QueueUnavailableError);
    await spool.purgeDead();
    expect(await spool.enqueue(newKick())).to.equal('queued');
  });

  it('count what was there before, and see what another process has done', async () => {
    const producer = await open({ entriesMax: 2 });
    await producer.enqueue(newKick());
    await producer.enqueue(newKick());
    const consumer = await open({ entriesMax: 2 });
    expect(await outcomeOf(consumer.enqueue(newKick()))).to.be.instanceOf(QueueUnavailableError);
    for (const kick of await leaseNow(consumer)) await consumer.done(kick);
    expect(await consumer.enqueue(newKick())).to.equal('queued');
    expect(await outcomeOf(producer.enqueue(newKick()))).to.be.instanceOf(QueueUnavailableError);
    clock.tick();
    while ((await outcomeOf(producer.enqueue(newKick()))) instanceof Error) {
      await new Promise(setImmediate);
    }
    expect((await producer.depth()).ready).to.equal(2);
  });

  it('keep so many dead entries, the newest', async () => {
    const dropped: object[] = [];
    const log = { ...quietLog, warn: (fields: object) => dropped.push(fields) };
    const spool = await open({ deadMax: 3, log });
    for (const reason of ['1', '2', '3', '4', '5']) {
      await spool.enqueue(newKick());
      await spool.bury(await leaseNext(spool), reason);
      clock.moveMs(1);
      if (reason === '3') expect(dropped).to.deep.equal([]);
    }
    const dead = await spool.listDead(10);
    expect(dead.map(({ reason }) => reason)).to.deep.equal(['3', '4', '5']);
    expect(dropped).to.deep.equal([
      { dropped: 1, deadMax: 3 },
      { dropped: 1, deadMax: 3 },
    ]);
  });

  it('keep no fewer dead entries when several die at once', async () => {
    const spool = await open({ deadMax: 3 });
    await Promise.all(Array.from({ length: 10 }, () => spool.enqueue(newKick())));
    const kicks = await leaseNow(spool, 10);
    await Promise.all(kicks.map((kick) => spool.bury(kick, 'x')));
    expect(await spool.listDead(10)).to.have.lengthOf(3);
    expect(readdirSync(join(folder.path, 'reasons'))).to.have.lengthOf(3);
  });

  it('keep no dead entry when none is wanted', async () => {
    const spool = await open({ deadMax: 0 });
    await spool.enqueue(newKick());
    await spool.bury(await leaseNext(spool), 'x');
    expect(await spool.listDead(10)).to.deep.equal([]);
    expect(await leaseNow(spool)).to.deep.equal([]);
  });

  it('let so many dead entries be retried as there is room for', async () => {
    const spool = await open({ entriesMax: 2 });
    for (let made = 0; made < 3; made += 1) {
      await spool.enqueue(newKick());
      await spool.bury(await leaseNext(spool), 'x');
    }
    expect(await spool.retryDead()).to.equal(2);
    expect(await spool.retryDead()).to.equal(0);
    for (const kick of await leaseNow(spool)) await spool.done(kick);
    expect(await spool.retryDead()).to.equal(1);
  });

  it('let so many callers wait at once', async () => {
    const spool = await open({ enqueuesInHandMax: 2 });
    const waiting = [spool.enqueue(newKick()), spool.enqueue(newKick())];
    expect(String(await outcomeOf(spool.enqueue(newKick())))).to.include('too many');
    expect(await Promise.all(waiting)).to.deep.equal(['queued', 'queued']);
    expect(await spool.enqueue(newKick())).to.equal('queued');
  });
});

describe('the folder of the spool', () => {
  const openAt = (path: string) => openSpool({ ...SPOOL_DEFAULTS, path, clock: new HandClock() });

  for (const mode of [0o770, 0o702]) {
    it(`is refused when others may write it, as with ${mode.toString(8)}`, async () => {
      await using folder = await makeTemporaryFolder();
      chmodSync(folder.path, mode);
      const error = await outcomeOf(openAt(folder.path));
      expect(error).to.be.instanceOf(SpoolFolderError);
      expect(String(error)).to.include('chmod go-w');
    });
  }

  it('is refused when others may write one in it', async () => {
    await using folder = await makeTemporaryFolder();
    mkdirSync(join(folder.path, 'dead'));
    chmodSync(join(folder.path, 'dead'), 0o777);
    expect(await outcomeOf(openAt(folder.path))).to.be.instanceOf(SpoolFolderError);
  });

  it('is refused when it belongs to somebody else', async () => {
    await using folder = await makeTemporaryFolder();
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(folder.path, NOBODY, NOBODY);
    // Whoever is not root cannot give a folder away, and owns this one least of all.
    const error = await outcomeOf(openAt(isRoot ? folder.path : '/'));
    expect(error).to.be.instanceOf(SpoolFolderError);
    expect(String(error)).to.include('belongs to user');
  });

  it('may be read by others', async () => {
    await using folder = await makeTemporaryFolder();
    chmodSync(folder.path, 0o755);
    const spool = await openAt(folder.path);
    await spool.close();
  });
});
