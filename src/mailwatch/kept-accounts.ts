/**
 * Accounts and vault as one: a record and its secret, written in the order that no crash can turn against anybody, and only under the
 * lease. The vault's files know nothing of the lease, so each write to them is preceded by one to the accounts' file that changes nothing
 * and fails when the lease is another backend's.
 */
import { unreachable } from '../assert.ts';
import type { AccountId, Credentials } from './account.ts';
import type { AccountSecret, StoredAccount } from './accounts/records.ts';
import type { AccountChange, Accounts } from './accounts.ts';
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

/** Methods throw AccountsUnavailableError, VaultUnavailableError and VaultKeyError. For one account call one at a time. */
export class KeptAccounts {
  readonly #accounts: Accounts;
  readonly #vault: Vault;

  constructor(accounts: Accounts, vault: Vault) {
    this.#accounts = accounts;
    this.#vault = vault;
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
      ? { kind: 'opened', secret: JSON.parse(found.text) as AccountSecret }
      : found;
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
    await this.#vault.put(id, JSON.stringify(secret));
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
    await this.#vault.erase(id);
    await this.#accounts.update(id, () => undefined);
  }

  #makeSureOfLease(id: AccountId): Promise<void> {
    return this.#accounts.update(id, (current) => current);
  }
}
