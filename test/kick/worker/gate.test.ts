import { assert, expect } from 'chai';
import type { Verdict } from '../../../src/kick/worker/breaker.ts';
import { Gate, type GatePass } from '../../../src/kick/worker/gate.ts';
import type { KickTarget } from '../../../src/protocol/connect.ts';
import { HandClock } from '../../storage/hand-clock.ts';

const CHAT: KickTarget = { type: 'apns', token: 'ab', topic: 'chat' };
const NEWS: KickTarget = { type: 'apns', token: 'cd', topic: 'news' };
const HALTED: Verdict = { kind: 'halted', reason: 'TopicDisallowed' };
const HALT_MS = 30_000;

describe('the gate of a provider', () => {
  let clock: HandClock;

  beforeEach(() => {
    clock = new HandClock();
  });

  const gateOf = (appOf?: (target: KickTarget) => string) =>
    new Gate({
      failuresMax: 1,
      pause: { minMs: 1000, maxMs: 5000 },
      haltPause: { minMs: HALT_MS, maxMs: 100_000 },
      clock,
      onChange: () => {},
      appOf,
    });
  const byTopic = (target: KickTarget) => ('topic' in target ? (target.topic ?? '') : '');
  const entered = (gate: Gate, target: KickTarget): GatePass => {
    const pass = gate.enter(target);
    assert(pass !== undefined, 'the gate lets one through');
    return pass;
  };

  it('halts all when there is one set of credentials', () => {
    const gate = gateOf();
    gate.leave(entered(gate, CHAT), HALTED);
    expect(gate.enter(NEWS)).to.equal(undefined);
    expect(gate.provider.room).to.equal(0);
    expect(gate.halts).to.deep.equal(['TopicDisallowed']);
  });

  it('halts one app alone when each has its own', () => {
    const gate = gateOf(byTopic);
    gate.leave(entered(gate, CHAT), HALTED);
    expect(gate.enter(CHAT)).to.equal(undefined);
    expect(gate.openMs(CHAT)).to.equal(HALT_MS);
    expect(gate.openMs(NEWS)).to.equal(0);
    expect(entered(gate, NEWS).ofApp).to.equal(undefined);
    expect(gate.provider.room).to.equal(Number.POSITIVE_INFINITY);
  });

  it('lets one of the app try after the pause, and all once that is answered', () => {
    const gate = gateOf(byTopic);
    gate.leave(entered(gate, CHAT), HALTED);
    clock.moveMs(HALT_MS);
    const probe = entered(gate, CHAT);
    expect(gate.enter(CHAT)).to.equal(undefined);
    gate.leave(probe, { kind: 'answered' });
    expect(gate.halts).to.deep.equal([]);
    expect(gate.enter(CHAT)).to.not.equal(undefined);
    expect(gate.enter(CHAT)).to.not.equal(undefined);
  });

  for (const verdict of [
    { kind: 'untried' },
    { kind: 'failed', reason: 'timeout' },
    { kind: 'asked', reason: 'Shutdown' },
  ] as const satisfies readonly Verdict[]) {
    it(`lets another one of the app try when that was ${verdict.kind}`, () => {
      const gate = gateOf(byTopic);
      gate.leave(entered(gate, CHAT), HALTED);
      clock.moveMs(HALT_MS);
      gate.leave(entered(gate, CHAT), verdict);
      expect(gate.halts).to.deep.equal(['TopicDisallowed']);
      clock.moveMs(1000);
      expect(gate.enter(CHAT)).to.not.equal(undefined);
    });
  }

  it('keeps the try of an app for later while the provider is left alone', () => {
    const gate = gateOf(byTopic);
    gate.leave(entered(gate, CHAT), HALTED);
    clock.moveMs(HALT_MS);
    gate.leave(entered(gate, NEWS), { kind: 'failed', reason: 'timeout' });
    expect(gate.enter(CHAT)).to.equal(undefined);
    expect(gate.openMs(CHAT)).to.equal(1000);
    clock.moveMs(1000);
    expect(gate.enter(CHAT)).to.not.equal(undefined);
  });
});
