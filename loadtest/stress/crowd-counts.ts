import { Durations } from './histograms.ts';
import type { WorkerResult } from './messages.ts';

/** Reasons of failed attempts that are told apart. */
const REASONS_MAX = 10;

/** What became of the connections of one process. */
export class CrowdCounts {
  sessions = 0;
  redirects = 0;
  /** Ends of sessions that had paused: a server may do that. */
  slowCloses = 0;
  /** From the moment a device is to be there until it is. */
  readonly readyTimes = new Durations();
  /** Attempts that were refused, reset or not answered, by reason. */
  readonly #connectFailures = new Map<string, number>();
  /** Of ends that nobody asked for. */
  readonly #closeCodes = new Map<number, number>();

  onConnectFailure(reason: string): void {
    const failures = this.#connectFailures;
    const name = failures.has(reason) || failures.size < REASONS_MAX ? reason : 'other';
    failures.set(name, (failures.get(name) ?? 0) + 1);
  }

  onClose(code: number): void {
    this.#closeCodes.set(code, (this.#closeCodes.get(code) ?? 0) + 1);
  }

  toResult(): Pick<
    WorkerResult,
    'sessions' | 'redirects' | 'slowCloses' | 'connectFailures' | 'closeCodes' | 'readyTimes'
  > {
    const { sessions, redirects, slowCloses } = this;
    return {
      ...{ sessions, redirects, slowCloses },
      connectFailures: Object.fromEntries(this.#connectFailures),
      closeCodes: Object.fromEntries(this.#closeCodes),
      readyTimes: this.readyTimes.encode(),
    };
  }
}
