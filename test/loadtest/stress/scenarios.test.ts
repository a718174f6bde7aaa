import { expect } from 'chai';
import { Device } from '../../../loadtest/stress/device.ts';
import type { DeviceEvents } from '../../../loadtest/stress/device-events.ts';
import { Tally } from '../../../loadtest/stress/faults.ts';
import { parseFlags } from '../../../loadtest/stress/flags.ts';
import { ChannelLedger } from '../../../loadtest/stress/ledger.ts';
import {
  loadText,
  type Phase,
  phasesOf,
  putsOf,
  SCENARIOS,
} from '../../../loadtest/stress/plan.ts';
import { type Act, type Due, scriptOf } from '../../../loadtest/stress/scenarios.ts';
import { sourceAddress } from '../../../loadtest/stress/source-address.ts';
import { Random } from '../../support/random.ts';

const { plan } = parseFlags(['--url', 'ws://127.0.0.1:1/', '--devices', '100', '--rate', '200']);
const NO_EVENTS: DeviceEvents = {
  onUaidChanged: () => undefined,
  onReady: () => undefined,
  onEndpoint: () => true,
  onArrival: () => undefined,
  onExpired: () => undefined,
  onMisdelivered: () => undefined,
  onBadMessage: () => undefined,
  onRefused: () => undefined,
  onEnd: () => undefined,
  onRedirect: () => undefined,
};

function crowdOf(size: number): readonly Device[] {
  return Array.from({ length: size }, (_, index) => {
    const device = new Device(index, NO_EVENTS);
    const ledger = new ChannelLedger({
      rules: { graceMs: 1, ackRaceMs: 1 },
      tally: new Tally(),
      notes: { repeats: 0, resent: 0, collapsed: 0, unjudged: 0 },
      name: () => '',
    });
    device.channels.push({ id: `${index}`, device, ledger, endpoint: undefined });
    return device;
  });
}

function play(phase: Phase, seed = 1): { dues: readonly Due[]; acts: readonly Act[] } {
  const scene = { plan, phase, share: 1, devices: crowdOf(100), random: new Random(seed) };
  const { dues, acts } = scriptOf(scene);
  return { dues: [...dues], acts };
}

describe('stress scenarios', () => {
  for (const scenario of SCENARIOS) {
    const phase = { scenario, durationMs: 10_000 };

    it(`${scenario}: keeps to the stated load, in order of time`, () => {
      const { dues, acts } = play(phase);
      const stated = putsOf(plan, phase);
      // Random arrivals: five standard deviations around what was stated.
      expect(dues.length).to.be.closeTo(stated, 5 * Math.sqrt(stated));
      for (const items of [dues, acts]) {
        const times = items.map(({ atMs }) => atMs);
        expect(times).to.deep.equal(times.toSorted((a, b) => a - b));
        expect(times.every((atMs) => atMs >= 0 && atMs <= phase.durationMs)).to.equal(true);
      }
    });

    it(`${scenario}: brings back whom it sends away`, () => {
      const gone = new Set<Device>();
      const GONE = ['close', 'cut', 'pause'];
      for (const { kind, device } of play(phase).acts) {
        if (GONE.includes(kind)) gone.add(device);
        else gone.delete(device);
      }
      expect(gone.size).to.equal(0);
    });
  }

  it('comes the same way again for the same seed', () => {
    const phase = { scenario: 'away', durationMs: 3000 } as const;
    const timesOf = (seed: number) => play(phase, seed).dues.map(({ atMs }) => atMs);
    expect(timesOf(7)).to.deep.equal(timesOf(7));
    expect(timesOf(7)).not.to.deep.equal(timesOf(8));
  });

  it('puts the whole rate of a mail storm into few channels', () => {
    const { dues } = play({ scenario: 'mail', durationMs: 10_000 });
    expect(new Set(dues.map(({ channel }) => channel)).size).to.be.at.most(8);
  });

  it('shares the duration among the scenarios', () => {
    const phases = phasesOf({ ...plan, durationSecs: 60 });
    expect(phases.reduce((sum, { durationMs }) => sum + durationMs, 0)).to.be.closeTo(60_000, 1e-6);
    expect(phases.map(({ scenario }) => scenario)).to.deep.equal(SCENARIOS);
  });

  it('states the load without what an URL may hold of a secret', () => {
    const text = loadText({ ...plan, url: 'ws://name:secret@127.0.0.1:1/?key=secret' }).join('\n');
    expect(text).to.include('ws://127.0.0.1:1/').and.not.include('secret');
    expect(text).to.include('200 PUTs a second');
  });

  for (const { url, deviceIndex, expected } of [
    { url: 'ws://127.0.0.1:1/', deviceIndex: 4999, expected: '127.0.1.1' },
    { url: 'ws://127.0.0.1:1/', deviceIndex: 5000, expected: '127.0.1.2' },
    { url: 'ws://127.0.0.1:1/', deviceIndex: 5000 * 250, expected: '127.0.2.1' },
    { url: 'ws://localhost:1/', deviceIndex: 0, expected: undefined },
    { url: 'wss://push.example/', deviceIndex: 0, expected: undefined },
  ]) {
    it(`connects device ${deviceIndex} to ${url} from ${expected ?? 'any address'}`, () => {
      expect(sourceAddress(url, { deviceIndex, perAddress: 5000 })).to.equal(expected);
    });
  }
});
