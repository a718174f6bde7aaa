import { expect } from 'chai';
import { createRateLimit } from '../../src/endpoint/rate-limit.ts';
import { HandClock } from '../storage/hand-clock.ts';

describe('createRateLimit', () => {
  it('lets as many pass a second, and none more until the next', () => {
    const clock = new HandClock();
    const mayPass = createRateLimit(clock, 2);
    expect([mayPass(), mayPass(), mayPass(), mayPass()]).to.deep.equal([true, true, false, false]);
    clock.moveMs(999);
    expect(mayPass()).to.equal(false);
    clock.moveMs(1);
    expect([mayPass(), mayPass(), mayPass()]).to.deep.equal([true, true, false]);
  });
});
