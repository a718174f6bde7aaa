import { expect } from 'chai';
import { AssertionError } from '../src/assert.ts';
import {
  dueAtMs,
  type Exit,
  firstState,
  type LifeBounds,
  nextStep,
  type RoleAction,
  type RoleEvent,
  type RoleState,
} from '../src/lifecycle.ts';

const NOW_MS = 50_000;
const BOUNDS: LifeBounds = {
  readyDeadlineMs: 6000,
  backoffMinMs: 100,
  backoffMaxMs: 1000,
  stableMs: 20_000,
  stopDeadlineMs: 3000,
};
const EXIT: Exit = { code: 1, how: 'exit code 1' };
const STOP: RoleEvent = { kind: 'stop' };
const TICK: RoleEvent = { kind: 'tick' };
const READY: RoleEvent = { kind: 'ready' };
const EXITED: RoleEvent = { kind: 'exited', exit: EXIT };

/** With the longest back-off that chance can give. */
const LONGEST = 1 - Number.EPSILON;
const deps = (nowMs = NOW_MS, random = LONGEST) => ({
  nowMs,
  bounds: BOUNDS,
  random: () => random,
});

const starting = (failures: number, deadlineAtMs = NOW_MS + 1): RoleState => ({
  kind: 'starting',
  deadlineAtMs,
  failures,
});
const up = (sinceMs: number, failures: number): RoleState => ({ kind: 'up', sinceMs, failures });
const stopping = (deadlineAtMs: number): RoleState => ({ kind: 'stopping', deadlineAtMs });
const waiting = (dueMs: number, failures: number): RoleState => ({
  kind: 'waiting',
  dueAtMs: dueMs,
  failures,
  exit: EXIT,
});
const killed = (failures?: number): RoleState => ({ kind: 'killed', failures });
const ended: RoleState = { kind: 'ended' };

interface Row {
  readonly title: string;
  readonly state: RoleState;
  readonly event: RoleEvent;
  readonly next: RoleState;
  readonly action?: RoleAction;
}

const rows: readonly Row[] = [
  {
    title: 'is up when it says so, and remembers its failures',
    state: starting(2),
    event: READY,
    next: up(NOW_MS, 2),
  },
  {
    title: 'has not come up when it was told to stop before',
    state: stopping(1),
    event: READY,
    next: stopping(1),
  },
  {
    title: 'has not come up when it was killed before',
    state: killed(1),
    event: READY,
    next: killed(1),
  },
  {
    title: 'waits after it died starting',
    state: starting(0),
    event: EXITED,
    next: waiting(NOW_MS + 100, 1),
  },
  {
    title: 'waits longer after it died again soon',
    state: up(NOW_MS - 19_999, 2),
    event: EXITED,
    next: waiting(NOW_MS + 400, 3),
  },
  {
    title: 'waits as after a first failure when it had been up for long',
    state: up(NOW_MS - 20_000, 2),
    event: EXITED,
    next: waiting(NOW_MS + 100, 1),
  },
  {
    title: 'waits after it was killed for starting too long',
    state: killed(1),
    event: EXITED,
    next: waiting(NOW_MS + 200, 2),
  },
  {
    title: 'has ended after it stopped',
    state: stopping(NOW_MS + 1),
    event: EXITED,
    next: { kind: 'ended', exit: EXIT },
  },
  {
    title: 'has ended after it was killed for stopping too long',
    state: killed(),
    event: EXITED,
    next: { kind: 'ended', exit: EXIT },
  },
  {
    title: 'has until its deadline to start',
    state: starting(1, NOW_MS + 1),
    event: TICK,
    next: starting(1, NOW_MS + 1),
  },
  {
    title: 'is killed at its deadline to start',
    state: starting(1, NOW_MS),
    event: TICK,
    next: killed(1),
    action: 'kill',
  },
  {
    title: 'is not started again before its time',
    state: waiting(NOW_MS + 1, 3),
    event: TICK,
    next: waiting(NOW_MS + 1, 3),
  },
  {
    title: 'is started again when it is time',
    state: waiting(NOW_MS, 3),
    event: TICK,
    next: starting(3, NOW_MS + 6000),
    action: 'spawn',
  },
  {
    title: 'has until its deadline to stop',
    state: stopping(NOW_MS + 1),
    event: TICK,
    next: stopping(NOW_MS + 1),
  },
  {
    title: 'is killed at its deadline to stop',
    state: stopping(NOW_MS),
    event: TICK,
    next: killed(),
    action: 'kill',
  },
  { title: 'stays up as time passes', state: up(0, 1), event: TICK, next: up(0, 1) },
  { title: 'stays ended as time passes', state: ended, event: TICK, next: ended },
  {
    title: 'is told to stop while it starts',
    state: starting(0),
    event: STOP,
    next: stopping(NOW_MS + 3000),
    action: 'tell-to-stop',
  },
  {
    title: 'is told to stop while it is up',
    state: up(0, 0),
    event: STOP,
    next: stopping(NOW_MS + 3000),
    action: 'tell-to-stop',
  },
  {
    title: 'is told to stop once',
    state: stopping(NOW_MS + 7),
    event: STOP,
    next: stopping(NOW_MS + 7),
  },
  { title: 'is not started again once all stops', state: waiting(0, 1), event: STOP, next: ended },
  {
    title: 'stays ended when it is killed as all stops',
    state: killed(1),
    event: STOP,
    next: killed(),
  },
  { title: 'stays ended when all stops', state: ended, event: STOP, next: ended },
];

describe('a role', () => {
  for (const { title, state, event, next, action = 'none' } of rows) {
    it(title, () => {
      expect(nextStep(state, event, deps())).to.deep.equal({ state: next, action });
    });
  }

  it('begins with a deadline for its start', () => {
    expect(firstState(deps())).to.deep.equal(starting(0, NOW_MS + 6000));
  });

  it('waits twice as long after each failure in a row, up to the bound', () => {
    let state = starting(0);
    const waits: number[] = [];
    for (let failure = 0; failure < 6; failure++) {
      state = nextStep(state, EXITED, deps()).state;
      const dueMs = dueAtMs(state) ?? 0;
      waits.push(dueMs - NOW_MS);
      state = nextStep(state, TICK, deps(dueMs)).state;
    }
    expect(waits).to.deep.equal([100, 200, 400, 800, 1000, 1000]);
  });

  it('waits at least half of that, however chance has it', () => {
    const { state } = nextStep(starting(1), EXITED, deps(NOW_MS, 0));
    expect(state).to.deep.equal(waiting(NOW_MS + 100, 2));
  });

  it('waits no longer than the bound after any number of failures', () => {
    const { state } = nextStep(starting(100_000), EXITED, deps());
    expect(dueAtMs(state)).to.equal(NOW_MS + 1000);
  });

  it('cannot exit when it does not run', () => {
    for (const state of [waiting(0, 1), ended]) {
      expect(() => nextStep(state, EXITED, deps())).to.throw(AssertionError);
    }
  });
});
