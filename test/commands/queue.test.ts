import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../src/clock.ts';
import { queueCommand } from '../../src/commands/queue.ts';
import { durationText, reportText } from '../../src/commands/queue-words.ts';
import type { KickQueue } from '../../src/queue/queue.ts';
import { openSpool } from '../../src/queue/spool.ts';
import { leaseNext, leaseNow, newKick } from '../queue/kick-fixtures.ts';
import { SPOOL_DEFAULTS } from '../queue/spool-defaults.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { run } from './recorded-io.ts';

describe('the queue command', () => {
  let folder: TemporaryFolder;
  let config: string;
  let spool: KickQueue;
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    config = join(folder.path, 'config.toml');
    writeFileSync(
      config,
      '[kick.udp]\nnetworks = ["127.0.0.0/8"]\n[queue.spool]\npath = "queue"\n',
    );
    const path = join(folder.path, 'queue', 'udp');
    spool = await openSpool({ ...SPOOL_DEFAULTS, path, clock: systemClock });
  });
  afterEach(async () => {
    await spool.close();
    await folder[Symbol.asyncDispose]();
  });

  const queue = (...args: readonly string[]) => run(queueCommand, [...args, '--config', config]);
  const bury = async (reason: string): Promise<string> => {
    await spool.enqueue(newKick());
    const kick = await leaseNext(spool);
    await spool.bury(kick, reason);
    return kick.id;
  };

  it('lists what waits and what was given up, without whole device ids', async () => {
    await spool.enqueue(newKick());
    const id = await bury('it said \u001b[31mno');
    const { stdout, stderr, exitCode } = await queue('list');
    expect([stderr, exitCode]).to.deep.equal(['', 0]);
    const [summary = '', dead = '', ...rest] = stdout.trimEnd().split('\n');
    expect(rest).to.deep.equal([]);
    expect(summary).to.match(
      /^udp \(spool\) {2}ready 1, the oldest for .*; leased 0; delayed 0; dead 1$/,
    );
    expect(dead).to.match(
      new RegExp(`^ {2}${id} {2}device [0-9a-f]{8}… {2}died .* ago {2}tried once: it said `),
    );
    expect(dead).to.include('\\u001b[31mno');
  });

  it('lists as JSON', async () => {
    const id = await bury('gone');
    const { stdout } = await queue('list', '--json');
    const [report] = JSON.parse(stdout);
    expect(report).to.deep.include({ provider: 'udp', driver: 'spool' });
    expect(report.depth).to.include({ ready: 0, dead: 1 });
    expect(report.dead[0]).to.include({ id, reason: 'gone', attempts: 0 });
  });

  it('lists so many dead letters and tells of the others', async () => {
    for (const reason of ['one', 'two', 'three']) await bury(reason);
    const { stdout } = await queue('list', '--max', '2');
    expect(stdout).to.include(': two\n  … and 1 more\n').and.not.include('three');
  });

  it('retries one, or all', async () => {
    const id = await bury('one');
    await bury('two');
    await bury('three');
    expect(await queue('retry', '--id', id)).to.deep.equal({
      stdout: 'udp  retried 1\n',
      stderr: '',
      exitCode: 0,
    });
    expect((await queue('retry', '--json')).stdout).to.equal('{"retried":{"udp":2}}\n');
    expect(await leaseNow(spool)).to.have.lengthOf(3);
  });

  it('purges one, or all when it is told twice', async () => {
    const id = await bury('one');
    await bury('two');
    expect((await queue('purge', '--id', id)).stdout).to.equal('udp  purged 1\n');
    const refused = await queue('purge');
    expect([refused.stdout, refused.exitCode]).to.deep.equal(['', 2]);
    expect(refused.stderr).to.include('--yes');
    expect(await spool.listDead(10)).to.have.lengthOf(1);
    expect((await queue('purge', '--yes')).stdout).to.equal('udp  purged 1\n');
    expect(await spool.listDead(10)).to.deep.equal([]);
  });

  it('exits with 1 when no dead letter has the id', async () => {
    for (const args of [['retry'], ['purge']]) {
      const { stderr, exitCode } = await queue(...args, '--id', 'nothing');
      expect(exitCode).to.equal(1);
      expect(stderr).to.include('nothing');
    }
  });

  it('exits with 1 when the queue cannot be opened', async () => {
    writeFileSync(join(folder.path, 'file'), '');
    const text = '[kick.udp]\nnetworks = ["127.0.0.0/8"]\n[queue.spool]\npath = "file"\n';
    writeFileSync(config, text);
    const { stderr, exitCode } = await queue('list');
    expect(exitCode).to.equal(1);
    expect(stderr).to.match(/^.+\n$/);
  });

  const refused: readonly (readonly [string, readonly string[]])[] = [
    ['a provider that is not set up', ['list', '--provider', 'fcm']],
    ['a provider that is none', ['list', '--provider', 'carrier-pigeon']],
    ['an unknown verb', ['burn']],
    ['no dead letters at most', ['list', '--max', '0']],
    ['more dead letters than may be listed', ['list', '--max', '10001']],
  ];
  for (const [title, args] of refused) {
    it(`exits with 2 for ${title}`, async () => {
      const { stdout, stderr, exitCode } = await queue(...args);
      expect([stdout, exitCode]).to.deep.equal(['', 2]);
      expect(stderr).to.not.equal('');
    });
  }

  it('exits with 2 when no provider is set up, or the config is bad', async () => {
    for (const text of ['', 'nonsense = 1\n']) {
      writeFileSync(config, text);
      expect((await queue('list')).exitCode).to.equal(2);
    }
  });

  it('helps', async () => {
    const { stdout, exitCode } = await run(queueCommand, ['--help']);
    expect(exitCode).to.equal(0);
    for (const word of ['list', 'retry', 'purge', 'Examples', 'Exit codes']) {
      expect(stdout).to.include(word);
    }
  });
});

describe('the report of a queue', () => {
  const depth = { ready: 0, leased: 0, delayed: 0, dead: 0, oldestReadyMs: 0 };

  it('names no age when nothing waits', () => {
    expect(reportText({ provider: 'fcm', driver: 'sqs', depth, dead: [] }, 0)).to.equal(
      'fcm (sqs)  ready 0; leased 0; delayed 0; dead 0\n',
    );
  });

  const durations: readonly (readonly [number, string])[] = [
    [0, '0 s'],
    [-5, '0 s'],
    [999, '0 s'],
    [1000, '1 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [86_400_000, '1 d'],
    [10 * 86_400_000, '10 d'],
  ];
  for (const [ms, text] of durations) {
    it(`says ${text} for ${ms} ms`, () => expect(durationText(ms)).to.equal(text));
  }
});
