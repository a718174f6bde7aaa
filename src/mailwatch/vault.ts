/**
 * Where credentials rest: one small file for each account, sealed under a master key that is kept elsewhere. Files and not the accounts'
 * database, because a database never writes over what it forgets: here a secret that is erased is written over with zeros, then
 * unlinked, so that no file holds it any more, sealed or not. (A disk that writes elsewhere may keep it; that is what the sealing is for.)
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { AccountId } from './account.ts';
import { Turns } from './turns.ts';
import type { MasterKeys } from './vault/master-keys.ts';
import { type Opened, openSecret, sealSecret } from './vault/sealing.ts';

/** The disk did not do what was asked. Nothing was promised; the device is told to try again. */
export class VaultUnavailableError extends Error {
  override readonly name = 'VaultUnavailableError';
}

/** A secret cannot be opened with the keys that we have. The message is for the operator. */
export class VaultKeyError extends Error {
  override readonly name = 'VaultKeyError';
}

/** A secret, as it was found. */
export type StoredSecret =
  | { readonly kind: 'opened'; readonly text: string }
  | { readonly kind: 'absent' }
  /** Its file was changed, cut, or belongs to another account. */
  | { readonly kind: 'broken' };

const SUFFIX = '.sealed';
const ACCOUNT_FILE = /^([0-9a-f]{32})\.sealed$/;
const TEMPORARY_FILE = /^[0-9a-f]{32}\.[0-9a-f]{16}\.new$/;
const RANDOM_BYTES = 8;

/**
 * Any backend may read at any time. Who writes holds the lease of the accounts: the files know nothing of it, so callers make sure of it
 * just before. Each method may run any number of times at once; writes for one account are made one after the other.
 */
export class Vault {
  readonly #path: string;
  #keys: MasterKeys;
  /** What writes to the file of one account: nothing that was read of it before another write is written after that. */
  readonly #turns = new Turns();

  /** Use `openVault`. */
  constructor(path: string, keys: MasterKeys) {
    this.#path = path;
    this.#keys = keys;
  }

  /** Keeps `text`, in place of what was kept for the account. Durable when it resolves. @throws VaultUnavailableError */
  put(id: AccountId, text: string): Promise<void> {
    return this.#turns.take(id, () => this.#put(id, text));
  }

  #put(id: AccountId, text: string): Promise<void> {
    return this.#guarded(async () => {
      const temporary = this.#temporaryOf(id);
      const [key] = this.#keys;
      await writeSynced(temporary, sealSecret(text, id, key));
      // The old file is opened before it loses its name, to be written over after the new one is safe.
      const old = await openIfThere(this.#fileOf(id));
      try {
        await rename(temporary, this.#fileOf(id));
        await syncFolder(this.#path);
        if (old !== undefined) await overwrite(old);
      } finally {
        await old?.close();
      }
    });
  }

