import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { checkConfigCommand } from '../../src/commands/check-config.ts';
import { renderManual } from '../../src/config/manual.ts';
import { newTokenKey } from '../../src/config/token-keys.ts';
import { makeCertificate } from '../config/certificates.ts';
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
    const clock = { nowMs: () => Date.now() + 2 * 86_400_000 };
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
