import { expect } from 'chai';
import { LINGER_SECS_MAX, LingeringSockets } from '../../src/socket/lingering-sockets.ts';
import { HandClock } from '../storage/hand-clock.ts';

const LINGER_MS_MAX = LINGER_SECS_MAX * 1000;

describe('LingeringSockets', () => {
  let clock: HandClock;
  let lingering: LingeringSockets;

  beforeEach(() => {
    clock = new HandClock();
    lingering = new LingeringSockets(clock);
  });

  it('counts nothing at first', () => {
    expect(lingering.count).to.equal(0);
  });

  it('counts a socket for as long as it may linger, and then no more', () => {
    lingering.add();
    clock.moveMs(LINGER_MS_MAX);
    expect(lingering.count).to.equal(1);
    clock.moveMs(1000);
    expect(lingering.count).to.equal(0);
  });

  it('forgets each in its turn', () => {
    for (let second = 0; second < 40; second++) {
      lingering.add();
      lingering.add();
      expect(lingering.count).to.equal(2 * Math.min(second + 1, LINGER_SECS_MAX + 1));
      clock.moveMs(1000);
    }
  });

  it('forgets all when nobody asked for long', () => {
    lingering.add();
    clock.moveMs(100 * LINGER_MS_MAX);
    lingering.add();
    expect(lingering.count).to.equal(1);
  });
});
