import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { KickProvider } from './provider.ts';

/** How often credentials that were found bad are looked at again. Nobody else can tell that they have been mended before a kick comes. */
export const CREDENTIALS_WATCH_INTERVAL_MS = 60_000;

export interface CredentialsWatchDeps {
  readonly provider: Pick<KickProvider, 'name' | 'checkCredentials'>;
  readonly clock: Pick<Clock, 'every'>;
  readonly log: Log;
}

export interface CredentialsWatch {
  /** What is wrong, each a sentence that says which key of the config; empty when all is well, or nothing is known yet. */
  findings(): readonly string[];
  stop(): void;
}

/**
 * Asks the provider at once, in the background, whether it takes our credentials, so that an operator who starts the server hears of bad ones
 * before a device needs them. Once they are good nothing is asked any more: wake-ups tell. Wake-ups are tried whatever this finds,
 * since a provider that is away for a moment leaves it without an answer, too.
 */
export function watchCredentials({ provider, clock, log }: CredentialsWatchDeps): CredentialsWatch {
  let findings: readonly string[] = [];
  let isAsking = false;
  let stopAsking = () => {};

  /** Never rejects. */
  const ask = async () => {
    if (isAsking) return;
    isAsking = true;
    const found = await findingsOf(provider);
    isAsking = false;
    const fields = { provider: provider.name };
    if (found.length === 0) {
      stopAsking();
      if (findings.length > 0) log.info(fields, 'kick.credentials.good');
    } else if (found.join() !== findings.join()) {
      log.error({ ...fields, findings: found }, 'kick.credentials.bad');
    }
    findings = found;
  };

  stopAsking = clock.every(CREDENTIALS_WATCH_INTERVAL_MS, () => void ask());
  void ask();
  return { findings: () => findings, stop: () => stopAsking() };
}

/** As checkCredentials; a check that fails is a finding. */
export async function findingsOf(
  provider: CredentialsWatchDeps['provider'],
): Promise<readonly string[]> {
  try {
    return await provider.checkCredentials();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return [`kick.${provider.name}: the check of the credentials failed: ${why}`];
  }
}
