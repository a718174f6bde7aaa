import { AccountsUnavailableError } from './accounts.ts';
import { VaultKeyError, VaultUnavailableError } from './vault.ts';

/** Whether the disk, the lease or the keys are not as they must be; then nothing was promised. */
export function isOutage(error: unknown): boolean {
  return (
    error instanceof VaultUnavailableError ||
    error instanceof VaultKeyError ||
    error instanceof AccountsUnavailableError
  );
}
