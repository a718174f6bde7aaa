import type { Clock } from '../../src/clock.ts';
import type { Store, StoreLimits } from '../../src/storage/store.ts';
import { itKeepsChannels } from './contract-channels.ts';
import { itForgetsInTime } from './contract-expiry.ts';
import { itWakesOnce } from './contract-kicks.ts';
import { itIsAtomic } from './contract-races.ts';
import { itKeepsTargets } from './contract-targets.ts';
import { itKeepsUpdates } from './contract-updates.ts';
import { HandClock } from './hand-clock.ts';
import { TEST_LIMITS } from './store-fixtures.ts';

/** Opens the store under test, with these limits and this clock. What it holds from earlier tests does not matter. */
export type OpenStore = (conditions: {
  readonly limits: StoreLimits;
  readonly clock: Clock;
}) => Promise<Store>;

/** What a driver cannot do for the suite. */
export interface Capabilities {
  /** `clock`: records expire by the clock handed in. `engine`: by a clock of the engine's own, so that tests of time are left out. */
  readonly expiresBy: 'clock' | 'engine';
  /** `not-always`: of a version that changes nothing it may also say `stored`, as store.ts allows between processes. */
  readonly tellsStale?: 'always' | 'not-always';
}

/** The store of the running test, and the clock it was opened with. */
export interface Subject {
  store: Store;
  clock: HandClock;
}

/** Names the subject inside a test; there is none outside. */
export type GetSubject = () => Subject;

/**
 * What every driver that keeps anything promises: the sentences of src/storage/store.ts, one by one.
 * Call it once per driver, inside that driver's describe().
 */
export function itKeepsTheStoreContract(
  open: OpenStore,
  { expiresBy, tellsStale = 'always' }: Capabilities,
): void {
  let subject: Subject;
  const getSubject: GetSubject = () => subject;

  beforeEach(async () => {
    const clock = new HandClock();
    subject = { clock, store: await open({ limits: TEST_LIMITS, clock }) };
  });
  afterEach(async () => {
    await subject.store.close();
  });

  describe('channels', () => itKeepsChannels(getSubject));
  describe('updates', () => itKeepsUpdates(getSubject));
  describe('targets', () => itKeepsTargets(getSubject));
  describe('kicks', () => itWakesOnce(getSubject));
  describe('several callers at once', () => itIsAtomic(getSubject, tellsStale));
  if (expiresBy === 'clock') describe('time', () => itForgetsInTime(getSubject));
}
