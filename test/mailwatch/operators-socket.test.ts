import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { watchesCommand } from '../../src/commands/watches.ts';
import { quietLog } from '../../src/log.ts';
import { AccountsUnavailableError } from '../../src/mailwatch/accounts.ts';
import { askBackend } from '../../src/mailwatch/operators/client.ts';
import {
  listenForOperators,
  type OperatorsListener,
} from '../../src/mailwatch/operators/listener.ts';
import {
  type AnswerOperator,
  createOperatorsRoutes,
} from '../../src/mailwatch/operators/routes.ts';
import { VaultKeyError } from '../../src/mailwatch/vault.ts';
import { run } from '../commands/recorded-io.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { OperatorsRig } from './operators-rig.ts';

describe("the operators' socket", () => {
  let rig: OperatorsRig;
  let folder: TemporaryFolder;
  let path: string;
  let config: string;
  let answer: AnswerOperator;
  let listener: OperatorsListener;

  beforeEach(async () => {
    rig = new OperatorsRig();
    folder = await makeTemporaryFolder();
    path = join(folder.path, 'mail', 'operators.sock');
    config = join(folder.path, 'config.toml');
    await writeFile(config, '[mailwatch]\noperators_path = "mail/operators.sock"\n');
    answer = createOperatorsRoutes(rig.operators);
    listener = await listenForOperators(path, {
      answer: (method, url) => answer(method, url),
      log: quietLog,
    });
  });
  afterEach(async () => {
    await listener.close();
    await folder[Symbol.asyncDispose]();
  });

  const ask = (method: 'GET' | 'POST', asked: string) => askBackend(path, { method, path: asked });
  const watches = (...args: readonly string[]) =>
    run(watchesCommand, [...args, '--config', config]);

  it('is its owner’s alone', async () => {
    expect((await stat(path)).mode & 0o777).to.equal(0o600);
    expect((await stat(join(folder.path, 'mail'))).mode & 0o777).to.equal(0o700);
  });

  it('is not taken from a backend that lives, and is from one that is dead', async () => {
    const again = () => listenForOperators(path, { answer, log: quietLog });
    const refusal = await again().catch((error: Error) => error.message);
    expect(refusal).to.match(/another backend listens/);
    await listener.close();
    // Its file is still there.
    expect((await stat(path)).isSocket()).to.equal(true);
    listener = await again();
    expect((await ask('GET', '/v1/status')).kind).to.equal('answered');
  });

  const refused: readonly [string, 'GET' | 'POST', string, number][] = [
    ['another path', 'GET', '/v1/nothing', 404],
    ['no path at all', 'GET', '//', 404],
    ['a read where something is done', 'GET', '/v1/pause', 405],
    ['a write where something is read', 'POST', '/v1/accounts', 405],
    ['a word that nobody knows', 'GET', '/v1/accounts?who=ada', 400],
    ['a word where none belongs', 'POST', '/v1/pause?host=a', 400],
    ['a state that there is not', 'GET', '/v1/accounts?state=dead', 400],
    ['no account', 'POST', '/v1/rearm?account=ada', 400],
    ['a page of none', 'GET', '/v1/accounts?limit=0', 400],
    ['a page beyond the bound', 'GET', '/v1/accounts?limit=1001', 400],
    ['everybody by mistake', 'POST', '/v1/alert', 400],
    ['some and all', 'POST', '/v1/rearm?all=true&host=imap.one', 400],
  ];
  for (const [what, method, asked, status] of refused) {
    it(`answers ${what} with ${status}, and does nothing`, async () => {
      expect(await ask(method, asked)).to.deep.include({ kind: 'answered', status });
      await rig.settled();
      expect([rig.done, rig.puts, rig.watches.flatMap(({ calls }) => calls)]).to.deep.equal([
        [],
        [],
        [],
      ]);
    });
  }

  it('answers 503 while the disk fails, 409 for keys that do not fit, and 500 without a stack', async () => {
    rig.failure = new AccountsUnavailableError('the disk is full');
    expect(await ask('POST', '/v1/pause')).to.deep.include({ status: 503 });
    rig.failure = new VaultKeyError('the key 1a2b3c4d is missing');
    expect(await ask('POST', '/v1/rotate')).to.deep.include({
      ...{ status: 409, body: { error: 'the key 1a2b3c4d is missing' } },
    });
    answer = () => Promise.reject(new Error('a mistake'));
    expect(await ask('GET', '/v1/status')).to.deep.include({
      ...{ status: 500, body: { error: 'the mail watch has failed' } },
    });
  });

  it('is asked by the command line, in words or as JSON', async () => {
    rig.bob.state = {
      kind: 'auth-failed',
      failure: { kind: 'auth', detail: 'said \u001b[31mno' },
      nextTryMs: Date.now() + 90_000,
    };
    const listed = await watches('list');
    expect(listed).to.deep.include({ exitCode: 0, stderr: '' });
    expect(listed.stdout).to.include('watching 3; connections 3, waiting 0');
    expect(listed.stdout).to.match(
      new RegExp(`${rig.bob.account.id} {2}imap imap.two:993 {2}auth-failed for .* {2}auth: said `),
    );
    expect(listed.stdout).to.include('\\u001b[31mno').and.not.include('\u001b');
    const found = await watches('list', '--host', 'IMAP.one', '--json');
    const { accounts } = JSON.parse(found.stdout);
    expect(accounts.map(({ host }: { host: string }) => host)).to.deep.equal(['imap.one']);
    expect((await watches('list', '--max', '1')).stdout).to.match(/and more: --after [0-9a-f]{32}/);
  });

  it('does by the command line what it is told', async () => {
    expect((await watches('pause')).stdout).to.match(/^PAUSED/);
    expect((await watches('resume')).stdout).to.match(/^watching 3/);
    expect((await watches('rearm', '--host', 'imap.two')).stdout).to.equal('2 watches chosen\n');
    expect((await watches('alert', '--all')).stdout).to.equal('3 watches chosen\n');
    expect((await watches('rotate')).stdout).to.match(/^2 accounts were sealed anew/);
    await rig.settled();
    expect(rig.done).to.include.members(['kept true', 'kept false', 'rotate']);
    expect(rig.bob.calls).to.include('rearm');
    expect(rig.puts).to.have.length(3);
  });

  it('is missed in words by the command line, with the exit code for it', async () => {
    const forgotten = await watches('rearm');
    expect([forgotten.exitCode, forgotten.stderr]).to.deep.equal([
      2,
      'say which watches: --host, --account or --all\n',
    ]);
    const bad = await watches('rearm', '--account', 'ada');
    expect(bad.exitCode).to.equal(1);
    expect(bad.stderr).to.match(/refused it with 400.*32 hex digits/);
    await listener.close();
    const gone = await watches('list');
    expect(gone.exitCode).to.equal(1);
    expect(gone.stderr).to.match(
      /^no mail watch listens on .*operators\.sock \(ECONNREFUSED\): does it run/,
    );
  });
});
