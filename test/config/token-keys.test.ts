import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import {
  type LoadedTokenKeys,
  loadTokenKeys,
  newTokenKey,
  type ReadTokenKeys,
  readTokenKeys,
} from '../../src/config/token-keys.ts';

const PROCESS_COUNT = 4;
const PROCESS_PATH = fileURLToPath(new URL('./load-token-keys-process.js', import.meta.url));

describe('token keys', () => {
  let folder: string;
  let keyPath: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'reveille-keys-'));
    keyPath = join(folder, 'data', 'token.key');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const tokens = (keys: readonly string[] = []) => ({ keys, keyPath, cacheEntriesMax: 0 });
  const writeKeyFile = async (text: string, mode = 0o600) => {
    await mkdir(join(folder, 'data'), { recursive: true });
    await writeFile(keyPath, text);
    await chmod(keyPath, mode);
  };

  it('come from the config when it has some, in its order', async () => {
    const keys = [newTokenKey(), newTokenKey()];
    const loaded = await loadTokenKeys(tokens(keys));
    expect(loaded).to.include({ ok: true, source: 'config' });
    expect(textsOf(loaded)).to.deep.equal(keys);
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('come from the file, in its order; blank lines and foreign line ends are forgiven', async () => {
    const keys = [newTokenKey(), newTokenKey()];
    await writeKeyFile(`\n${keys.join('\r\n')}\r\n\n`);
    const loaded = await loadTokenKeys(tokens());
    expect(loaded).to.include({ ok: true, source: 'file' });
    expect(textsOf(loaded)).to.deep.equal(keys);
  });

  it('are made once, in a file for its owner alone, and found again', async () => {
    const made = await loadTokenKeys(tokens());
    expect(textsOf(made)).to.have.lengthOf(1);
    expect(textsOf(await loadTokenKeys(tokens()))).to.deep.equal(textsOf(made));
    expect((await stat(keyPath)).mode & 0o777).to.equal(0o600);
    expect(await readdir(join(folder, 'data'))).to.deep.equal(['token.key']);
  });

  it('are not made by reading alone', async () => {
    expect(await readTokenKeys(tokens())).to.deep.equal({ ok: true, source: 'none' });
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('are 32 bytes, and others each time', () => {
    const keys = Array.from({ length: 100 }, newTokenKey);
    expect(new Set(keys).size).to.equal(100);
    expect(keys.every((key) => Buffer.from(key, 'base64url').length === 32)).to.equal(true);
  });

  it('are the same for processes that start at once', async () => {
    const processes = Array.from({ length: PROCESS_COUNT }, () => fork(PROCESS_PATH, [keyPath]));
    await Promise.all(processes.map((child) => once(child, 'message')));
    const reports = processes.map(async (child) => {
      const [report] = await once(child, 'message');
      await once(child, 'exit');
      return String(report);
    });
    for (const child of processes) child.send('go');
    const got = await Promise.all(reports);
    expect(new Set(got).size).to.equal(1);
    expect(got[0]).to.equal((await readFile(keyPath, 'utf8')).trim());
    expect(await readdir(join(folder, 'data'))).to.deep.equal(['token.key']);
  });

  const key = newTokenKey();
  const refused = [
    { what: 'an empty file', text: '', expected: /1 to 16 lines/ },
    { what: 'garbage', text: `${key}!`, expected: /1 to 16 lines/ },
    { what: 'a good line beside a bad one', text: `${key}\nx`, expected: /1 to 16 lines/ },
    { what: 'more keys than allowed', text: `${key}\n`.repeat(17), expected: /1 to 16 lines/ },
    { what: 'a large file', text: '\n'.repeat(4097), expected: /at most 4096 bytes/ },
    { what: 'a file its group may read', text: key, mode: 0o640, expected: /chmod 600/ },
    { what: 'a file all may read', text: key, mode: 0o604, expected: /chmod 600/ },
  ];
  for (const { what, text, mode, expected } of refused) {
    it(`are refused from ${what}, which stays as it is`, async () => {
      await writeKeyFile(text, mode);
      const loaded = await loadTokenKeys(tokens());
      if (loaded.ok) return expect.fail('it was accepted');
      expect(loaded.problem).to.include({ key: 'tokens.key_path' });
      expect(loaded.problem.expected).to.match(expected).and.include(keyPath);
      expect(JSON.stringify(loaded.problem)).to.not.include(key);
      expect(await readFile(keyPath, 'utf8')).to.equal(text);
    });
  }

  it('are accepted up to the largest file and the most keys', async () => {
    await writeKeyFile(`${key}\n`.repeat(16).padEnd(4096, '\n'));
    expect(textsOf(await loadTokenKeys(tokens()))).to.have.lengthOf(16);
  });

  it('name the mode that was found', async () => {
    await writeKeyFile(key, 0o644);
    const loaded = await loadTokenKeys(tokens());
    expect(loaded.ok ? '' : loaded.problem.found).to.equal('mode 0644');
  });

  it('are refused from a folder', async () => {
    await mkdir(keyPath, { recursive: true });
    const loaded = await loadTokenKeys(tokens());
    expect(loaded.ok ? '' : loaded.problem.expected).to.equal(`a file at ${keyPath}`);
  });

  it('are refused from a link that leads nowhere', async () => {
    await mkdir(join(folder, 'data'));
    await symlink(join(folder, 'nowhere'), keyPath);
    const loaded = await loadTokenKeys(tokens());
    expect(loaded.ok ? '' : loaded.problem.found).to.equal('a link that leads nowhere');
  });

  it('are refused where no file can be made', async () => {
    await writeFile(join(folder, 'data'), 'in the way');
    const loaded = await loadTokenKeys(tokens());
    expect(loaded.ok ? '' : loaded.problem.found).to.equal('ENOTDIR');
  });
});

function textsOf(loaded: LoadedTokenKeys | ReadTokenKeys): readonly string[] {
  const keys = loaded.ok && loaded.source !== 'none' ? loaded.keys : [];
  return keys.map((key) => Buffer.from(key).toString('base64url'));
}
