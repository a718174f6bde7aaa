import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { loadConfig } from '../../src/config/config.ts';
import { newTokenKey } from '../../src/config/token-keys.ts';
import { configOf, problemsOf } from './load.ts';

describe('config', () => {
  it('is all defaults for an empty file', () => {
    const { socket, endpoint, storage } = configOf('');
    expect(socket).to.include({ host: '127.0.0.1', port: 8080, transport: 'auto' });
    expect(endpoint.bodyBytesMax).to.equal(16_384);
    expect(storage.memcached.servers).to.deep.equal(['127.0.0.1:11211']);
  });

  it('takes what the file says and the default for the rest', () => {
    const { socket } = configOf('[socket]\nport = 9000\norigins = ["https://app.example"]');
    expect(socket).to.deep.include({ port: 9000, origins: ['https://app.example'], path: '/' });
  });

  it('is frozen at every depth', () => {
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen));
    expect(frozen(configOf('[socket]\norigins = ["https://app.example"]'))).to.equal(true);
  });

  it('says everything that is wrong at once', () => {
    const text = `
      [socket]
      port = "8080"
      hello_timout_ms = 1
      tls_key_path = "key.pem"
      [shutdown]
      spread_ms = 20_000`;
    const keys = problemsOf(text, { REVEILLE__LOG__LEVEL: 'loud', REVEILLE__NOTHING: '1' }).map(
      ({ key }) => key,
    );
    expect(keys).to.have.members([
      'socket.port',
      'socket.hello_timout_ms',
      'socket.tls_certificate_path',
      'shutdown.deadline_ms',
      'REVEILLE__LOG__LEVEL',
      'REVEILLE__NOTHING',
    ]);
  });

  it('says nothing of combinations with a key that is wrong by itself', () => {
    const text = '[socket]\nmessage_bytes_max = 16_777_217';
    expect(problemsOf(text).map(({ key }) => key)).to.deep.equal(['socket.message_bytes_max']);
  });

  const wrong = [
    { text: 'socket = 3', key: 'socket', expected: 'a table' },
    { text: '[[socket]]', key: 'socket', expected: 'a table' },
    {
      text: 'log.level = "loud"',
      key: 'log.level',
      expected: '"trace", "debug", "info", "warn" or "error"',
      found: '"loud"',
    },
    { text: 'endpoint.cors = 1', key: 'endpoint.cors', expected: 'true or false', found: '1' },
    {
      text: 'admin.port = 2020-02-02',
      key: 'admin.port',
      expected: 'an integer from 0 to 65_535',
      found: 'a date',
    },
    {
      text: 'admin.port = nan',
      key: 'admin.port',
      expected: 'an integer from 0 to 65_535',
      found: 'NaN',
    },
    {
      text: 'admin.port = 99999999999999999999',
      key: 'admin.port',
      expected: 'an integer from 0 to 65_535',
      found: '99_999_999_999_999_999_999',
    },
    {
      text: 'socket.origins = ["https://a.example", "https://b.example/"]',
      key: 'socket.origins[1]',
      expected: 'an origin such as "https://app.example", without path',
      found: '"https://b.example/"',
    },
    {
      text: 'storage.memcached.servers = ["a:1", "a:1"]',
      key: 'storage.memcached.servers',
      expected:
        'a list of at most 256 different texts, each host:port, an IPv6 address in brackets',
      found: 'a list',
    },
    {
      text: 'socket.public_url = "wss://user:pass@push.example"',
      key: 'socket.public_url',
      expected: 'a ws:// or wss:// URL without user, query and fragment, or ""',
      found: '"wss://…@push.example"',
    },
  ];
  for (const { text, ...problem } of wrong) {
    it(`refuses ${text}`, () => {
      expect(problemsOf(text)).to.deep.equal([problem]);
    });
  }

  it('shows no more than the beginning of a long value', () => {
    const [problem] = problemsOf(`log.level = "${'x'.repeat(10_000)}"`);
    expect(problem?.found).to.have.lengthOf.below(110);
  });
});

describe('config with secrets', () => {
  const key = newTokenKey();
  const texts = [
    `tokens.keys = ["${key}="]`,
    `tokens.keys = "${key}"`,
    `tokens.keys = ["${key}", "${key}"]`,
    `tokens = "${key}"`,
    `tokens.keys = ["${key}]`,
    `tokens.kees = ["${key}"]`,
  ];
  for (const text of texts) {
    it(`refuses ${text.replaceAll(key, 'KEY')} without showing it`, () => {
      const problems = JSON.stringify(problemsOf(text));
      expect(problems).to.not.equal('[]');
      expect(problems).to.not.include(key);
    });
  }

  it('does not show what a variable holds', () => {
    const problems = problemsOf('', { REVEILLE__TOKENS__KEYS: `${key}.` });
    expect(problems).to.have.lengthOf(1);
    expect(JSON.stringify(problems)).to.not.include(key);
  });
});

