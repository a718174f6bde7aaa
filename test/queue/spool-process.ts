/**
 * A process that works on a spool until it is done or killed: see spool-kills.test.ts. It is told what to do by its one argument, and writes
 * what it was promised, line by line, into a journal that outlives it.
 */
import { openSync, writeSync } from 'node:fs';
import { assert } from '../../src/assert.ts';
import { systemClock } from '../../src/clock.ts';
import type { Kick, KickQueue, LeasedKick } from '../../src/queue/queue.ts';
import { openSpool } from '../../src/queue/spool.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { leaseNow, newKick } from './kick-fixtures.ts';
import { SPOOL_DEFAULTS } from './spool-defaults.ts';
import type { Order } from './spool-worker.ts';

const order: Order = JSON.parse(process.argv[2] ?? '');
const descriptor = openSync(order.journal, 'a');

/** In one write, so that a line is there or not. */
function note(word: string, { deviceId }: Kick): void {
  writeSync(descriptor, `${word} ${deviceId}\n`);
}

const WORK: Readonly<Record<Order['work'], () => Promise<void>>> = {
  script: playScript,
  produce,
  consume,
};
// Whoever started us is gone, or knows that we are done.
process.on('disconnect', () => process.exit());
await WORK[order.work]();
process.disconnect?.();

/** Every step that there is, in an order that is always the same; dies at the one that is told. */
async function playScript(): Promise<void> {
  const clock = new HandClock();
  let stepsLeft = order.dieAtStep;
  const onStep = (step: string) => {
    if (order.dieAtStep === 0) process.send?.(step);
    stepsLeft -= 1;
    if (stepsLeft === 0) process.kill(process.pid, 'SIGKILL');
  };
  const spool = await openSpool({ ...SPOOL_DEFAULTS, path: order.path, clock, onStep });
  const kicks = Array.from({ length: 6 }, () => newKick());
  await Promise.all(kicks.map((kick) => enqueue(spool, kick)));
  const [renewed] = kicks;
  assert(renewed !== undefined, 'there are kicks');
  await enqueue(spool, { ...renewed, storedAtMs: renewed.storedAtMs + 1 });
  const [done, again, later, retried, purged, forgotten] = await leaseNow(spool, kicks.length);
  assert(forgotten !== undefined, 'all were leased');
  await finish(spool, done);
  await spool.retryLater(leased(again), { delayMs: 0, reason: 'again', isAttempt: true });
  await spool.retryLater(leased(later), { delayMs: 1000, reason: 'later', isAttempt: true });
  await spool.bury(leased(retried), 'to be retried');
  clock.moveMs(1);
  await spool.bury(leased(purged), 'to be purged');
  await spool.retryDead((await spool.listDead(1))[0]?.id);
  note('ending', leased(purged));
  await spool.purgeDead();
  clock.moveMs(SPOOL_DEFAULTS.leaseMs);
  clock.tick();
  for (const kick of await leaseNow(spool, kicks.length)) await finish(spool, kick);
  await spool.close();
}

/** Kicks for one device each, several at a time; some of them twice. */
async function produce(): Promise<void> {
  const spool = await openSpool({ ...SPOOL_DEFAULTS, path: order.path, clock: systemClock });
  for (let made = 0; made < order.kicks; made += 10) {
    const kicks = Array.from({ length: 10 }, () => newKick());
    await Promise.all(kicks.map((kick) => enqueue(spool, kick)));
    process.send?.('produced');
  }
  await spool.close();
}

/** Takes what comes, settles it in one of the ways, until it is told that nothing more will come and nothing is left. */
async function consume(): Promise<void> {
  let isLast = false;
  process.once('message', () => {
    isLast = true;
    controller.abort();
  });
  const controller = new AbortController();
  const { leaseMs } = order;
  const spool = await openSpool({
    ...SPOOL_DEFAULTS,
    path: order.path,
    clock: systemClock,
    leaseMs,
    rescanMs: 50,
  });
  for (;;) {
    const wasLast = isLast;
    const { signal } = wasLast ? new AbortController() : controller;
    const kicks = await spool.lease({ max: 7, waitMs: wasLast ? 0 : 60_000, signal });
    for (const kick of kicks) {
      // The first time is never the last one for every third.
      if (kick.attempts === 0 && Number.parseInt(kick.deviceId.slice(0, 2), 16) % 3 === 0) {
        await spool.retryLater(kick, { delayMs: 1, reason: 'again', isAttempt: true });
      } else {
        note('worked', kick);
        await finish(spool, kick);
      }
      process.send?.('consumed');
    }
    if (!wasLast || kicks.length > 0) continue;
    const { ready, leased: held, delayed } = await spool.depth();
    if (ready + held + delayed === 0) break;
  }
  await spool.close();
}

async function enqueue(spool: KickQueue, kick: Kick): Promise<void> {
  await spool.enqueue(kick);
  note('accepted', kick);
}

/** From the moment on at which it is said, nobody may expect to find it. */
async function finish(spool: KickQueue, kick: LeasedKick | undefined): Promise<void> {
  note('ending', leased(kick));
  await spool.done(leased(kick));
}

function leased(kick: LeasedKick | undefined): LeasedKick {
  assert(kick !== undefined, 'it was leased');
  return kick;
}
