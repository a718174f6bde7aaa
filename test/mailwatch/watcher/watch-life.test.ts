import { expect } from 'chai';
import { EXPIRY_GRACE_MS } from '../../../src/mailwatch/watcher/watch-life.ts';
import { HandClock } from '../../storage/hand-clock.ts';
import { EasRig, NEWS } from '../activesync/eas-rig.ts';
import { WatchRig } from './watch-rig.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** The machine's clock is set so far ahead of the true time; the time that only grows does not notice. */
function setAhead(clock: HandClock, byMs: number): void {
  Object.assign(clock, { nowMs: () => HandClock.prototype.nowMs.call(clock) + byMs });
}

const kinds: readonly [string, (maxPollMs: number) => Promise<WatchRig | EasRig>][] = [
  ['IMAP', (maxPollMs) => new WatchRig({ maxPollMs }).start()],
  ['ActiveSync', (maxPollMs) => new EasRig({ maxPollMs }).start()],
  [
    'ActiveSync, told of news',
    async (maxPollMs) => {
      const rig = await new EasRig({ maxPollMs }).start();
      await rig.answer(NEWS, { afterMs: 0 });
      return rig;
    },
  ],
];

for (const [kind, open] of kinds) {
  describe(`the end of a watch of which nothing is heard (${kind})`, () => {
    let rig: WatchRig | EasRig;

    afterEach(async () => {
      await rig.stop();
      rig.alarms.stop();
    });

    const passInMinutes = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += MINUTE_MS) await rig.leap(MINUTE_MS);
    };

    it('comes an hour after its time, and not before; it watches until then', async () => {
      rig = await open(DAY_MS);
      const { kind: before } = rig.watch.state;
      await rig.leap(DAY_MS);
      await rig.leap(EXPIRY_GRACE_MS - 1);
      expect(rig.ended).to.deep.equal([]);
      expect(rig.watch.state.kind).to.equal(before);
      await rig.leap(1);
      expect(rig.ended).to.deep.equal(['expired']);
    });

    it('comes after twice its time when that is shorter than an hour', async () => {
      rig = await open(MINUTE_MS);
      await rig.leap(MINUTE_MS);
      await rig.leap(MINUTE_MS - 1);
      expect(rig.ended).to.deep.equal([]);
      await rig.leap(1);
      expect(rig.ended).to.deep.equal(['expired']);
    });

    it('does not come when a process begins with a clock that is ahead and is corrected within the hour', async () => {
      rig = await open(DAY_MS);
      setAhead(rig.clock, 365 * DAY_MS);
      await rig.restart();
      await passInMinutes(EXPIRY_GRACE_MS - MINUTE_MS);
      setAhead(rig.clock, 0);
      await passInMinutes(2 * EXPIRY_GRACE_MS);
      expect(rig.ended).to.deep.equal([]);
      expect(rig.stateVersions).to.deep.equal([]);
    });

    it('is counted anew when the clock is meanwhile set to just before its time', async () => {
      rig = await open(DAY_MS);
      await rig.leap(DAY_MS);
      await passInMinutes(EXPIRY_GRACE_MS / 2);
      setAhead(rig.clock, -EXPIRY_GRACE_MS / 2 - 2 * MINUTE_MS);
      await passInMinutes(2 * MINUTE_MS);
      await rig.leap(EXPIRY_GRACE_MS - 1);
      expect(rig.ended).to.deep.equal([]);
      await rig.leap(1);
      expect(rig.ended).to.deep.equal(['expired']);
    });

    it('comes when a process begins with a clock that is ahead and stays so', async () => {
      rig = await open(DAY_MS);
      setAhead(rig.clock, DAY_MS);
      await rig.restart();
      await rig.leap(EXPIRY_GRACE_MS);
      expect(rig.ended).to.deep.equal(['expired']);
    });

    it('does not come when the device is heard of in that hour', async () => {
      rig = await open(DAY_MS);
      await rig.leap(DAY_MS);
      await rig.leap(EXPIRY_GRACE_MS - 1);
      rig.watch.defer(rig.clock.nowMs(), rig.clock.nowMs());
      await rig.leap(DAY_MS - 1);
      await rig.leap(EXPIRY_GRACE_MS);
      expect(rig.ended).to.deep.equal([]);
      await rig.leap(EXPIRY_GRACE_MS);
      expect(rig.ended).to.deep.equal(['expired']);
    });
  });
}
