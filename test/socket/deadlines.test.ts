import { expect } from 'chai';
import { Deadlines } from '../../src/socket/deadlines.ts';
import { HandClock } from '../storage/hand-clock.ts';

describe('Deadlines', () => {
  const one = { name: 'one' };
  const other = { name: 'other' };
  let clock: HandClock;
  let due: string[];
  let deadlines: Deadlines<{ readonly name: string }>;

  beforeEach(() => {
    clock = new HandClock();
    due = [];
    deadlines = new Deadlines(clock, ({ name }) => due.push(name));
  });

  const sweep = (ms: number) => {
    clock.moveMs(ms);
    clock.tick();
  };

  it('are met at their time, once, and not before', () => {
    deadlines.add(one, deadlines.nowMs + 100);
    sweep(99);
    expect(due).to.deep.equal([]);
    sweep(1);
    sweep(100);
    expect(due).to.deep.equal(['one']);
    expect(deadlines.size).to.equal(0);
  });

  it('are replaced by a later one of the same item', () => {
    deadlines.add(one, deadlines.nowMs + 100);
    deadlines.add(one, deadlines.nowMs + 200);
    sweep(100);
    expect(due).to.deep.equal([]);
    expect(deadlines.size).to.equal(1);
  });

  it('are forgotten when deleted', () => {
    deadlines.add(one, deadlines.nowMs + 100);
    deadlines.delete(one);
    expect([...deadlines.items()]).to.not.include(one);
    sweep(100);
    expect(due).to.deep.equal([]);
  });

  it('may be deleted and added while others are met', () => {
    deadlines = new Deadlines(clock, (item) => {
      due.push(item.name);
      deadlines.delete(other);
      deadlines.add(item, deadlines.nowMs + 100);
    });
    deadlines.add(one, deadlines.nowMs);
    deadlines.add(other, deadlines.nowMs);
    sweep(0);
    expect(due).to.deep.equal(['one']);
    expect([...deadlines.items()]).to.deep.equal([one]);
  });

  it('tell the time of the last sweep', () => {
    const beforeMs = deadlines.nowMs;
    clock.moveMs(500);
    expect(deadlines.nowMs).to.equal(beforeMs);
    clock.tick();
    expect(deadlines.nowMs).to.equal(beforeMs + 500);
  });

  it('have one timer, which ends with stop', () => {
    deadlines.add(one, deadlines.nowMs);
    deadlines.add(other, deadlines.nowMs);
    expect(clock.repeatedCount).to.equal(1);
    deadlines.stop();
    expect(clock.repeatedCount).to.equal(0);
    expect(deadlines.size).to.equal(0);
  });
});
