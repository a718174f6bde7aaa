import { expect } from 'chai';
import fc from 'fast-check';
import { RULES, WatchRig } from './watch-rig.ts';

/** What may happen to a watch, and does in any order. */
type Step =
  | { readonly kind: 'arrive'; readonly folder: string; readonly mails: number }
  | { readonly kind: 'expunge'; readonly folder: string }
  | { readonly kind: 'cut' | 'restart' }
  | { readonly kind: 'put'; readonly works: boolean }
  | { readonly kind: 'store'; readonly works: boolean }
  | { readonly kind: 'idle'; readonly works: boolean }
  | { readonly kind: 'login'; readonly works: boolean }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'defer'; readonly ms: number };

const FOLDERS = ['INBOX', 'Work'].map((name) => ({
  name,
  baseline: { uidValidity: 1, uidNext: 10 },
}));
const folder = fc.constantFrom('INBOX', 'Work');
const kindOf = <Kind extends string>(kind: Kind) => fc.constant(kind);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: kindOf('arrive'), folder, mails: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ kind: kindOf('expunge'), folder }),
  fc.record({ kind: fc.constantFrom('cut', 'restart') }),
  fc.record({ kind: fc.constantFrom('put', 'store', 'idle', 'login'), works: fc.boolean() }),
  fc.record({ kind: kindOf('pass'), ms: fc.constantFrom(100, 1_000, 10_000, 100_000) }),
  fc.record({ kind: kindOf('defer'), ms: fc.constantFrom(0, 5_000) }),
);

/** Each run is some dozen turns of the event loop. */
const RUNS = process.env['REVEILLE_TEST_LONG'] === '1' ? 5_000 : 300;

async function take(rig: WatchRig, next: Step): Promise<void> {
  switch (next.kind) {
    case 'arrive':
      rig.mailbox.arrive(next.folder, next.mails);
      break;
    case 'expunge':
      rig.mailbox.expunge(next.folder);
      break;
    case 'cut':
      rig.mailbox.cut();
      break;
    case 'restart':
      await rig.restart();
      break;
    case 'put':
      rig.outcome = { kind: next.works ? 'accepted' : 'later' };
      break;
    case 'store':
      rig.isStoreAway = !next.works;
      break;
    case 'idle':
      rig.mailbox.canIdle = next.works;
      break;
    case 'login':
      rig.mailbox.refusal = next.works ? undefined : { kind: 'network', detail: 'refused' };
      break;
    case 'pass':
      await rig.leap(next.ms);
      break;
    case 'defer':
      rig.watch.defer(rig.clock.nowMs() + next.ms, rig.clock.nowMs());
      break;
  }
}

/** Everything works again, and time enough passes. */
async function recover(rig: WatchRig): Promise<void> {
  rig.outcome = { kind: 'accepted' };
  rig.isStoreAway = false;
  rig.mailbox.refusal = undefined;
  for (let turn = 0; turn < 6; turn++) await rig.leap(RULES.backoffMaxMs + RULES.pollMs);
}

describe('a watch, whatever happens in whatever order', function () {
  this.timeout(600_000);

  it('tells of the last mail in the end, of nothing without mail, and ever higher versions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const rig = new WatchRig({ folders: FOLDERS });
        await rig.start();
        let toldBefore = 0;
        let hasMail = false;
        for (const next of steps) {
          if (next.kind === 'arrive') {
            toldBefore = rig.versions.length;
            hasMail = true;
          }
          await take(rig, next);
          await rig.flush();
        }
        await recover(rig);
        const baselines = rig.account.progress.folders.map(({ baseline }) => baseline?.uidNext);
        const wanted = FOLDERS.map(({ name }) => rig.mailbox.folder(name).uidNext);
        const told = [...rig.versions];
        await recover(rig);
        await rig.stop();
        rig.alarms.stop();
        expect(baselines).to.deep.equal(wanted);
        if (hasMail) expect(told.length).to.be.greaterThan(toldBefore);
        else expect(told).to.deep.equal([]);
        // Nothing more without more mail.
        expect(rig.versions).to.deep.equal(told);
        expect(told).to.deep.equal([...new Set(told)].sort((a, b) => a - b));
      }),
      { numRuns: RUNS },
    );
  });
});
