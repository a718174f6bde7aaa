import { expect } from 'chai';
import { createLiveView } from '../../../loadtest/stress/live-view.ts';
import type { SecondPoint } from '../../../loadtest/stress/series.ts';

function pointOf(second: number): SecondPoint {
  return {
    ...{ second, phase: 'steady', due: 1000, sent: 1000, answered: 990, arrived: 980, errors: 2 },
    ...{ connected: 2000, inFlight: 1, backlogMs: 0, lost: 3, faults: 3 },
    ...{ p50Ms: 1.25, p99Ms: null, maxMs: null, rssMiB: null, cpuPercent: null },
  };
}

/** What the view writes, on a terminal or elsewhere. */
function written(isTerminal: boolean, seconds: number): string {
  let text = '';
  const write = (part: string) => {
    text += part;
    return true;
  };
  const view = createLiveView({ isTTY: isTerminal, write }, 55);
  view.phase('steady', 'PUTs at the rate');
  for (let second = 0; second < seconds; second++) view.second(pointOf(second), second + 1);
  view.end();
  return text;
}

describe('stress live view', () => {
  it('writes a line in five seconds where there is no terminal', () => {
    expect(written(false, 6)).to.equal(
      [
        'steady: PUTs at the rate',
        '   0 s  connected 2,000  PUT/s 1,000  delivered/s 980  p50 ms 1.3  p99 ms –  errors 2  lost 3',
        '   5 s  connected 2,000  PUT/s 1,000  delivered/s 980  p50 ms 1.3  p99 ms –  errors 12  lost 3',
        '',
      ].join('\n'),
    );
  });

  it('writes over itself on a terminal, and leaves nothing behind', () => {
    const text = written(true, 2);
    const CLEAR = '\x1b[1A\r\x1b[J';
    expect(text).to.include('2 s gone, about 53 s left');
    expect(text).to.match(/connected +PUT\/s +delivered\/s +p50 ms +p99 ms +errors +lost\n/);
    const shown = text.split('\n').length - 1;
    expect(text.split(CLEAR).length - 1).to.equal(shown);
  });
});
