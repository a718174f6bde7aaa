import { expect } from 'chai';
import { mailCommand } from '../../src/commands/mail.ts';
import { openRecordedGate, type RecordedGate } from './recorded-gate.ts';
import { run } from './recorded-io.ts';

const ENDPOINT = 'https://push.example/update/ada';
const REGISTER = ['register', '--endpoint', ENDPOINT, '--host', 'imap.example', '--user', 'ada'];
const PASSWORD = { REVEILLE_MAIL_PASSWORD: 'canary' };

describe('the command mail', () => {
  let gate: RecordedGate;

  before(async () => {
    gate = await openRecordedGate();
  });
  after(async () => {
    await gate[Symbol.asyncDispose]();
  });
  beforeEach(() => gate.forget());

  const mail = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    run(mailCommand, ['--gate', gate.url, ...args], env);

  it('registers with the password of the environment, sealed, and prints the token on a line of its own', async () => {
    gate.answer = { status: 200, body: { token: 'the.token' } };
    const outcome = await mail(REGISTER, PASSWORD);
    expect(outcome).to.deep.equal({
      stdout: 'watching; the token of the watch:\nthe.token\n',
      stderr: '',
      exitCode: 0,
    });
    expect(gate.bodies.join()).not.to.include('canary');
    const server = { host: 'imap.example', port: 993, security: 'tls' };
    expect(JSON.parse(gate.bodies.at(-1) ?? '')).to.deep.include({ endpoint: ENDPOINT, server });
  });

  it('registers with all that can be chosen', async () => {
    gate.answer = { status: 200, body: { token: 't' } };
    const state = `${ENDPOINT}-state`;
    const options = ['--starttls', '--folder', 'INBOX', '--folder', 'Work', '--wait', '5'];
    await mail([...REGISTER, '--state-endpoint', state, ...options], PASSWORD);
    expect(JSON.parse(gate.bodies.at(-1) ?? '')).to.deep.include({
      stateEndpoint: state,
      server: { host: 'imap.example', port: 143, security: 'starttls' },
      folders: [{ name: 'INBOX' }, { name: 'Work' }],
      waitMs: 5000,
    });
  });

  it('asks nobody without a password', async () => {
    for (const env of [{}, { REVEILLE_MAIL_PASSWORD: '' }]) {
      const { stderr, exitCode } = await mail(REGISTER, env);
      expect(stderr).to.equal('the password is missing: set REVEILLE_MAIL_PASSWORD\n');
      expect(exitCode).to.equal(2);
    }
    expect(gate.bodies).to.deep.equal([]);
  });

  it('tells the state in words, with what belongs to it', async () => {
    const state = { kind: 'backoff', nextTryMs: 5 };
    const folders = [{ name: 'INBOX' }, { name: 'Work' }];
    gate.answer = { status: 200, body: { state, sinceMs: 0, lastVersion: 77, folders } };
    expect((await mail(['status', 't'])).stdout).to.equal(
      'backoff since 1970-01-01T00:00:00.000Z {"nextTryMs":5}\nfolders: INBOX, Work\nlast version: 77\n',
    );
  });

  it('defers for seconds', async () => {
    gate.answer = { status: 200, body: { untilMs: 60_000 } };
    const { stdout } = await mail(['defer', 't', '60']);
    expect(stdout).to.equal('deferred until 1970-01-01T00:01:00.000Z\n');
    expect(gate.bodies).to.deep.equal(['{"waitMs":60000}']);
  });

  it('stops', async () => {
    const { stdout } = await mail(['stop', 't']);
    expect(stdout).to.equal('stopped, and the credentials are erased\n');
  });

  const fields = [{ field: 'server.host', expected: 'a name\u001b[2J' }];
  for (const [status, body, stderr] of [
    [400, { fields }, /^refused:\n {2}server\.host: expected a name[^\n]*\n$/],
    [401, {}, /^this token is not, or no more, the one of the watch\n$/],
    [404, {}, /^there is no such watch here\n$/],
    [429, {}, /^429: not now; .*9/],
    [503, {}, /^503: not now; .*9/],
    [413, {}, /^413: refused\n$/],
  ] as const) {
    it(`says what ${status} means, and ends with 1`, async () => {
      gate.answer = { status, body };
      const outcome = await mail(['stop', 't']);
      expect(outcome).to.include({ stdout: '', exitCode: 1 });
      expect(outcome.stderr).to.match(stderr).and.not.include('\u001b');
    });
  }

  it('says that nobody answers, and ends with 1', async () => {
    const outcome = await run(mailCommand, ['--gate', 'http://127.0.0.1:1/', 'status', 't']);
    expect(outcome.stderr).to.match(/^no answer: /);
    expect(outcome.exitCode).to.equal(1);
  });

  for (const args of [
    ['register', '--endpoint', ENDPOINT],
    ['register', '--endpoint', 'nonsense', '--host', 'h', '--user', 'u'],
    [...REGISTER, '--port', 'imaps'],
    ['defer', 't', '-5'],
    ['status'],
  ]) {
    it(`refuses the command line: ${args.join(' ')}`, async () => {
      const { exitCode, stderr } = await mail(args, PASSWORD);
      expect(stderr).to.match(/^error: /);
      expect(exitCode).to.equal(2);
      expect(gate.bodies).to.deep.equal([]);
    });
  }
});
