/** The course of the run, second by second, put together from what the client processes say of each. */
import { Durations } from './histograms.ts';
import type { SecondSample } from './messages.ts';
import type { Usage } from './server-usage.ts';

/** One second of the run, all processes together. Members that were not measured are null, as JSON has it. */
export interface SecondPoint {
  /** From the begin of the run. */
  readonly second: number;
  /** The scenario that ran, or `connect` and `check` before and after them. */
  readonly phase: string;
  readonly due: number;
  readonly sent: number;
  readonly answered: number;
  readonly arrived: number;
  readonly errors: number;
  readonly connected: number;
  readonly inFlight: number;
  readonly backlogMs: number;
  readonly lost: number;
  readonly faults: number;
  /** From the scheduled time of the PUT to the arrival at a present device; null when nothing arrived. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  readonly rssMiB: number | null;
  /** Of one core. */
  readonly cpuPercent: number | null;
}

interface Gathered {
  phase: string;
  readonly samples: SecondSample[];
  readonly usage: { readonly rssMiB: number; readonly cpuPercent: number } | undefined;
}

/** A process that is late by more is not waited for: its numbers of that second are missing in the live view, not in the totals. */
const LATE_SECONDS_MAX = 3;

export class Series {
  readonly #points: SecondPoint[] = [];
  readonly #open = new Map<number, Gathered>();
  #lastUsage: { readonly usage: Usage; readonly atMs: number } | undefined;

  /** All that are complete, in order. */
  get points(): readonly SecondPoint[] {
    return this.#points;
  }

  /** To be called once a second, with what the server uses now. */
  begin(second: number, phase: string, usage: Usage | undefined, nowMs: number): void {
    // A second in which the phase changed belongs to the one that began: what is due at once is due then.
    const before = this.#open.get(second - 1);
    if (before !== undefined) before.phase = phase;
    this.#open.set(second, { phase, samples: [], usage: this.#rateOf(usage, nowMs) });
  }

  /** A sample of a second that was never begun, or is over, is passed over. */
  add(sample: SecondSample): void {
    this.#open.get(sample.second)?.samples.push(sample);
  }

  /** Completes the seconds that are over. */
  close(nowSecond: number): void {
    for (const [second, gathered] of this.#open) {
      if (second + LATE_SECONDS_MAX > nowSecond) continue;
      this.#open.delete(second);
      if (gathered.samples.length > 0) this.#points.push(pointOf(second, gathered));
    }
  }

  #rateOf(usage: Usage | undefined, nowMs: number): Gathered['usage'] {
    const last = this.#lastUsage;
    this.#lastUsage = usage === undefined ? undefined : { usage, atMs: nowMs };
    if (usage === undefined || last === undefined) return undefined;
    const cpuSecs = Math.max(0, usage.cpuSecs - last.usage.cpuSecs);
    return { rssMiB: usage.rssMiB, cpuPercent: (100_000 * cpuSecs) / (nowMs - last.atMs) };
  }
}

function pointOf(second: number, { phase, samples, usage }: Gathered): SecondPoint {
  const sum = (read: (sample: SecondSample) => number) =>
    samples.reduce((total, sample) => total + read(sample), 0);
  const latency = new Durations();
  for (const sample of samples) latency.add(new Durations(sample.latency));
  const at = (percentile: number) => (latency.count === 0 ? null : latency.at(percentile));
  return {
    second,
    phase,
    due: sum(({ due }) => due),
    sent: sum(({ sent }) => sent),
    answered: sum(({ answered }) => answered),
    arrived: sum(({ arrived }) => arrived),
    errors: sum(({ errors }) => errors),
    connected: sum(({ ready }) => ready),
    inFlight: sum(({ inFlight }) => inFlight),
    backlogMs: Math.max(...samples.map(({ backlogMs }) => backlogMs)),
    lost: sum(({ lost }) => lost),
    faults: sum(({ faults }) => faults),
    p50Ms: at(50),
    p99Ms: at(99),
    maxMs: at(100),
    rssMiB: usage?.rssMiB ?? null,
    cpuPercent: usage?.cpuPercent ?? null,
  };
}
