import { expect } from 'chai';
import { keysCommand } from '../../src/commands/keys.ts';
import { configOf } from '../config/load.ts';
import { run } from './recorded-io.ts';

describe('keys', () => {
  for (const { args, count } of [
    { args: [], count: 1 },
    { args: ['--count', '1'], count: 1 },
    { args: ['--count', '16'], count: 16 },
  ]) {
    it(`prints ${count} different keys that the config takes, for ${JSON.stringify(args)}`, async () => {
      const { stdout, stderr, exitCode } = await run(keysCommand, args);
      const keys = stdout.trimEnd().split('\n');
      expect(new Set(keys).size).to.equal(count);
      expect(configOf(`tokens.keys = ${JSON.stringify(keys)}`).tokens.keys).to.deep.equal(keys);
      expect(stderr)
        .to.match(/tokens\.key_path/)
        .and.match(/first/);
      expect(exitCode).to.equal(0);
    });
  }

  for (const count of ['0', '17', '-1', 'many', '1.5', '']) {
    it(`refuses --count ${JSON.stringify(count)}`, async () => {
      const { stdout, stderr, exitCode } = await run(keysCommand, ['--count', count]);
      expect(stdout).to.equal('');
      expect(stderr).to.match(/an integer from 1 to 16/);
      expect(exitCode).to.equal(2);
    });
  }

  it('explains itself', async () => {
    const { stdout, exitCode } = await run(keysCommand, ['--help']);
    expect(stdout).to.include('--count');
    expect(exitCode).to.equal(0);
  });
});
