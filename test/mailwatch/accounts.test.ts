import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { FORMAT_KEY, type StoredAccount } from '../../src/mailwatch/accounts/records.ts';
import {
  type Accounts,
  AccountsFormatError,
  AccountsUnavailableError,
  openAccounts,
} from '../../src/mailwatch/accounts.ts';
import { accountIdOf } from '../../src/mailwatch/tokens.ts';
import { openRecordFile } from '../../src/storage/embedded/file.ts';
import { makeTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

const MAP_BYTES = 16 * 1024 * 1024;
const LEASE = { nowMs: 1000, untilMs: 2000 };

describe('the accounts', () => {
  let folder: TemporaryFolder;
  const opened: Accounts[] = [];

  const open = async (): Promise<Accounts> => {
    const accounts = await openAccounts(folder.path, MAP_BYTES);
    opened.push(accounts);
    return accounts;
  };
  const openHeld = async (): Promise<Accounts> => {
    const accounts = await open();
    expect(await accounts.claim(LEASE)).to.equal(true);
    return accounts;
  };

  beforeEach(async () => {
    folder = await makeTemporaryFolder();
  });
  afterEach(async () => {
    for (const accounts of opened.splice(0)) await accounts.close();
    await folder[Symbol.asyncDispose]();
  });

  it('keep what they were given, also for the next one who opens them', async () => {
    const first = await openHeld();
    await first.update(ada.id, () => ada);
    await first.update(bob.id, () => bob);
    expect(first.get(ada.id)).to.deep.equal(ada);
    const second = await open();
    expect([...second.list()]).to.have.deep.members([ada, bob]);
  });

  it('forget what they were told to, and bear to be told twice', async () => {
    const accounts = await openHeld();
    await accounts.update(ada.id, () => ada);
    await accounts.update(ada.id, () => undefined);
    await accounts.update(ada.id, (current) => {
      expect(current).to.equal(undefined);
      return undefined;
    });
    expect([...accounts.list()]).to.deep.equal([]);
  });

  it('make changes of one account one after the other, each from what the last has left', async () => {
    const accounts = await openHeld();
    await accounts.update(ada.id, () => ada);
    const changes = Array.from({ length: 500 }, () =>
      accounts.update(
        ada.id,
        (current) => current && { ...current, seenAtMs: current.seenAtMs + 1 },
      ),
    );
    await Promise.all(changes);
    expect(accounts.get(ada.id)?.seenAtMs).to.equal(ada.seenAtMs + 500);
  });

  it('write nothing without the lease', async () => {
    const accounts = await open();
    expect(await failure(accounts.update(ada.id, () => ada))).to.be.instanceOf(
      AccountsUnavailableError,
    );
    expect(accounts.get(ada.id)).to.equal(undefined);
  });

  it('remember the operator’s pause, also for the next one who opens them, and only under the lease', async () => {
    const first = await openHeld();
    expect(first.isPaused).to.equal(false);
    await first.setPaused(true);
    await first.setPaused(true);
    await first.update(ada.id, () => ada);
    const second = await open();
    expect(second.isPaused).to.equal(true);
    expect([...second.list()]).to.deep.equal([ada]);
    expect(await failure(second.setPaused(false))).to.be.instanceOf(AccountsUnavailableError);
    await first.setPaused(false);
    expect([first.isPaused, second.isPaused]).to.deep.equal([false, false]);
  });

  it('give the lease to one at a time, and to another one when it has ended', async () => {
    const first = await openHeld();
    const second = await open();
    expect(await second.claim({ nowMs: 1999, untilMs: 3000 })).to.equal(false);
    expect(second.isHeld).to.equal(false);
    expect(await first.claim({ nowMs: 1999, untilMs: 2500 })).to.equal(true);
    expect(await second.claim({ nowMs: 2499, untilMs: 3000 })).to.equal(false);
    expect(await second.claim({ nowMs: 2500, untilMs: 3500 })).to.equal(true);
    expect(await first.claim({ nowMs: 2600, untilMs: 3600 })).to.equal(false);
  });

  it('give the lease in spite of one from the future, which a clock that was set back has left', async () => {
    const first = await open();
    await first.claim({ nowMs: 86_400_000, untilMs: 86_401_000 });
    const second = await open();
    expect(await second.claim(LEASE)).to.equal(true);
  });

  it('give the lease at once when it was given back', async () => {
    const first = await openHeld();
    await first.release();
    const second = await open();
    expect(await second.claim({ nowMs: 1001, untilMs: 3000 })).to.equal(true);
  });

  it('give the lease to one of many who ask at once', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, open));
    const claims = await Promise.all(all.map((accounts) => accounts.claim(LEASE)));
    expect(claims.filter(Boolean)).to.have.length(1);
  });

  it('take every write while the lease is being prolonged', async () => {
    const accounts = await openHeld();
    for (let round = 1; round <= 20; round++) {
      const claimed = accounts.claim({ nowMs: 1000 + round, untilMs: 2000 + round });
      const writes = [ada, bob].map((account) => accounts.update(account.id, () => account));
      await Promise.all(writes);
      expect(await claimed).to.equal(true);
      expect(accounts.isHeld).to.equal(true);
    }
  });

  it('refuse what one writes who was frozen while another took over', async () => {
    const frozen = await openHeld();
    await frozen.update(ada.id, () => ada);
    const second = await open();
    await second.claim({ nowMs: 5000, untilMs: 6000 });
    await second.update(ada.id, (current) => current && { ...current, seenAtMs: 5000 });
    const late = frozen.update(ada.id, (current) => current && { ...current, seenAtMs: 1 });
    expect(await failure(late)).to.be.instanceOf(AccountsUnavailableError);
    expect(frozen.isHeld).to.equal(false);
    expect(second.get(ada.id)?.seenAtMs).to.equal(5000);
  });

  it('hold neither endpoint nor credentials', async () => {
    const accounts = await openHeld();
    await accounts.update(ada.id, () => ada);
    for (const name of await readdir(folder.path)) {
      expect(await readFile(join(folder.path, name), 'latin1')).not.to.include(ENDPOINT);
    }
  });

  it('refuse a file of another format, and say what to do', async () => {
    await (await open()).close();
    opened.length = 0;
    const file = openRecordFile({ path: folder.path, mapBytesMax: MAP_BYTES });
    file.refresh();
    const value = file.get(FORMAT_KEY);
    expect(value?.toString()).to.equal('1');
    await file.put(FORMAT_KEY, Buffer.from('2'), { read: file.lastStamp(), next: 0.5 });
    await file.close();
    const error = await failure(openAccounts(folder.path, MAP_BYTES));
    expect(error).to.be.instanceOf(AccountsFormatError);
    expect((error as Error).message).to.include('format 2');
  });

  it('have lost nothing after a kill', async () => {
    const script = new URL('./accounts-process.js', import.meta.url).pathname;
    const { signal, stdout } = spawnSync(process.execPath, [script, folder.path], {
      encoding: 'utf8',
    });
    expect(signal).to.equal('SIGKILL');
    const promised = stdout.trim().split('\n');
    expect(promised).to.have.length(200);
    const accounts = await open();
    expect([...accounts.list()].map(({ id }) => id)).to.include.members(promised);
  });
});

const ENDPOINT = 'https://push.example/update/ada';

const ada: StoredAccount = {
  id: accountIdOf(ENDPOINT),
  tokenHash: 'ab'.repeat(32),
  generation: 'one',
  maxPollMs: 1_000_000,
  seenAtMs: 7,
  notBeforeMs: 0,
  progress: { folders: [{ name: 'INBOX' }], told: 'none' },
};
const bob: StoredAccount = { ...ada, id: accountIdOf('https://push.example/update/bob') };

async function failure(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (error: unknown) => error,
  );
}
