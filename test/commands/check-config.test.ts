import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { systemClock } from '../../src/clock.ts';
import { checkConfigCommand } from '../../src/commands/check-config.ts';
import { renderManual } from '../../src/config/manual.ts';
import { newTokenKey } from '../../src/config/token-keys.ts';
import { makeCertificate } from '../config/certificates.ts';
import { type FakeFcm, startFakeFcm } from '../support/fake-fcm.ts';
import { type KickCertificates, makeKickCertificates } from '../support/kick-certificates.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';
import { run } from './recorded-io.ts';

describe('check-config', () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reveille-check-'));
    path = join(folder, 'config.toml');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const check = async (text: string, env = {}) => {
    await writeFile(path, text);
    return run(checkConfigCommand, ['--config', path], env);
  };

  it('prints what a valid config comes to, and makes nothing', async () => {
    const { stdout, stderr, exitCode } = await check('[socket]\nport = 0');
    expect(stdout).to.equal(
      [
        'config is valid',
        `  file      ${path}`,
        '  socket    127.0.0.1 port any free one, no TLS, transport auto',
        '  endpoint  127.0.0.1 port 8081, no TLS, transport node',
        '  admin     127.0.0.1 port 8082',
        `  tokens    ${folder}/data/token.key, made on the first start`,
        `  storage   embedded, in ${folder}/data/store`,
        '  kick      no provider: no device is woken',
        '',
      ].join('\n'),
    );
    expect({ stderr, exitCode }).to.deep.equal({ stderr: '', exitCode: 0 });
    expect(await readdir(folder)).to.deep.equal(['config.toml']);
  });

  const storages = [
    { driver: 'memory', text: 'memory, forgotten at exit' },
    { driver: 'memcached', text: 'memcached, on 127.0.0.1:11211' },
    { driver: 'none', text: 'none: only connected devices get updates' },
  ];
  for (const { driver, text } of storages) {
    it(`prints what storage.driver = "${driver}" comes to`, async () => {
      const { stdout } = await check(`storage.driver = "${driver}"`);
      expect(stdout).to.include(`storage   ${text}\n`);
    });
  }

  it('prints how many keys there are, never a key', async () => {
    const keys = [newTokenKey(), newTokenKey()];
    const { stdout } = await check(`tokens.keys = ${JSON.stringify(keys)}`);
    expect(stdout).to.include('tokens    2 keys from the config\n');
    expect(stdout).to.not.include(keys[0]);
  });

  it('prints each problem in a line of stderr and exits with 2', async () => {
    const { stdout, stderr, exitCode } = await check('[socket]\nprot = 1', {
      REVEILLE__ADMIN__PORT: 'x',
    });
    expect(stderr).to.equal(
      'socket.prot: expected a known key (did you mean socket.port?)\n' +
        'REVEILLE__ADMIN__PORT: expected an integer from 0 to 65_535, found "x"\n',
    );
    expect({ stdout, exitCode }).to.deep.equal({ stdout: '', exitCode: 2 });
  });

  it('refuses a file that is not there', async () => {
    const { stderr, exitCode } = await run(checkConfigCommand, ['--config', path]);
    expect(stderr).to.equal(`${path}: expected a file that can be read, found ENOENT\n`);
    expect(exitCode).to.equal(2);
  });

  it('checks the key file and the TLS files together', async () => {
    await writeFile(join(folder, 'token.key'), 'garbage', { mode: 0o600 });
    const { stderr, exitCode } = await check(`
      tokens.key_path = "token.key"
      socket.tls_certificate_path = "none.crt"
      socket.tls_key_path = "none.key"`);
    expect(stderr.split('\n').map((line) => line.split(':')[0])).to.deep.equal([
      'tokens.key_path',
      'socket.tls_certificate_path',
      'socket.tls_key_path',
      '',
    ]);
    expect(exitCode).to.equal(2);
  });

  it('warns of an expired certificate and calls the config valid', async () => {
    const { certificatePath, keyPath } = await makeCertificate(folder, 'tls');
    const clock = { ...systemClock, nowMs: () => Date.now() + 2 * 86_400_000 };
    await writeFile(
      path,
      `endpoint.tls_certificate_path = "${certificatePath}"\nendpoint.tls_key_path = "${keyPath}"`,
    );
    const commandOf = (io: Parameters<typeof checkConfigCommand>[0]) =>
      checkConfigCommand(io, clock);
    const { stdout, stderr, exitCode } = await run(commandOf, ['--config', path]);
    expect(stderr).to.match(/^warning: the certificate in .+ expired on .+\n$/);
    expect(stdout).to.include('endpoint  127.0.0.1 port 8081, TLS 1.2 and up, transport node\n');
    expect(exitCode).to.equal(0);
  });

  it('prints which providers wake devices', async () => {
    const { stdout } = await check('kick.udp.networks = ["10.0.0.0/8"]');
    expect(stdout).to.include('kick      udp\n');
  });

  it('checks the files of providers', async () => {
    const { stderr, exitCode } = await check(`
      [kick.fcm]
      service_account_path = "none.json"
      ca_path = "none.pem"
      [kick.apns.apps.chat]
      topic = "com.example.chat"
      team_id = "A1B2C3D4E5"
      key_id = "F6G7H8I9J0"
      key_path = "none.p8"`);
    expect(stderr.split('\n').map((line) => line.split(':')[0])).to.deep.equal([
      'kick.apns.apps.chat.key_path',
      'kick.fcm.ca_path',
      'kick.fcm.service_account_path',
      '',
    ]);
    expect(exitCode).to.equal(2);
  });

  const notKeys = [
    { title: 'an empty file', text: '' },
    { title: 'a text', text: 'secret' },
    { title: 'a key of another kind', text: makeRsaKey() },
  ];
  for (const { title, text } of notKeys) {
    it(`refuses ${title} for the key of an app, without showing it`, async () => {
      await writeFile(join(folder, 'key.p8'), text);
      const { stderr, exitCode } = await check(`
        [kick.apns.apps.chat]
        topic = "com.example.chat"
        team_id = "A1B2C3D4E5"
        key_id = "F6G7H8I9J0"
        key_path = "key.p8"`);
      expect(stderr).to.match(/^kick\.apns\.apps\.chat\.key_path: expected the \.p8 file /);
      expect(stderr).to.not.match(/secret|PRIVATE/);
      expect(exitCode).to.equal(2);
    });
  }

  it('refuses a service account that is none, without showing it', async () => {
    await writeFile(join(folder, 'account.json'), '{"type":"service_account","private_key":"abc"}');
    const { stderr, exitCode } = await check('kick.fcm.service_account_path = "account.json"');
    expect(stderr).to.match(/^kick\.fcm\.service_account_path: expected .*console\.firebase/);
    expect(stderr).to.not.include('abc');
    expect(exitCode).to.equal(2);
  });

  it('refuses an authority that is no certificate', async () => {
    await writeFile(join(folder, 'ca.pem'), 'hello');
    const { stderr, exitCode } = await check(
      'kick.fcm.service_account_path = "none.json"\nkick.fcm.ca_path = "ca.pem"',
    );
    expect(stderr).to.include('kick.fcm.ca_path: expected certificates in PEM form at ');
    expect(exitCode).to.equal(2);
  });

  it('prints the manual on --print-defaults, whatever the config is', async () => {
    const { stdout, exitCode } = await run(checkConfigCommand, ['--print-defaults'], {
      REVEILLE__X: '1',
    });
    expect(stdout).to.equal(renderManual());
    expect(exitCode).to.equal(0);
  });

  for (const args of [['--confg', 'x'], ['--config'], ['config.toml']]) {
    it(`refuses the command line ${args.join(' ')}`, async () => {
      const { stderr, exitCode } = await run(checkConfigCommand, args);
      expect(stderr).to.match(/^error: /);
      expect(exitCode).to.equal(2);
    });
  }
});

