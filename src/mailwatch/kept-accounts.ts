/**
 * Accounts and vault as one: a record and its secret, written in the order that no crash can turn against anybody, and only under the
 * lease. The vault's files know nothing of the lease, so each write to them is preceded by one to the accounts' file that changes nothing
 * and fails when the lease is another backend's.
 */
import { unreachable } from '../assert.ts';
import type { AccountId, Credentials } from './account.ts';
import type { AccountSecret, StoredAccount } from './accounts/records.ts';
import type { AccountChange, Accounts } from './accounts.ts';
import type { MasterKeys } from './vault/master-keys.ts';
import type { Vault } from './vault.ts';

/** An account with its secret. */
export interface Kept {
  readonly stored: StoredAccount;
  readonly secret: AccountSecret;
}

/** The secret of an account, as it was found. */
export type FoundSecret =
  | { readonly kind: 'opened'; readonly secret: AccountSecret }
  | { readonly kind: 'absent' }
  | { readonly kind: 'broken' };

/** What a start has found. */
export interface FoundAccounts {
  readonly whole: readonly Kept[];
  /** Accounts whose secret does not open: they wait for their device to register again. */
  readonly broken: readonly AccountId[];
}

/** Where credentials lie: in the vault, or in this process alone, as `mailwatch.credentials` says. */
export type CredentialsPlace = 'vault' | 'memory';

/** Credentials that no file holds, and the registration that they are of. */
interface Unwritten {
  readonly generation: string;
  readonly credentials: Credentials;
}

/** Methods throw AccountsUnavailableError, VaultUnavailableError and VaultKeyError. For one account call one at a time. */
export class KeptAccounts {
  readonly #accounts: Accounts;
  readonly #vault: Vault;
  /** Undefined when credentials lie in the vault. Bounded by the number of accounts. */
  readonly #unwritten: Map<AccountId, Unwritten> | undefined;

  constructor(accounts: Accounts, vault: Vault, place: CredentialsPlace) {
    this.#accounts = accounts;
    this.#vault = vault;
    this.#unwritten = place === 'memory' ? new Map() : undefined;
  }

  /** Whether this backend holds the lease, as of its last claim. */
  get isHeld(): boolean {
    return this.#accounts.isHeld;
  }

  get(id: AccountId): StoredAccount | undefined {
    return this.#accounts.get(id);
  }

  async secretOf(id: AccountId): Promise<FoundSecret> {
    const found = await this.#vault.get(id);
    return found.kind === 'opened'
      ? { kind: 'opened', secret: this.#withUnwritten(id, JSON.parse(found.text) as AccountSecret) }
      : found;
  }

  #withUnwritten(id: AccountId, written: AccountSecret): AccountSecret {
    const unwritten = this.#unwritten?.get(id);
    if (unwritten?.generation !== written.generation) return written;
    return { ...written, credentials: unwritten.credentials };
  }

  /** All accounts, after what crashes have left half done has been brought to its end. */
  async recover(): Promise<FoundAccounts> {
    await this.#vault.sweep();
    const stored = [...this.#accounts.list()];
    const known = new Set(stored.map(({ id }) => id));
    // A registration that died between its two writes has left a secret that nobody has been promised.
    for (const id of await this.#vault.list()) if (!known.has(id)) await this.#vault.erase(id);
    const whole: Kept[] = [];
    const broken: AccountId[] = [];
    for (const account of stored) {
      const found = await this.secretOf(account.id);
      switch (found.kind) {
        case 'opened':
          whole.push({ stored: account, secret: found.secret });
          // They were kept on disk until the operator wanted it otherwise.
          if (this.#unwritten && hasCredentials(found.secret)) {
            await this.keepSecret(account.id, found.secret);
          }
          break;
        case 'absent':
          // A stop that died between its two writes: the device has asked for it.
          await this.#accounts.update(account.id, () => undefined);
          break;
        case 'broken':
          broken.push(account.id);
          break;
        default:
          unreachable(found);
      }
    }
    return { whole, broken };
  }

  /** The secret first: a record without its secret would be a watch that was stopped, a secret without its record is erased. */
  async keep({ stored, secret }: Kept): Promise<void> {
    await this.keepSecret(stored.id, secret);
    await this.#accounts.update(stored.id, () => stored);
  }

  async keepSecret(id: AccountId, secret: AccountSecret): Promise<void> {
    await this.#makeSureOfLease(id);
    if (this.#unwritten === undefined) return await this.#vault.put(id, JSON.stringify(secret));
    const { generation, credentials } = secret;
    const forgotten = { kind: 'forgotten', username: credentials.username } as const;
    await this.#vault.put(id, JSON.stringify({ ...secret, credentials: forgotten }));
    if (credentials.kind !== 'forgotten') this.#unwritten.set(id, { generation, credentials });
  }

  /** Replaces credentials that the provider has renewed; of an account that was stopped meanwhile nothing is kept. */
  async keepCredentials(id: AccountId, credentials: Credentials): Promise<void> {
    const found = await this.secretOf(id);
    if (found.kind === 'opened') await this.keepSecret(id, { ...found.secret, credentials });
  }

  change(id: AccountId, change: AccountChange): Promise<void> {
    return this.#accounts.update(id, change);
  }

  /** The secret first: what the device asked for above all. A record that stays behind is removed at the next start. */
  async forget(id: AccountId): Promise<void> {
    await this.#makeSureOfLease(id);
    this.#unwritten?.delete(id);
    await this.#vault.erase(id);
    await this.#accounts.update(id, () => undefined);
  }

  /** Seals with the vault's first key what another one has sealed. Resolves to how many that were. */
  async reseal(): Promise<number> {
    let count = 0;
    for (const id of await this.#vault.list()) {
      await this.#makeSureOfLease(id);
      if (await this.#vault.reseal(id)) count++;
    }
    return count;
  }

  /** As `reseal`, with keys that take the place of those that there are; when they do not open everything, nothing has changed. */
  async rotate(keys: MasterKeys): Promise<number> {
    await this.#vault.useKeys(keys);
    return await this.reseal();
  }

  /** As Accounts has it. */
  get isPaused(): boolean {
    return this.#accounts.isPaused;
  }

  /** As Accounts has it. */
  setPaused(isPaused: boolean): Promise<void> {
    return this.#accounts.setPaused(isPaused);
  }

  #makeSureOfLease(id: AccountId): Promise<void> {
    return this.#accounts.update(id, (current) => current);
  }
}

function hasCredentials({ credentials }: AccountSecret): boolean {
  return credentials.kind !== 'forgotten';
}
