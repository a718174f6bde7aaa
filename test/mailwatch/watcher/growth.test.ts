import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'chai';
import type { ScriptedConnection } from './scripted-mailbox.ts';
import { RULES, WatchRig } from './watch-rig.ts';

/** A connection or an alarm that is left behind is more than this, and what the engine itself keeps is less. */
const CYCLES = 1_000;
const BYTES_PER_CYCLE_MAX = 600;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** After what has ended is forgotten. */
async function heapBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

describe('a watch that lives long', function () {
  this.timeout(120_000);

  const cycles: readonly [string, (rig: WatchRig) => Promise<void>][] = [
    ['renewals of IDLE', (rig) => rig.leap(RULES.idleMs)],
    [
      'versions',
      async (rig) => {
        rig.mailbox.arrive();
        await rig.leap(RULES.debounceMs);
      },
    ],
    [
      'reconnections',
      async (rig) => {
        rig.mailbox.cut();
        await rig.flush();
        await rig.leap(RULES.backoffMaxMs);
      },
    ],
    [
      'deferrals',
      async (rig) => {
        rig.watch.defer(rig.clock.nowMs() + 1_000, rig.clock.nowMs());
        await rig.flush();
        await rig.leap(1_000);
      },
    ],
    [
      'failed PUTs',
      async (rig) => {
        rig.outcome = { kind: 'later' };
        rig.mailbox.arrive();
        await rig.leap(RULES.backoffMaxMs);
      },
    ],
  ];
  for (const [what, cycle] of cycles) {
    it(`keeps nothing of ${CYCLES} ${what}`, async () => {
      const rig = new WatchRig({ maxPollMs: Number.MAX_SAFE_INTEGER });
      await rig.start();
      const forget = () => {
        for (const list of [rig.puts, rig.refusedPuts, rig.states, rig.lines]) list.length = 0;
        rig.refusedCredentials.length = 0;
        rig.mailbox.idles.length = 0;
      };
      const run = async (count: number) => {
        for (let done = 0; done < count; done++) await cycle(rig);
        forget();
      };
      await run(CYCLES);
      const before = await heapBytes();
      await run(CYCLES);
      const grown = (await heapBytes()) - before;
      const signals = signalsOf(rig);
      await rig.stop();
      rig.alarms.stop();
      expect(grown).to.be.lessThan(CYCLES * BYTES_PER_CYCLE_MAX);
      expect(signals).to.be.at.most(3);
    });
  }
});

/** How many alarms are set, each of which is a listener of a signal: the end of the watch, and the one thing that it waits for. */
function signalsOf({ alarms, mailbox }: WatchRig): number {
  const idle = [...mailbox.live].map((connection: ScriptedConnection) => connection.signal);
  const listeners = idle.map((signal) => (signal ? getEventListeners(signal, 'abort').length : 0));
  return Math.max(alarms.size, ...listeners);
}