describe('check-config --online', function () {
  // Keys are made, and TLS is spoken.
  this.timeout(30_000);
  let folder: TemporaryFolder;
  let certificates: KickCertificates;
  let fcm: FakeFcm;

  before(async () => {
    certificates = await makeKickCertificates();
    fcm = await startFakeFcm({ certificates });
  });
  after(() => fcm.close());
  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    await writeFile(join(folder.path, 'ca.pem'), certificates.ca);
  });
  afterEach(() => folder[Symbol.asyncDispose]());

  const checkOnline = async (text: string) => {
    const path = join(folder.path, 'config.toml');
    await writeFile(path, text);
    return run(checkConfigCommand, ['--config', path, '--online']);
  };

  const checkFcm = async (serviceAccountJson: string) => {
    await writeFile(join(folder.path, 'account.json'), serviceAccountJson);
    return checkOnline(`
      [kick.fcm]
      service_account_path = "account.json"
      send_url = "${fcm.sendUrl}"
      ca_path = "ca.pem"`);
  };

  it('says of each provider that it takes our credentials, and wakes nobody', async () => {
    const { stdout, stderr, exitCode } = await checkFcm(fcm.serviceAccountJson);
    expect(stdout).to.match(/^config is valid\n(?:.*\n)*fcm {2}takes our credentials\n$/);
    expect({ stderr, exitCode }).to.deep.equal({ stderr: '', exitCode: 0 });
    expect(fcm.wakes).to.deep.equal([]);
  });

  it('says what a provider does not take, by which key, and exits with 1', async () => {
    const account = JSON.parse(fcm.serviceAccountJson) as object;
    const stranger = JSON.stringify({ ...account, private_key: makeRsaKey() });
    const { stdout, stderr, exitCode } = await checkFcm(stranger);
    expect(stdout).to.match(/\nfcm {2}is not set up right\n$/);
    expect(stderr).to.match(/^[^\n]*kick\.fcm\.service_account_path[^\n]*\n$/);
    expect(exitCode).to.equal(1);
  });

  it('needs nobody for UDP', async () => {
    const { stdout, exitCode } = await checkOnline('kick.udp.networks = ["10.0.0.0/8"]');
    expect(stdout).to.match(/\nudp {2}needs no credentials\n$/);
    expect(exitCode).to.equal(0);
  });

  it('says that there is nobody to ask', async () => {
    const { stdout, exitCode } = await checkOnline('');
    expect(stdout).to.match(/\nno provider to ask: no device is woken\n$/);
    expect(exitCode).to.equal(0);
  });

  it('asks nobody when the config is wrong', async () => {
    const { stdout, exitCode } = await checkOnline('kick.udp.networks = ["10.0.0"]');
    expect({ stdout, exitCode }).to.deep.equal({ stdout: '', exitCode: 2 });
  });
});

function makeRsaKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
