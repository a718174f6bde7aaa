import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Clock } from '../../../src/clock.ts';
import { openEmbeddedStore } from '../../../src/storage/embedded.ts';
import { HandClock } from '../hand-clock.ts';
import { inTurns } from '../in-turns.ts';
import { itKeepsTheStoreContract } from '../store-contract.ts';
import { newChannel, newDevice, pendingOf, version } from '../store-fixtures.ts';
import { type ChildStore, openChildStore } from './child-store.ts';
import { EMBEDDED_DEFAULTS } from './embedded-defaults.ts';

const KILLS = process.env['REVEILLE_TEST_LONG'] === '1' ? 100 : 10;
/** Kills come after nothing, after the last of these answers, and in between. */
const ANSWERS_BEFORE_KILL_MAX = 2000;
const WRITERS = 200;
const EXIT_CODE = 3;

describe('the embedded store of several processes', () => {
  let path: string;
  before(async () => {
    path = await mkdtemp(join(tmpdir(), 'reveille-store-'));
  });
  after(async () => {
    await rm(path, { recursive: true });
  });

  describe('in turns', () => {
    // Each test brings its own; the processes are told the time of the one that runs.
    let clock: Clock = new HandClock();
    let children: readonly ChildStore[];
    before(async () => {
      const open = () => openChildStore({ path, nowMs: () => clock.nowMs() });
      children = await Promise.all([open(), open()]);
    });
    after(async () => {
      for (const child of children) await child.close();
    });

    itKeepsTheStoreContract(
      async (conditions) => {
        clock = conditions.clock;
        const own = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, ...conditions, path });
        // The processes live on for the next test.
        const others = children.map((child) => ({ ...child, close: () => Promise.resolve() }));
        const all = [own, ...others];
        // Whatever any of them writes on its own account is written then.
        const check = async () => {
          for (const one of all) await one.check();
        };
        return { ...inTurns(all), check };
      },
      { expiresBy: 'clock', tellsStale: 'not-always' },
    );
  });

  it('has all that was answered before a process was killed', async () => {
    const clock = new HandClock();
    const channels = Array.from({ length: WRITERS }, () => [newDevice(), newChannel()] as const);
    const answered = new Map(channels.map(([deviceId]) => [deviceId, 0]));
    let lastVersion = 0;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const child = await openChildStore({ path, nowMs: () => clock.nowMs() });
      let answersLeft = Math.floor((ANSWERS_BEFORE_KILL_MAX / KILLS) * kill);
      const write = async ([deviceId, channelId]: (typeof channels)[number]): Promise<void> => {
        while (answersLeft > 0) {
          lastVersion += 1;
          const put = version(lastVersion);
          const outcome = await child.putUpdate(deviceId, channelId, put).catch(() => 'unanswered');
          if (outcome === 'unanswered') return;
          answered.set(deviceId, put);
          answersLeft -= 1;
        }
        await child.kill();
      };
      await Promise.all(channels.map(write));
      const store = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path, clock });
      for (const [deviceId, channelId] of channels) {
        const pending = await pendingOf(store, deviceId, channelId);
        expect(pending ?? 0).to.be.at.least(answered.get(deviceId) ?? 0);
      }
      await store.close();
    }
  });

  it('lets a process exit while it writes, with all that it answered', async () => {
    const clock = new HandClock();
    for (let round = 0; round < 5; round += 1) {
      const child = await openChildStore({ path, nowMs: () => clock.nowMs() });
      const [deviceId, channelId] = [newDevice(), newChannel()];
      let answered = -1;
      const puts = Array.from({ length: WRITERS }, async (_, put) => {
        const outcome = child.putUpdate(deviceId, channelId, version(put));
        if ((await outcome.catch(() => 'unanswered')) !== 'unanswered') answered = put;
      });
      expect(await child.exit(EXIT_CODE)).to.equal(EXIT_CODE);
      await Promise.all(puts);
      const store = await openEmbeddedStore({ ...EMBEDDED_DEFAULTS, path, clock });
      expect((await pendingOf(store, deviceId, channelId)) ?? -1).to.be.at.least(answered);
      await store.close();
    }
  });
});
