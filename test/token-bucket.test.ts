import { expect } from 'chai';
import { TokenBucket } from '../src/token-bucket.ts';
import { HandClock } from './storage/hand-clock.ts';

describe('the token bucket', () => {
  it('lets as many go at once as it holds, and no more', () => {
    const bucket = new TokenBucket(new HandClock(), { perSecond: 100, tokensMax: 10 });
    expect(bucket.available()).to.equal(10);
    bucket.take(10);
    expect(bucket.available()).to.equal(0);
  });

  it('may begin with less', () => {
    const bucket = new TokenBucket(new HandClock(), { perSecond: 100, tokensMax: 10, tokens: 1 });
    expect(bucket.available()).to.equal(1);
  });

  it('fills with time, up to that', () => {
    const clock = new HandClock();
    const bucket = new TokenBucket(clock, { perSecond: 100, tokensMax: 10 });
    bucket.take(10);
    clock.moveMs(50);
    expect(bucket.available()).to.equal(5);
    clock.moveMs(100_000);
    expect(bucket.available()).to.equal(10);
  });

  it('says how long the next takes', () => {
    const clock = new HandClock();
    const bucket = new TokenBucket(clock, { perSecond: 4, tokensMax: 1 });
    expect(bucket.waitMs()).to.equal(0);
    bucket.take(1);
    expect(bucket.waitMs()).to.equal(250);
    clock.moveMs(125);
    expect(bucket.waitMs()).to.equal(125);
    clock.moveMs(125);
    expect(bucket.waitMs()).to.equal(0);
  });

  it('takes back what was not used, and holds no more than it may', () => {
    const bucket = new TokenBucket(new HandClock(), { perSecond: 100, tokensMax: 10 });
    bucket.take(10);
    bucket.giveBack(3);
    expect(bucket.available()).to.equal(3);
    bucket.giveBack(1000);
    expect(bucket.available()).to.equal(10);
  });
});
