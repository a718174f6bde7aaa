import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { mailCommand } from '../../src/commands/mail.ts';
import { WBXML_BYTES_MAX } from '../../src/mailwatch/rpc/exchange-schema.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { openRecordedGate, type RecordedGate } from './recorded-gate.ts';
import { run } from './recorded-io.ts';

const ENDPOINT = 'https://push.example/update/ada';
const REGISTER = ['register', '--endpoint', ENDPOINT, '--host', 'eas.example', '--user', 'ada'];
const PASSWORD = { REVEILLE_MAIL_PASSWORD: 'canary' };
const PING_PATH = '/Microsoft-Server-ActiveSync?Cmd=Ping&User=ada&DeviceId=1&DeviceType=phone';
const SYNC_PATH = PING_PATH.replace('Ping', 'Sync');

describe('the command mail register with ActiveSync', () => {
  let gate: RecordedGate;
  let folder: TemporaryFolder;
  /** The path of a file with this content. */
  let fileOf: (name: string, content: Uint8Array) => Promise<string>;
  let ping: readonly string[];
  let request: string;
  let reply: string;

  before(async () => {
    gate = await openRecordedGate();
    folder = await makeTemporaryFolder();
    fileOf = async (name, content) => {
      const path = join(folder.path, name);
      await writeFile(path, content);
      return path;
    };
    request = await fileOf('ping.wbxml', Uint8Array.of(3, 1, 0x6a, 0, 255));
    reply = await fileOf('nothing-new.wbxml', Uint8Array.of(3, 1));
    ping = [
      ...['--activesync', '--path', PING_PATH, '--request', request],
      ...['--unchanged-reply', reply, '--response-timeout', '600'],
    ];
  });
  after(async () => {
    await gate[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });
  beforeEach(() => gate.forget());

  const mail = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    run(mailCommand, ['--gate', gate.url, ...args], env);
  const registered = () => JSON.parse(gate.bodies.at(-1) ?? '');

  it('registers the Ping in the files, at port 443', async () => {
    gate.answer = { status: 200, body: { token: 'the.token' } };
    const outcome = await mail([...REGISTER, ...ping], PASSWORD);
    expect(outcome).to.include({ stderr: '', exitCode: 0 });
    expect(registered()).to.deep.include({
      protocol: 'activesync',
      server: { host: 'eas.example', port: 443, security: 'tls' },
      exchange: {
        path: PING_PATH,
        requestData: 'AwFqAP8=',
        noChangeReply: 'AwE=',
        isSync: false,
        responseTimeoutMs: 600_000,
        protocolVersion: '14.1',
      },
    });
    expect(registered()).not.to.have.property('folders');
    expect(gate.bodies.join()).not.to.include('canary');
  });

  it('registers a Sync with all that can be chosen', async () => {
    gate.answer = { status: 200, body: { token: 't' } };
    const sync = ['--activesync', '--sync', '--path', SYNC_PATH, '--request', request];
    const chosen = ['--response-timeout', '3600', '--protocol-version', '16.1', '--port', '444'];
    const told = ['--policy-key', '17', '--user-agent', 'phone 1.0', '--wait', '5'];
    await mail([...REGISTER, ...sync, ...chosen, ...told], PASSWORD);
    expect(registered()).to.deep.include({
      server: { host: 'eas.example', port: 444, security: 'tls' },
      waitMs: 5000,
      exchange: {
        path: SYNC_PATH,
        requestData: 'AwFqAP8=',
        isSync: true,
        responseTimeoutMs: 3_600_000,
        protocolVersion: '16.1',
        policyKey: '17',
        userAgent: 'phone 1.0',
      },
    });
  });

  it('takes a request up to its bound, also an empty one, and none beyond', async () => {
    gate.answer = { status: 200, body: { token: 't' } };
    for (const bytes of [0, WBXML_BYTES_MAX]) {
      const path = await fileOf('bound.wbxml', new Uint8Array(bytes));
      expect(await mail([...REGISTER, ...ping, '--request', path], PASSWORD)).to.include({
        exitCode: 0,
      });
    }
    gate.forget();
    const path = await fileOf('large.wbxml', new Uint8Array(WBXML_BYTES_MAX + 1));
    for (const large of [path, '/dev/zero']) {
      expect(await mail([...REGISTER, ...ping, '--request', large], PASSWORD)).to.deep.equal({
        stdout: '',
        stderr: `--request: ${large} has more than 10240 bytes\n`,
        exitCode: 2,
      });
    }
    expect(gate.bodies).to.deep.equal([]);
  });

  /** Nothing is asked of the gate, and each line of stderr matches its pattern. */
  const expectRefused = async (args: readonly string[], lines: readonly RegExp[]) => {
    const { stdout, stderr, exitCode } = await mail([...REGISTER, ...args], PASSWORD);
    const said = stderr.trimEnd().split('\n');
    expect(said, stderr).to.have.lengthOf(lines.length);
    for (const [index, line] of lines.entries()) expect(said[index]).to.match(line);
    expect({ stdout, exitCode }).to.deep.equal({ stdout: '', exitCode: 2 });
    expect(gate.bodies).to.deep.equal([]);
  };

  it('refuses files that cannot be read, each with its reason and no stack', () =>
    expectRefused(
      [...ping, '--request', '/nowhere/a', '--unchanged-reply', folder.path],
      [
        /^--request: cannot read \/nowhere\/a: ENOENT/,
        /^--unchanged-reply: cannot read .*: EISDIR/,
      ],
    ));

  it('refuses an empty reply', async () => {
    const empty = await fileOf('empty.wbxml', new Uint8Array());
    await expectRefused(
      [...ping, '--unchanged-reply', empty],
      [/^--unchanged-reply: .* is empty, which is what --sync is for$/],
    );
  });

  it('says what is missing', () =>
    expectRefused(
      ['--activesync'],
      [
        /^--activesync needs --path: /,
        /^--activesync needs --request: /,
        /^--activesync needs --unchanged-reply, .* or --sync$/,
        /^--activesync needs --response-timeout: /,
      ],
    ));

  it('says what belongs to IMAP', () =>
    expectRefused(
      [...ping, '--starttls', '--folder', 'INBOX'],
      [/^--starttls is for IMAP; .*: leave it out$/, /^--folder is for IMAP; .*: leave it out$/],
    ));

  it('says what belongs to ActiveSync when it is not asked for', () =>
    expectRefused(
      [
        ...ping.filter((word) => word !== '--activesync'),
        ...['--sync', '--protocol-version', '2.5', '--policy-key', '1', '--user-agent', 'a'],
      ],
      [
        ...['path', 'request', 'unchanged-reply', 'sync', 'response-timeout'],
        ...['protocol-version', 'policy-key', 'user-agent'],
      ].map((name) => new RegExp(`^--${name} is for ActiveSync: add --activesync, or leave it`)),
    ));

  for (const [path, isSync, line] of [
    [SYNC_PATH, false, /^--path: expected .*Cmd=Ping once; Cmd=Sync goes with --sync$/],
    [PING_PATH, true, /^--path: expected .*Cmd=Sync once$/],
    [`${PING_PATH}&Cmd=SendMail`, false, /^--path: expected /],
  ] as const) {
    it(`refuses ${path} ${isSync ? 'with' : 'without'} --sync`, () =>
      expectRefused([...ping, '--path', path, ...(isSync ? ['--sync'] : [])], [line]));
  }

  it('tells of a missing password together with the rest', async () => {
    const { stderr } = await mail([...REGISTER, ...ping, '--starttls']);
    expect(stderr).to.match(/^--starttls [^\n]*\nthe password is missing: [^\n]*\n$/);
  });

  for (const args of [
    ['--response-timeout', '59'],
    ['--response-timeout', '3601'],
    ['--response-timeout', '1e3'],
    ['--protocol-version', '14'],
  ]) {
    it(`refuses ${args.join(' ')}`, async () => {
      const { stderr, exitCode } = await mail([...REGISTER, ...ping, ...args], PASSWORD);
      expect(stderr).to.match(/^error: .*It must be /);
      expect(exitCode).to.equal(2);
      expect(gate.bodies).to.deep.equal([]);
    });
  }

  it('shows in its help how each kind of mailbox is registered', async () => {
    const { stdout, exitCode } = await mail(['register', '--help']);
    expect(stdout).to.include('--folder Work').and.to.include('--activesync --sync --path');
    expect(exitCode).to.equal(0);
  });
});