  /** The secret of the account. @throws VaultUnavailableError, VaultKeyError */
  get(id: AccountId): Promise<StoredSecret> {
    return this.#guarded(async () => {
      const opened = await this.#open(id);
      return opened.kind === 'opened' ? { kind: 'opened', text: opened.text } : opened;
    });
  }

  /**
   * Forgets the secret: written over, then unlinked, both on the disk when it resolves. It loses its name first, so that a crash in
   * between leaves nothing that would be taken for a secret. Harmless twice. @throws VaultUnavailableError
   */
  erase(id: AccountId): Promise<void> {
    return this.#turns.take(id, () => this.#erase(id));
  }

  #erase(id: AccountId): Promise<void> {
    return this.#guarded(async () => {
      const temporary = this.#temporaryOf(id);
      if (!(await renameIfThere(this.#fileOf(id), temporary))) return;
      await syncFolder(this.#path);
      await this.#eraseFile(temporary);
    });
  }

  /** The accounts that have a secret. @throws VaultUnavailableError */
  list(): Promise<readonly AccountId[]> {
    return this.#guarded(async () =>
      (await readdir(this.#path)).flatMap((name) => {
        const [, id] = ACCOUNT_FILE.exec(name) ?? [];
        return id === undefined ? [] : [id as AccountId];
      }),
    );
  }

  /**
   * From now on these are the keys. First each secret is tried with them; when one does not open, nothing has changed. What seals now must
   * be among them: it goes on sealing until they are in use. @throws VaultKeyError, VaultUnavailableError
   */
  async useKeys(keys: MasterKeys): Promise<void> {
    const [{ id: sealing }] = this.#keys;
    if (!keys.some((key) => key.id === sealing)) {
      throw new VaultKeyError(
        `the key ${sealing} seals credentials now and is not among the master keys: put the new one in front of it, and take it out when all is sealed anew`,
      );
    }
    for (const id of await this.list()) await this.#guarded(() => this.#open(id, keys));
    this.#keys = keys;
  }

  /** Seals with the first key what another one has sealed. Resolves to whether that was so. @throws VaultUnavailableError, VaultKeyError */
  reseal(id: AccountId): Promise<boolean> {
    return this.#turns.take(id, async () => {
      const opened = await this.#guarded(() => this.#open(id));
      if (opened.kind !== 'opened' || opened.keyId === this.#keys[0].id) return false;
      await this.#put(id, opened.text);
      return true;
    });
  }

  /** Removes what a crash has left half written. For the holder of the lease alone: what another one writes looks the same. */
  async sweep(): Promise<void> {
    await this.#guarded(async () => {
      for (const name of await readdir(this.#path)) {
        if (TEMPORARY_FILE.test(name)) await this.#eraseFile(join(this.#path, name));
      }
    });
  }

  async #open(
    id: AccountId,
    keys = this.#keys,
  ): Promise<Exclude<Opened, { kind: 'unknown-key' }> | { kind: 'absent' }> {
    const bytes = await readIfThere(this.#fileOf(id));
    if (bytes === undefined) return { kind: 'absent' };
    const opened = openSecret(bytes, id, keys);
    if (opened.kind === 'unknown-key') {
      throw new VaultKeyError(
        `credentials in ${this.#path} are sealed with the key ${opened.keyId}, which is not among the master keys: add it to mailwatch.master_key_path, after the new one`,
      );
    }
    return opened;
  }

  async #eraseFile(path: string): Promise<void> {
    const file = await openIfThere(path);
    if (file === undefined) return;
    try {
      await overwrite(file);
    } finally {
      await file.close();
    }
    await unlink(path);
    await syncFolder(this.#path);
  }

  #fileOf(id: AccountId): string {
    return join(this.#path, `${id}${SUFFIX}`);
  }

  #temporaryOf(id: AccountId): string {
    return join(this.#path, `${id}.${randomBytes(RANDOM_BYTES).toString('hex')}.new`);
  }

  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof VaultKeyError) throw cause;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new VaultUnavailableError(`the vault does not work: ${reason}`, { cause });
    }
  }
}

/**
 * Opens the vault in the folder `path`, made when missing, for its owner alone. Looks at every secret once, so that a wrong master key
 * is found at the start and not at the next reconnection of some account. Changes nothing: another backend may be at work here.
 * @throws VaultKeyError, VaultUnavailableError
 */
export async function openVault(path: string, keys: MasterKeys): Promise<Vault> {
  const vault = new Vault(path, keys);
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new VaultUnavailableError(`the folder ${path} cannot be made`, { cause });
  }
  for (const id of await vault.list()) await vault.get(id);
  return vault;
}

type FileHandle = Awaited<ReturnType<typeof open>>;

async function writeSynced(path: string, bytes: Buffer): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  const file = await openIfThere(path);
  try {
    return await file?.readFile();
  } finally {
    await file?.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whether there was such a file. */
async function renameIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}

async function overwrite(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  await file.write(Buffer.alloc(size), 0, size, 0);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
