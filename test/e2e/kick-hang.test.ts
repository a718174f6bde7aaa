import { expect } from 'chai';
import { findingsOn, hangCommand } from '../../loadtest/kick/hang-command.ts';
import type { HangFigures, PhaseFigures } from '../../loadtest/kick/hang-run.ts';
import { recordCommand } from '../loadtest/recorded-command.ts';

const TIMES = { count: 100, p50: 1, p99: 4, max: 9 };
const CALM: PhaseFigures = {
  phase: 'before',
  secs: 20,
  apnsPuts: TIMES,
  fcmPuts: TIMES,
  failed: 0,
  apnsWakesPerSec: 100,
  fcmWakesPerSec: 100,
  apnsWakes: TIMES,
};

function figuresWith(during: Partial<PhaseFigures>, rest: Partial<HangFigures> = {}): HangFigures {
  const hang: PhaseFigures = { ...CALM, phase: 'during', fcmWakesPerSec: 0, ...during };
  const after: PhaseFigures = { ...CALM, phase: 'after' };
  return { phases: [CALM, hang, after], fcmDevicesWoken: 10, devices: 10, ...rest };
}

describe('the verdict on a provider that hangs', () => {
  it('is good when PUTs and the other provider go on as before', () => {
    expect(findingsOn(figuresWith({}))).to.deep.equal([]);
  });

  const rows: readonly { title: string; figures: HangFigures; finding: string }[] = [
    {
      title: 'PUTs to devices of the provider that is well take longer',
      figures: figuresWith({ apnsPuts: { ...TIMES, p99: 8.1 } }),
      finding: 'apnsPuts: p99 rose',
    },
    {
      title: 'PUTs to devices of the one that hangs take longer',
      figures: figuresWith({ fcmPuts: { ...TIMES, p50: 1.8 } }),
      finding: 'fcmPuts: p50 rose',
    },
    {
      title: 'fewer devices are woken through the other provider',
      figures: figuresWith({ apnsWakesPerSec: 94 }),
      finding: 'fewer wake-ups',
    },
    {
      title: 'the provider did not hang at all',
      figures: figuresWith({ fcmWakesPerSec: 1 }),
      finding: 'did not hang',
    },
    {
      title: 'PUTs fail',
      figures: figuresWith({ failed: 3 }),
      finding: '3 PUTs were not answered 202 during',
    },
    {
      title: 'a device is never woken',
      figures: figuresWith({}, { fcmDevicesWoken: 9 }),
      finding: '1 devices were never woken',
    },
  ];
  for (const { title, figures, finding } of rows) {
    it(`is bad when ${title}`, () => {
      const findings = findingsOn(figures);
      expect(findings).to.have.lengthOf(1);
      expect(findings[0]).to.include(finding);
    });
  }
});

describe('the measurement of a provider that hangs', () => {
  it('explains itself', async () => {
    const { code, out } = await recordCommand(hangCommand, ['--help']);
    expect(code).to.equal(0);
    for (const flag of ['--devices', '--rate', '--calm-secs', '--hang-secs', '--json']) {
      expect(out).to.include(flag);
    }
  });

  for (const args of [['--hang-secs', '0'], ['--rate', 'much'], ['--fast'], ['now']]) {
    it(`refuses ${args.join(' ')} with exit code 2`, async () => {
      const { code, err } = await recordCommand(hangCommand, args);
      expect(code).to.equal(2);
      expect(err).to.match(/^error: /);
    });
  }
});
