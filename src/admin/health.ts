import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Metrics } from '../metrics.ts';

/** How often the store is asked for a sign of life. */
export const HEALTH_CHECK_INTERVAL_MS = 2000;

/** Whether this process should get traffic, and if not, why. */
export interface HealthReport {
  readonly ready: boolean;
  /** One sentence each; empty when ready. */
  readonly reasons: readonly string[];
}

export interface HealthDeps {
  /** Rejects when the store does not work. */
  readonly checkStore: () => Promise<void>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'storeErrors'>;
  readonly log: Log;
}

export interface Health {
  /** The newest report; at most HEALTH_CHECK_INTERVAL_MS and one store deadline old. */
  current(): HealthReport;
  /** Why the store does not work; undefined when it does. */
  storeProblem(): string | undefined;
  /** From now on not ready, for good. */
  drain(): void;
  stop(): void;
}

/**
 * Asks the store in the background, one check at a time, so that any number of probes costs nothing and a store that hangs
 * is reported instead of hanging the probe. A change for the worse or the better is logged once.
 */
export function createHealth({ checkStore, clock, metrics, log }: HealthDeps): Health {
  let isDraining = false;
  let problem: string | undefined = 'the store was not checked yet';
  // A start with a store that works is no news; a start without is.
  let wasAvailable = true;
  let isChecking = false;

  /** Never rejects. */
  const check = async () => {
    if (isChecking) return;
    isChecking = true;
    try {
      await checkStore();
      if (!wasAvailable) log.info({}, 'store.available');
      wasAvailable = true;
      problem = undefined;
    } catch (error) {
      metrics.storeErrors.check.count++;
      if (wasAvailable) log.error({ err: error }, 'store.unavailable');
      wasAvailable = false;
      problem = error instanceof Error ? error.message : 'the store failed';
    } finally {
      isChecking = false;
    }
  };

  void check();
  const stop = clock.every(HEALTH_CHECK_INTERVAL_MS, () => void check());
  return {
    current() {
      const reasons = [
        ...(isDraining ? ['the server is shutting down'] : []),
        ...(problem === undefined ? [] : [`store: ${problem}`]),
      ];
      return { ready: reasons.length === 0, reasons };
    },
    storeProblem: () => problem,
    drain() {
      isDraining = true;
    },
    stop,
  };
}
