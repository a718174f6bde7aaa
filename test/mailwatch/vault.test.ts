import { link, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { accountIdOf } from '../../src/mailwatch/tokens.ts';
import { type MasterKeys, toMasterKeys } from '../../src/mailwatch/vault/master-keys.ts';
import { openVault, VaultKeyError, VaultUnavailableError } from '../../src/mailwatch/vault.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const ADA = accountIdOf('https://push.example/update/ada');
const BOB = accountIdOf('https://push.example/update/bob');
const SECRET = '{"password":"canary-of-the-vault"}';

describe('the vault', () => {
  let folder: TemporaryFolder;
  let path: string;
  const keys = keysOf(1);

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
    path = join(folder.path, 'vault');
  });
  afterEach(async () => {
    await folder[Symbol.asyncDispose]();
  });

  it('keeps a secret, also for the next one who opens it', async () => {
    const vault = await openVault(path, keys);
    await vault.put(ADA, SECRET);
    expect(await vault.get(ADA)).to.deep.equal(opened(SECRET));
    expect(await (await openVault(path, keys)).get(ADA)).to.deep.equal(opened(SECRET));
    expect(await vault.get(BOB)).to.deep.equal({ kind: 'absent' });
  });

  it('keeps the newest', async () => {
    const vault = await openVault(path, keys);
    await vault.put(ADA, 'old');
    await vault.put(ADA, 'new');
    expect(await vault.get(ADA)).to.deep.equal(opened('new'));
    expect(await readdir(path)).to.have.length(1);
  });

  it('writes nothing in clear, and for its owner alone', async () => {
    const vault = await openVault(path, keys);
    await vault.put(ADA, SECRET);
    for (const name of await readdir(path)) {
      const file = join(path, name);
      expect(await readFile(file, 'utf8')).not.to.include('canary');
      expect((await stat(file)).mode & 0o777).to.equal(0o600);
    }
    expect((await stat(path)).mode & 0o777).to.equal(0o700);
  });

  it('seals the same secret otherwise each time', async () => {
    const vault = await openVault(path, keys);
    await vault.put(ADA, SECRET);
    const first = await onlyFile(path);
    await vault.put(ADA, SECRET);
    expect(await onlyFile(path)).not.to.deep.equal(first);
  });

  it('writes over what it erases, and over what it replaces', async () => {
    const vault = await openVault(path, keys);
    // A second name for the file, as a backup or a thief would have: what the bytes are afterwards is seen through it.
    await vault.put(ADA, SECRET);
    await link(join(path, `${ADA}.sealed`), join(folder.path, 'first'));
    await vault.put(ADA, SECRET);
    await link(join(path, `${ADA}.sealed`), join(folder.path, 'second'));
    await vault.erase(ADA);
    for (const name of ['first', 'second']) {
      const bytes = await readFile(join(folder.path, name));
      expect(bytes.every((byte) => byte === 0)).to.equal(true);
    }
    expect(await vault.get(ADA)).to.deep.equal({ kind: 'absent' });
    expect(await vault.list()).to.deep.equal([]);
    await vault.erase(ADA);
  });

  it('opens no secret of one account as that of another', async () => {
    const vault = await openVault(path, keys);
    await vault.put(ADA, SECRET);
    await writeFile(join(path, `${BOB}.sealed`), await onlyFile(path));
    expect(await vault.get(BOB)).to.deep.equal({ kind: 'broken' });
  });

  for (const [title, damage] of [
    ['cut', (bytes: Buffer) => bytes.subarray(0, bytes.length - 10)],
    ['changed', (bytes: Buffer) => Buffer.from(bytes.toString().replace('"text":"', '"text":"A'))],
    ['empty', () => Buffer.alloc(0)],
    ['no record', () => Buffer.from('[]')],
  ] as const) {
    it(`calls a secret broken whose file is ${title}, and opens all the same`, async () => {
      await (await openVault(path, keys)).put(ADA, SECRET);
      await writeFile(join(path, `${ADA}.sealed`), damage(await onlyFile(path)));
      expect(await (await openVault(path, keys)).get(ADA)).to.deep.equal({ kind: 'broken' });
    });
  }

  it('refuses to open with another master key, and names the one it needs', async () => {
    await (await openVault(path, keys)).put(ADA, SECRET);
    const error = await failure(openVault(path, keysOf(2)));
    expect(error).to.be.instanceOf(VaultKeyError);
    expect((error as Error).message)
      .to.include(keys[0].id)
      .and.include('master_key_path');
  });

  it('rotates: the new key seals, the old one opens until nothing needs it', async () => {
    const old = await openVault(path, keys);
    await old.put(ADA, SECRET);
    await old.put(BOB, 'of bob');
    const rotating = await openVault(path, keysOf(2, 1));
    expect(await rotating.get(ADA)).to.deep.equal(opened(SECRET));
    expect([await rotating.reseal(ADA), await rotating.reseal(BOB)]).to.deep.equal([true, true]);
    expect(await rotating.reseal(ADA)).to.equal(false);
    const rotated = await openVault(path, keysOf(2));
    expect(await rotated.get(ADA)).to.deep.equal(opened(SECRET));
    expect(await rotated.get(BOB)).to.deep.equal(opened('of bob'));
  });

  it('takes other keys while it is open, and none that do not open everything', async () => {
    const vault = await openVault(path, keysOf(2, 1));
    await (await openVault(path, keysOf(1))).put(ADA, SECRET);
    for (const wrong of [keysOf(3, 1), keysOf(3, 2)]) {
      const refusal = await vault.useKeys(wrong).catch((error: Error) => error);
      expect(refusal).to.be.instanceOf(VaultKeyError);
    }
    await vault.put(BOB, 'of bob');
    expect(await (await openVault(path, keysOf(2, 1))).get(BOB)).to.deep.equal(opened('of bob'));
    await vault.useKeys(keysOf(3, 2, 1));
    expect([await vault.reseal(ADA), await vault.reseal(BOB)]).to.deep.equal([true, true]);
    expect(await (await openVault(path, keysOf(3))).get(ADA)).to.deep.equal(opened(SECRET));
  });

  it('writes nothing over that is newer when it seals anew', async () => {
    await (await openVault(path, keysOf(1))).put(ADA, SECRET);
    const vault = await openVault(path, keysOf(2, 1));
    await Promise.all([vault.reseal(ADA), vault.put(ADA, 'newer'), vault.reseal(ADA)]);
    expect(await vault.get(ADA)).to.deep.equal(opened('newer'));
  });

  it('sweeps what a crash has left half written, and leaves what is not its own', async () => {
    const vault = await openVault(path, keys);
    await writeFile(join(path, `${ADA}.0123456789abcdef.new`), 'half');
    await writeFile(join(path, 'notes.txt'), 'of the operator');
    await vault.sweep();
    expect(await readdir(path)).to.deep.equal(['notes.txt']);
    expect(await vault.list()).to.deep.equal([]);
  });

  it('changes nothing when it is opened, since another backend may be at work', async () => {
    const vault = await openVault(path, keys);
    const half = `${ADA}.0123456789abcdef.new`;
    await writeFile(join(path, half), 'half');
    await vault.put(BOB, 'of bob');
    await openVault(path, keys);
    expect(await readdir(path)).to.have.members([half, `${BOB}.sealed`]);
    expect(await readFile(join(path, half), 'utf8')).to.equal('half');
  });

  it('takes nothing for a secret that was being erased when the process was killed', async () => {
    const vault = await openVault(path, keys);
    await vault.put(ADA, SECRET);
    // As after the first step of an erase: the name is gone, the bytes are not yet.
    await rename(join(path, `${ADA}.sealed`), join(path, `${ADA}.0123456789abcdef.new`));
    const opened = await openVault(path, keys);
    expect(await opened.list()).to.deep.equal([]);
    await opened.sweep();
    expect(await readdir(path)).to.deep.equal([]);
  });

  it('says when the disk does not work', async () => {
    await writeFile(path, 'a file where the folder should be');
    expect(await failure(openVault(path, keys))).to.be.instanceOf(VaultUnavailableError);
  });
});

function opened(text: string) {
  return { kind: 'opened', text };
}

function keysOf(first: number, ...rest: readonly number[]): MasterKeys {
  return toMasterKeys([Buffer.alloc(32, first), ...rest.map((one) => Buffer.alloc(32, one))]);
}

async function onlyFile(path: string): Promise<Buffer> {
  const [name = ''] = await readdir(path);
  return await readFile(join(path, name));
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
