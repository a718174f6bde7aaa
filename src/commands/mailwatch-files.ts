/** The files of the mail watch, opened; what is wrong with them is told as what is wrong with the config. */
import { readFile } from 'node:fs/promises';
import type { Config } from '../config/config.ts';
import { failureText } from '../config/problem.ts';
import { type Accounts, AccountsFormatError, openAccounts } from '../mailwatch/accounts.ts';
import type { MasterKeys } from '../mailwatch/vault/master-keys.ts';
import { openVault, type Vault, VaultKeyError } from '../mailwatch/vault.ts';
import { RefusedConfigError } from './role.ts';

/** The authorities beside the system's, as PEM; undefined when there are none. @throws RefusedConfigError */
export async function readCa(path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const found = failureText(error);
    const expected = 'a PEM file that can be read';
    throw new RefusedConfigError([{ key: 'mailwatch.ca_path', expected, found }]);
  }
}

/** @throws RefusedConfigError when the master keys are not its keys; VaultUnavailableError */
export async function openVaultOrRefuse(path: string, keys: MasterKeys): Promise<Vault> {
  try {
    return await openVault(path, keys);
  } catch (error) {
    if (!(error instanceof VaultKeyError)) throw error;
    const expected = 'the keys that sealed the credentials';
    throw new RefusedConfigError([
      { key: 'mailwatch.master_key_path', expected, found: error.message },
    ]);
  }
}

/** @throws RefusedConfigError when they are of another format; StoreFileError */
export async function openAccountsOrRefuse({
  path,
  accountsBytesMax,
}: Config['mailwatch']): Promise<Accounts> {
  try {
    return await openAccounts(path, accountsBytesMax);
  } catch (error) {
    if (!(error instanceof AccountsFormatError)) throw error;
    const expected = 'accounts of a format that this version knows';
    throw new RefusedConfigError([{ key: 'mailwatch.path', expected, found: error.message }]);
  }
}
