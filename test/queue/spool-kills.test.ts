import { join } from 'node:path';
import { expect } from 'chai';
import { parseEntryName, parseHeldName } from '../../src/queue/spool/entry.ts';
import { openSpool } from '../../src/queue/spool.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { Random } from '../support/random.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { leaseNow } from './kick-fixtures.ts';
import { SPOOL_DEFAULTS } from './spool-defaults.ts';
import { devicesIn, filesIn, type Order, startSpoolWorker } from './spool-worker.ts';

const IS_LONG = process.env['REVEILLE_TEST_LONG'] === '1';
const ROUND_MS_MAX = 20_000;
const ROUNDS = IS_LONG ? 100 : 4;
const KICKS_MAX = 10_000;
/** Processes at a time. */
const PLAYED_AT_ONCE = 3;

function orderIn(folder: string, fields: Partial<Order>): Order {
  return {
    work: 'script',
    path: join(folder, 'spool'),
    journal: join(folder, 'journal'),
    dieAtStep: 0,
    kicks: KICKS_MAX,
    leaseMs: 60_000,
    ...fields,
  };
}

describe('kill -9 of a process with the spool', () => {
  it('at every step loses, doubles and tears nothing', async function () {
    this.timeout(ROUND_MS_MAX * 10);
    const steps = await stepsOfScript();
    const acts = new Set(steps.map((step) => step.split(' ')[1]));
    expect([...acts]).to.have.members(
      'create renew sync claim promote expire remove delay explain bury forget revive purge'.split(
        ' ',
      ),
    );
    // Each kind of step once; the long form takes each time that it comes.
    const numbers = steps
      .map((step, index) => ({ step, number: index + 1 }))
      .filter(({ step }, index) => IS_LONG || steps.indexOf(step) === index)
      .map(({ number }) => number);
    while (numbers.length > 0) {
      await Promise.all(numbers.splice(0, PLAYED_AT_ONCE).map(dieAtStep));
    }
  });

  it(`at random moments, ${ROUNDS} times amid several others, loses nothing`, async function () {
    this.timeout(ROUND_MS_MAX * (ROUNDS + 2));
    const seed = Date.now() | 0;
    const random = new Random(seed);
    await using folder = await makeTemporaryFolder();
    const consumers = ['one', 'two'].map((name) =>
      orderIn(folder.path, { work: 'consume', leaseMs: 200, journal: join(folder.path, name) }),
    );
    const producer = orderIn(folder.path, { work: 'produce' });
    for (let round = 0; round < ROUNDS; round += 1) {
      let eventsLeft = random.upTo(500);
      const workers = [producer, ...consumers].map((order) =>
        startSpoolWorker(order, () => {
          eventsLeft -= 1;
          if (eventsLeft === 0) for (const worker of workers) worker.kill();
        }),
      );
      await Promise.all(workers.map(({ ended }) => ended));
      expectNothingDoubled(producer.path);
    }
    const last = startSpoolWorker({ ...producer, work: 'consume', leaseMs: 200 });
    last.finish();
    await last.ended;
    expect(last.child.exitCode, `seed ${seed}`).to.equal(0);
    const journals = [producer.journal, ...consumers.map(({ journal }) => journal)];
    const worked = new Set(journals.flatMap((journal) => devicesIn(journal, 'worked')));
    const accepted = devicesIn(producer.journal, 'accepted');
    expect(accepted.length).to.be.greaterThan(0);
    expect(
      accepted.filter((device) => !worked.has(device)),
      `seed ${seed}`,
    ).to.deep.equal([]);
    expect(Object.values(filesIn(producer.path)).flat()).to.deep.equal([]);
  });
});

