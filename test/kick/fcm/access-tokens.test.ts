import { expect } from 'chai';
import {
  AccessTokens,
  END_AHEAD_MS,
  PAUSE_AFTER_FAILURE_MS,
  RENEW_AHEAD_MS,
} from '../../../src/kick/fcm/access-tokens.ts';
import type { TokenFailure, TokenReading } from '../../../src/kick/fcm/token-answers.ts';
import { quietLog } from '../../../src/log.ts';
import { HandClock } from '../../storage/hand-clock.ts';

const LIFETIME_MS = 3_600_000;
const HALTED: TokenFailure = { kind: 'halted', reason: 'revoked' };

/** An endpoint whose answers a test gives by hand, in the order of the questions. */
class HandExchange {
  readonly #waiting: ((reading: TokenReading) => void)[] = [];
  asked = 0;

  ask = (): Promise<TokenReading> => {
    this.asked++;
    return new Promise((resolve) => this.#waiting.push(resolve));
  };

  async give(bearer: string, lifetimeMs = LIFETIME_MS): Promise<void> {
    await this.#answer({ kind: 'given', bearer, lifetimeMs });
  }

  async fail(failure: TokenFailure): Promise<void> {
    await this.#answer({ kind: 'failed', failure });
  }

  /** Resolves when the answer has been read. */
  async #answer(reading: TokenReading): Promise<void> {
    const resolve = this.#waiting.shift();
    if (resolve === undefined) throw new Error('nobody has asked');
    resolve(reading);
    await new Promise(setImmediate);
  }
}

describe('The access token', () => {
  let clock: HandClock;
  let exchange: HandExchange;
  let tokens: AccessTokens;

  beforeEach(() => {
    clock = new HandClock();
    exchange = new HandExchange();
    tokens = new AccessTokens({ exchange: exchange.ask, clock, log: quietLog });
  });

  async function obtain(bearer: string, lifetimeMs?: number): Promise<void> {
    const grant = tokens.wait();
    await exchange.give(bearer, lifetimeMs);
    expect((await grant).kind).to.equal('granted');
  }

  /** The text of the token to use now, or the failure. */
  async function now(): Promise<string | TokenFailure> {
    const grant = await tokens.wait();
    return grant.kind === 'granted' ? grant.token.bearer : grant.failure;
  }

  it('is not fetched before it is needed', () => {
    expect(exchange.asked).to.equal(0);
  });

  it('is fetched once for all who wait', async () => {
    const grants = Array.from({ length: 100 }, () => tokens.wait());
    expect(exchange.asked).to.equal(1);
    await exchange.give('first');
    const bearers = (await Promise.all(grants)).map(
      (grant) => grant.kind === 'granted' && grant.token.bearer,
    );
    expect(new Set(bearers)).to.deep.equal(new Set(['first']));
    expect(exchange.asked).to.equal(1);
  });

  it('is used without renewing it until shortly before its end', async () => {
    await obtain('first');
    clock.moveMs(LIFETIME_MS - RENEW_AHEAD_MS - 1);
    expect(tokens.current()?.bearer).to.equal('first');
    expect(exchange.asked).to.equal(1);
  });

  it('is renewed ahead of its end, once, while the old one is used', async () => {
    await obtain('first');
    clock.moveMs(LIFETIME_MS - RENEW_AHEAD_MS);
    expect(tokens.current()?.bearer).to.equal('first');
    expect(tokens.current()?.bearer).to.equal('first');
    expect(exchange.asked).to.equal(2);
    await exchange.give('second');
    expect(tokens.current()?.bearer).to.equal('second');
    expect(exchange.asked).to.equal(2);
  });

  it('is used to the last moment and no longer when it cannot be renewed', async () => {
    await obtain('first');
    clock.moveMs(LIFETIME_MS - RENEW_AHEAD_MS);
    tokens.current();
    await exchange.fail({ kind: 'later', scope: 'provider', reason: '503' });
    clock.moveMs(RENEW_AHEAD_MS - END_AHEAD_MS - 1);
    expect(tokens.current()?.bearer).to.equal('first');
    await exchange.fail(HALTED);
    expect(tokens.current()?.bearer).to.equal('first');
    clock.moveMs(1);
    expect(tokens.current()).to.equal(undefined);
    expect(await now()).to.deep.equal(HALTED);
  });

  it('is asked for again after a pause when it could not be renewed', async () => {
    await obtain('first');
    clock.moveMs(LIFETIME_MS - RENEW_AHEAD_MS);
    tokens.current();
    await exchange.fail({ kind: 'later', scope: 'provider', reason: '503' });
    clock.moveMs(PAUSE_AFTER_FAILURE_MS - 1);
    tokens.current();
    expect(exchange.asked).to.equal(2);
    clock.moveMs(1);
    tokens.current();
    expect(exchange.asked).to.equal(3);
    await exchange.give('second');
    expect(tokens.current()?.bearer).to.equal('second');
  });

  it('fails for all who wait, and for those who come within the pause without a question', async () => {
    const grants = [tokens.wait(), tokens.wait()];
    await exchange.fail({ kind: 'later', scope: 'provider', retryAfterMs: 30_000, reason: '429' });
    for (const grant of await Promise.all(grants)) {
      expect(grant.kind === 'failed' && grant.failure.reason).to.equal('429');
    }
    clock.moveMs(10_000);
    expect(await now()).to.deep.equal({
      kind: 'later',
      scope: 'provider',
      retryAfterMs: 20_000,
      reason: '429',
    });
    expect(exchange.asked).to.equal(1);
    clock.moveMs(20_000);
    void tokens.wait();
    expect(exchange.asked).to.equal(2);
  });

  it('is not used again once it was refused', async () => {
    await obtain('first');
    const token = tokens.current();
    if (token === undefined) throw new Error('there is none');
    tokens.refuse(token);
    expect(tokens.current()).to.equal(undefined);
    const grant = tokens.wait();
    // The others whose wakes were refused with it come late.
    tokens.refuse(token);
    await exchange.give('second');
    tokens.refuse(token);
    expect((await grant).kind).to.equal('granted');
    expect(tokens.current()?.bearer).to.equal('second');
    expect(exchange.asked).to.equal(2);
  });

  it('lives from when it was asked for, not from when it came', async () => {
    const grant = tokens.wait();
    clock.moveMs(60_000);
    await exchange.give('slow');
    await grant;
    clock.moveMs(LIFETIME_MS - 60_000 - END_AHEAD_MS);
    expect(tokens.current()).to.equal(undefined);
  });

  it('is used for three quarters of a short life, and renewed after half of it', async () => {
    await obtain('short', 8000);
    clock.moveMs(3999);
    tokens.current();
    expect(exchange.asked).to.equal(1);
    clock.moveMs(1);
    expect(tokens.current()?.bearer).to.equal('short');
    expect(exchange.asked).to.equal(2);
    clock.moveMs(2000);
    expect(tokens.current()).to.equal(undefined);
  });
});
