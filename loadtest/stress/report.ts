/** The report of a run as data: what --json writes and the page is made of. README.md documents the shape. */
import { cpus, release, totalmem } from 'node:os';
import { type Bin, type CurvePoint, Durations, type LatencySummary } from './histograms.ts';
import type { PhaseResult, WorkerResult } from './messages.ts';
import { loadText, type Plan, shownUrl } from './plan.ts';
import type { SecondPoint } from './series.ts';
import { type Totals, totalsOf, type Verdict, verdictOf } from './verdict.ts';

/** Changes when a member changes its meaning or goes. */
const SHAPE = 'simplepush-stress/1';

export interface StressReport {
  readonly shape: typeof SHAPE;
  readonly startedAt: string;
  readonly tookSecs: number;
  readonly interrupted: boolean;
  readonly machine: {
    readonly cpu: string;
    readonly cpus: number;
    readonly memoryGiB: number;
    readonly kernel: string;
    readonly node: string;
  };
  readonly plan: Omit<Plan, 'pids'>;
  /** What was announced before the run. */
  readonly load: readonly string[];
  readonly verdict: Verdict;
  readonly totals: Totals;
  readonly latency: {
    /** PUT to arrival, from the moment the PUT was due. */
    readonly fromDue: Distribution;
    /** The same from the moment it was sent: what a client that waits its turn would see. */
    readonly fromSend: Distribution;
    /** PUT to its answer, from the moment it was due. */
    readonly answer: Distribution;
    /** From the moment a device is to be there until it has said hello and has its endpoints. */
    readonly ready: Distribution;
  };
  readonly phases: readonly PhaseReport[];
  readonly series: readonly SecondPoint[];
  readonly clientRssMiB: readonly number[];
}

export interface Distribution {
  readonly summary: LatencySummary;
  readonly curve: readonly CurvePoint[];
  readonly bins: readonly Bin[];
}

export interface PhaseReport {
  readonly scenario: string;
  readonly secs: number;
  readonly due: number;
  readonly sent: number;
  readonly accepted: number;
  readonly arrived: number;
  readonly unsent: number;
  readonly backlogMsMax: number;
  readonly fromDue: LatencySummary;
  readonly fromSend: LatencySummary;
  readonly answer: LatencySummary;
}

export interface Outcome {
  readonly startedAt: Date;
  readonly tookSecs: number;
  readonly interrupted: boolean;
  /** One list a phase, one member a process. */
  readonly phases: readonly (readonly PhaseResult[])[];
  readonly workers: readonly WorkerResult[];
  readonly series: readonly SecondPoint[];
}

export function reportOf(plan: Plan, outcome: Outcome): StressReport {
  const { phases, workers, interrupted } = outcome;
  const all = phases.flat();
  const totals = totalsOf(
    workers,
    all.reduce((sum, { unsent }) => sum + unsent, 0),
  );
  const { pids, ...shownPlan } = plan;
  return {
    shape: SHAPE,
    startedAt: outcome.startedAt.toISOString(),
    tookSecs: outcome.tookSecs,
    interrupted,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cpus: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    plan: { ...shownPlan, url: shownUrl(plan.url) },
    load: loadText(plan),
    verdict: verdictOf(plan, workers, totals, !interrupted),
    totals,
    latency: {
      fromDue: distributionOf(all.map(({ fromDue }) => fromDue)),
      fromSend: distributionOf(all.map(({ fromSend }) => fromSend)),
      answer: distributionOf(all.map(({ answerFromDue }) => answerFromDue)),
      ready: distributionOf(workers.map(({ readyTimes }) => readyTimes)),
    },
    phases: phases.map(phaseReport),
    series: outcome.series,
    clientRssMiB: workers.map(({ rssMiB }) => Math.round(rssMiB)),
  };
}

function phaseReport(parts: readonly PhaseResult[]): PhaseReport {
  const sum = (read: (part: PhaseResult) => number) =>
    parts.reduce((total, part) => total + read(part), 0);
  return {
    scenario: parts[0]?.scenario ?? '',
    secs: Math.max(...parts.map(({ secs }) => secs)),
    due: sum(({ due }) => due),
    sent: sum(({ sent }) => sent),
    accepted: sum(({ accepted }) => accepted),
    arrived: sum(({ arrived }) => arrived),
    unsent: sum(({ unsent }) => unsent),
    backlogMsMax: Math.max(...parts.map(({ backlogMsMax }) => backlogMsMax)),
    fromDue: merged(parts.map(({ fromDue }) => fromDue)).summary(),
    fromSend: merged(parts.map(({ fromSend }) => fromSend)).summary(),
    answer: merged(parts.map(({ answerFromDue }) => answerFromDue)).summary(),
  };
}

function distributionOf(encoded: readonly string[]): Distribution {
  const all = merged(encoded);
  return { summary: all.summary(), curve: all.curve(), bins: all.bins() };
}

function merged(encoded: readonly string[]): Durations {
  const all = new Durations();
  for (const part of encoded) all.add(new Durations(part));
  return all;
}
