import { assert, expect } from 'chai';
import {
  Breaker,
  type BreakerState,
  causeOf,
  type Pass,
  RETRY_AFTER_MAX_MS,
  type Verdict,
} from '../../../src/kick/worker/breaker.ts';
import { HandClock } from '../../storage/hand-clock.ts';

const ANSWERED: Verdict = { kind: 'answered' };
const FAILED: Verdict = { kind: 'failed', reason: 'no answer' };
const HALTED: Verdict = { kind: 'halted', reason: 'InvalidProviderToken' };
const ASKED: Verdict = { kind: 'asked', reason: 'Shutdown' };

describe('the circuit breaker', () => {
  let clock: HandClock;
  let breaker: Breaker;
  let changes: (string | undefined)[];

  beforeEach(() => {
    clock = new HandClock();
    changes = [];
    breaker = new Breaker({
      failuresMax: 3,
      pause: { minMs: 1000, maxMs: 5000 },
      haltPause: { minMs: 30_000, maxMs: 100_000 },
      clock,
      onChange: (now) => changes.push(causeOf(now)),
    });
  });

  const entered = (): Pass => {
    const pass = breaker.enter();
    assert(pass !== undefined, 'the breaker lets one through');
    return pass;
  };
  const tell = (...verdicts: readonly Verdict[]) => {
    for (const verdict of verdicts) breaker.leave(entered(), verdict);
  };

  it('is closed at first, and has room for all', () => {
    expect(breaker.state).to.deep.equal({ kind: 'closed', failures: 0 });
    expect(breaker.room).to.equal(Number.POSITIVE_INFINITY);
    expect(breaker.openMs).to.equal(0);
  });

  it('stays closed below the failures in a row that open it', () => {
    tell(FAILED, FAILED, ANSWERED, FAILED, FAILED);
    expect(breaker.state).to.deep.equal({ kind: 'closed', failures: 2 });
    expect(changes).to.deep.equal([]);
  });

  it('opens at them, and lets nothing through', () => {
    tell(FAILED, FAILED, FAILED);
    expect(breaker.state.kind).to.equal('open');
    expect(breaker.room).to.equal(0);
    expect(breaker.enter()).to.equal(undefined);
    expect(breaker.openMs).to.equal(1000);
    expect(changes).to.deep.equal(['failing']);
  });

  it('does not count what was not tried', () => {
    tell(FAILED, FAILED, { kind: 'untried' });
    expect(breaker.state).to.deep.equal({ kind: 'closed', failures: 2 });
  });

  it('lets one through after the pause, and no second beside it', () => {
    tell(FAILED, FAILED, FAILED);
    clock.moveMs(1000);
    expect(breaker.state.kind).to.equal('half-open');
    expect(breaker.room).to.equal(1);
    expect(entered()).to.deep.equal({ isProbe: true });
    expect(breaker.room).to.equal(0);
    expect(breaker.enter()).to.equal(undefined);
  });

  it('lets another one through when the first was not tried after all', () => {
    tell(FAILED, FAILED, FAILED);
    clock.moveMs(1000);
    tell({ kind: 'untried' });
    expect(breaker.room).to.equal(1);
  });

  it('closes when that one is answered', () => {
    tell(FAILED, FAILED, FAILED);
    clock.moveMs(1000);
    tell(ANSWERED);
    expect(breaker.state).to.deep.equal({ kind: 'closed', failures: 0 });
    expect(changes).to.deep.equal(['failing', undefined]);
  });

  it('opens for twice as long each time that one fails, up to the longest pause', () => {
    tell(FAILED, FAILED, FAILED);
    const pauses = Array.from({ length: 5 }, () => {
      const { openMs } = breaker;
      clock.moveMs(openMs);
      tell(FAILED);
      return openMs;
    });
    expect(pauses).to.deep.equal([1000, 2000, 4000, 5000, 5000]);
    expect(changes).to.deep.equal(['failing']);
  });

  it('takes no word from what was asked before it opened', () => {
    const before = [entered(), entered(), entered(), entered(), entered()];
    for (const pass of before.slice(0, 3)) breaker.leave(pass, FAILED);
    for (const pass of before.slice(3, 4)) breaker.leave(pass, ANSWERED);
    expect(breaker.state.kind).to.equal('open');
    clock.moveMs(1000);
    const probe = entered();
    for (const pass of before.slice(4)) breaker.leave(pass, ANSWERED);
    expect(breaker.state.kind).to.equal('half-open');
    breaker.leave(probe, FAILED);
    expect(breaker.openMs).to.equal(2000);
  });

  it('opens at once when the provider asks for it, as long as it asks', () => {
    tell({ ...ASKED, retryAfterMs: 70_000 });
    expect(breaker.openMs).to.equal(70_000);
    expect(changes).to.deep.equal(['asked']);
  });

  it('does not wait longer than it may, whatever the provider asks', () => {
    tell({ ...ASKED, retryAfterMs: 10 * RETRY_AFTER_MAX_MS });
    expect(breaker.openMs).to.equal(RETRY_AFTER_MAX_MS);
  });

  it('waits longer each time a provider asks without saying how long', () => {
    tell(ASKED);
    expect(breaker.openMs).to.equal(1000);
    clock.moveMs(1000);
    tell(ASKED);
    expect(breaker.openMs).to.equal(2000);
  });

  it('takes what many were told at once for one pause', () => {
    const passes = [entered(), entered(), entered()];
    for (const pass of passes) breaker.leave(pass, ASKED);
    expect(breaker.openMs).to.equal(1000);
  });

  it('waits for the longest of several times that it was asked for', () => {
    const passes = [entered(), entered(), entered()];
    for (const [at, retryAfterMs] of [2000, 9000, 3000].entries()) {
      const pass = passes[at];
      if (pass) breaker.leave(pass, { ...ASKED, retryAfterMs });
    }
    expect(breaker.openMs).to.equal(9000);
  });

  it('halts at once, for longer each time a try shows no change', () => {
    tell(HALTED);
    const pauses = Array.from({ length: 4 }, () => {
      const { openMs } = breaker;
      clock.moveMs(openMs);
      tell(HALTED);
      return openMs;
    });
    expect(pauses).to.deep.equal([30_000, 60_000, 100_000, 100_000]);
    expect(changes).to.deep.equal(['halted']);
  });

  it('takes what many were told of halting for one', () => {
    for (const pass of [entered(), entered(), entered()]) breaker.leave(pass, HALTED);
    expect(breaker.openMs).to.equal(30_000);
  });

  it('stays halted while nobody answers the try', () => {
    tell(HALTED);
    clock.moveMs(30_000);
    tell(FAILED);
    expect(causeOf(breaker.state)).to.equal('halted');
    expect(breaker.openMs).to.equal(60_000);
    expect(changes).to.deep.equal(['halted']);
  });

  it('is well again when a try is answered', () => {
    tell(HALTED);
    clock.moveMs(30_000);
    tell(ANSWERED);
    const closed: BreakerState = { kind: 'closed', failures: 0 };
    expect(breaker.state).to.deep.equal(closed);
    expect(changes).to.deep.equal(['halted', undefined]);
  });

  it('may be halted while it is open', () => {
    const [pass, ...others] = [entered(), entered(), entered(), entered()];
    for (const other of others) breaker.leave(other, FAILED);
    if (pass) breaker.leave(pass, HALTED);
    expect(causeOf(breaker.state)).to.equal('halted');
    expect(breaker.openMs).to.equal(30_000);
    expect(changes).to.deep.equal(['failing', 'halted']);
  });
});