describe('unknown keys', () => {
  const nearest = [
    { text: 'socket.prot = 1', meant: 'socket.port' },
    { text: 'socket.helloTimeoutMs = 1', meant: 'socket.hello_timeout_ms' },
    { text: 'socket.hello_timeout = 1', meant: 'socket.hello_timeout_ms' },
    { text: 'storage.memcachd.servers = []', meant: 'storage.memcached' },
    { text: '[sokcet]', meant: 'socket' },
    { text: 'socket.data_bytes_max = 1', meant: 'endpoint.data_bytes_max' },
    { text: 'storage.memory.map_bytes_max = 1', meant: 'storage.embedded.map_bytes_max' },
  ];
  for (const { text, meant } of nearest) {
    it(`are answered with what was meant: ${text}`, () => {
      const [problem] = problemsOf(text);
      expect(problem?.expected).to.equal(`a known key (did you mean ${meant}?)`);
    });
  }

  for (const text of ['port = 1', 'socket.colour = 1', '"".x = 1', '__proto__.x = 1']) {
    it(`are refused without a guess when none is near: ${text}`, () => {
      expect(problemsOf(text).map(({ expected }) => expected)).to.deep.equal(['a known key']);
    });
  }
});

describe('config file', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reveille-config-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is read from its path', async () => {
    const path = join(folder, 'other.toml');
    await writeFile(path, 'admin.port = 9');
    const loaded = loadConfig({ path, env: {} });
    expect(loaded).to.deep.include({ ok: true, path });
    expect(loaded.ok && loaded.config.admin.port).to.equal(9);
  });

  it('must exist when it is named', () => {
    const path = join(folder, 'none.toml');
    expect(loadConfig({ path, env: {} })).to.deep.equal({
      ok: false,
      problems: [{ key: path, expected: 'a file that can be read', found: 'ENOENT' }],
    });
  });

  it('must be a file', () => {
    const loaded = loadConfig({ path: folder, env: {} });
    expect(loaded.ok ? [] : loaded.problems[0]?.found).to.equal('EISDIR');
  });

  it('must be TOML; the problem names the place, and the environment is checked all the same', async () => {
    const path = join(folder, 'broken.toml');
    await writeFile(path, '[socket]\nport = = 1');
    const loaded = loadConfig({ path, env: { REVEILLE__SOCKET__PORT: 'x' } });
    expect(loaded.ok ? [] : loaded.problems.map(({ key }) => key)).to.deep.equal([
      `${path}:2:8`,
      'REVEILLE__SOCKET__PORT',
    ]);
  });

  it('is what relative paths are relative to, those of the environment too', () => {
    const loaded = loadConfig({
      path: join(folder, 'config.toml'),
      text: 'tokens.key_path = "secrets/key"\nsocket.tls_key_path = "/k"\nsocket.tls_certificate_path = "c"',
      env: { REVEILLE__STORAGE__EMBEDDED__PATH: '../store' },
    });
    if (!loaded.ok) return expect.fail(JSON.stringify(loaded.problems));
    const { tokens, socket, storage } = loaded.config;
    expect(tokens.keyPath).to.equal(join(folder, 'secrets/key'));
    expect(socket.tlsKeyPath).to.equal('/k');
    expect(socket.tlsCertificatePath).to.equal(join(folder, 'c'));
    expect(storage.embedded.path).to.equal(join(folder, '../store'));
  });

  describe('when none is named', () => {
    const workingDirectory = process.cwd();
    beforeEach(() => process.chdir(folder));
    afterEach(() => process.chdir(workingDirectory));

    it('is config.toml in the working directory', async () => {
      await writeFile('config.toml', 'admin.port = 9');
      const loaded = loadConfig({ env: {} });
      expect(loaded.ok && loaded.config.admin.port).to.equal(9);
    });

    it('may be missing', () => {
      const loaded = loadConfig({ env: {} });
      expect(loaded).to.include({ ok: true, path: undefined });
      expect(loaded.ok && loaded.config.tokens.keyPath).to.equal(join(folder, 'data/token.key'));
    });
  });

  it('leaves paths relative to the working directory when there is none', () => {
    const { tokens, endpoint } = configOf('');
    expect(tokens.keyPath).to.equal(resolve('data/token.key'));
    expect(endpoint.tlsKeyPath).to.equal('');
  });
});