describe('several producers and consumers of one spool', () => {
  it('work on each entry once', async function () {
    this.timeout(ROUND_MS_MAX * (IS_LONG ? 10 : 1));
    await using folder = await makeTemporaryFolder();
    const kicks = IS_LONG ? 10_000 : 500;
    const orders = (work: 'produce' | 'consume', count: number) =>
      Array.from({ length: count }, (_, index) =>
        orderIn(folder.path, { work, kicks, journal: join(folder.path, `${work}-${index}`) }),
      );
    const producing = orders('produce', 2);
    const consuming = orders('consume', 3);
    const consumers = consuming.map((order) => startSpoolWorker(order));
    const producers = producing.map((order) => startSpoolWorker(order));
    await Promise.all(producers.map(({ ended }) => ended));
    for (const consumer of consumers) consumer.finish();
    await Promise.all(consumers.map(({ ended }) => ended));
    expect([...producers, ...consumers].map(({ child }) => child.exitCode)).to.deep.equal([
      0, 0, 0, 0, 0,
    ]);
    const worked = consuming.flatMap(({ journal }) => devicesIn(journal, 'worked'));
    const accepted = producing.flatMap(({ journal }) => devicesIn(journal, 'accepted'));
    expect(accepted).to.have.lengthOf(2 * kicks);
    expect([...worked].sort()).to.deep.equal([...accepted].sort());
  });
});

async function stepsOfScript(): Promise<readonly string[]> {
  await using folder = await makeTemporaryFolder();
  const worker = startSpoolWorker(orderIn(folder.path, {}));
  await worker.ended;
  expect(worker.child.exitCode).to.equal(0);
  expect(Object.values(filesIn(join(folder.path, 'spool'))).flat()).to.deep.equal([]);
  return worker.said;
}

async function dieAtStep(dieAtStep: number): Promise<void> {
  await using folder = await makeTemporaryFolder();
  const order = orderIn(folder.path, { dieAtStep });
  const worker = startSpoolWorker(order);
  await worker.ended;
  expect(worker.child.signalCode, `step ${dieAtStep}`).to.equal('SIGKILL');
  expectNothingDoubled(order.path);
  const found = await drain(order.path);
  const ending = new Set(devicesIn(order.journal, 'ending'));
  const missing = devicesIn(order.journal, 'accepted').filter(
    (device) => !ending.has(device) && !found.includes(device),
  );
  expect(missing, `step ${dieAtStep}`).to.deep.equal([]);
  expect(new Set(found).size, `step ${dieAtStep}`).to.equal(found.length);
}

/** Every file is an entry, whole, and the only one of its device: no kick for a device comes from two of them. */
function expectNothingDoubled(path: string): void {
  const { ready = [], ...held } = filesIn(path);
  const names = [...ready, ...Object.values(held).flatMap(inReady)];
  const entries = names.map((name) => parseEntryName(name));
  expect(names.filter((_, index) => entries[index] === undefined)).to.deep.equal([]);
  const devices = entries.map((entry) => entry?.deviceId);
  expect(new Set(devices).size).to.equal(devices.length);
}

function inReady(held: readonly string[]): readonly string[] {
  return held.map((name) => parseHeldName(name)?.name ?? name);
}

/** What a process finds that comes after: everything is ready once its lease has ended, or dead and explained. */
async function drain(path: string): Promise<readonly string[]> {
  const clock = new HandClock();
  const spool = await openSpool({ ...SPOOL_DEFAULTS, path, clock });
  clock.moveMs(10 * SPOOL_DEFAULTS.leaseMs);
  const leased = await leaseNow(spool, KICKS_MAX);
  for (const kick of leased) await spool.done(kick);
  const dead = await spool.listDead(KICKS_MAX);
  for (const { reason } of dead) expect(reason).to.be.oneOf(['to be retried', 'to be purged']);
  const depth = { ready: 0, leased: 0, delayed: 0, dead: dead.length, oldestReadyMs: 0 };
  expect(await spool.depth()).to.deep.equal(depth);
  await spool.close();
  return [...leased, ...dead].map(({ deviceId }) => deviceId);
}
