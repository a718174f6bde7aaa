import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { CONTENDER_NAMES } from '../../loadtest/contenders.ts';
import { LOAD_NAMES } from '../../loadtest/measure.ts';

const BENCH = fileURLToPath(new URL('../../loadtest/bench.js', import.meta.url));

function bench(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BENCH, ...args], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('bench command line', () => {
  it('explains itself', () => {
    const { status, stdout } = bench('--help');
    expect(status).to.equal(0);
    for (const flag of [
      '--rounds',
      '--secs',
      '--devices',
      '--idle-devices',
      '--only',
      '--quick',
      '--json',
    ]) {
      expect(stdout).to.include(flag);
    }
    for (const name of [...CONTENDER_NAMES, ...LOAD_NAMES]) expect(stdout).to.include(name);
  });

  for (const args of [
    ['--only', 'nobody'],
    ['--only', 'memory,nobody'],
    // A floor stores nothing: no update could be pending.
    ['--only', 'floor', 'storm'],
    ['--rounds', '0'],
    ['--secs', 'long'],
    ['--fast'],
    ['now'],
  ]) {
    it(`refuses ${args.join(' ')} with exit code 2`, () => {
      const { status, stderr } = bench(...args);
      expect(status).to.equal(2);
      expect(stderr).to.match(/^error: /);
    });
  }
});
