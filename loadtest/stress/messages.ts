/** What the coordinator and its client processes tell each other. Plain data: it crosses a process border as JSON. */
import type { FaultRecord } from './faults.ts';
import type { LedgerNotes } from './ledger.ts';
import type { Plan, Scenario } from './plan.ts';

export type ToWorker =
  | {
      readonly kind: 'begin';
      readonly plan: Plan;
      /** Which of the processes it is, from 0. */
      readonly index: number;
      /** The zero of the series. */
      readonly startedAtEpochMs: number;
    }
  | { readonly kind: 'phase'; readonly number: number }
  /** The phase that runs is over. */
  | { readonly kind: 'cutShort' }
  | { readonly kind: 'finish' };

export type FromWorker =
  | { readonly kind: 'connected'; readonly ready: number }
  | { readonly kind: 'second'; readonly sample: SecondSample }
  | { readonly kind: 'phaseDone'; readonly result: PhaseResult }
  | { readonly kind: 'finished'; readonly result: WorkerResult }
  /** The run must not go on, or cannot; in a sentence. */
  | { readonly kind: 'impossible'; readonly reason: string };

/** What happened in one second of the run, in one process. */
export interface SecondSample {
  readonly second: number;
  readonly due: number;
  readonly sent: number;
  readonly answered: number;
  /** Versions that came for the first time. */
  readonly arrived: number;
  /** PUTs that were refused, cut off, or not answered. */
  readonly errors: number;
  /** Devices in session at the end of the second. */
  readonly ready: number;
  readonly inFlight: number;
  /** How late the PUT is that waits longest for room, in ms. */
  readonly backlogMs: number;
  /** Of the run so far. */
  readonly lost: number;
  readonly faults: number;
  /** From the scheduled time to the arrival: an encoded histogram. */
  readonly latency: string;
}

/** One phase in one process; the histograms are encoded. */
export interface PhaseResult {
  readonly scenario: Scenario;
  readonly secs: number;
  readonly due: number;
  readonly sent: number;
  readonly accepted: number;
  readonly arrived: number;
  /** Due, and yet never sent: the server answered too slowly for the rate. */
  readonly unsent: number;
  readonly backlogMsMax: number;
  readonly fromDue: string;
  readonly fromSend: string;
  readonly answerFromDue: string;
}

export interface WorkerResult {
  readonly faults: readonly FaultRecord[];
  readonly notes: LedgerNotes;
  /** By HTTP status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly closeCodes: Readonly<Record<string, number>>;
  readonly sessions: number;
  readonly connectFailures: Readonly<Record<string, number>>;
  readonly redirects: number;
  readonly slowCloses: number;
  /** PUTs on a kept connection that the server had just closed. */
  readonly stalePuts: number;
  /** Answered 200 while the device was not connected. */
  readonly liveAnswersWhileAway: number;
  readonly accepted: number;
  readonly arrived: number;
  readonly readyTimes: string;
  readonly rssMiB: number;
}
