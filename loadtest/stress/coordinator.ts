/** Runs the client processes in step, and puts together what they say. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { LiveView } from './live-view.ts';
import type { FromWorker, PhaseResult, ToWorker, WorkerResult } from './messages.ts';
import { type Plan, phasesOf, SCENARIO_TEXTS, shownUrl } from './plan.ts';
import type { Outcome } from './report.ts';
import { Series } from './series.ts';
import { usageOf } from './server-usage.ts';

export interface CoordinatorDeps {
  readonly plan: Plan;
  readonly view: LiveView;
  /** Ends the phase that runs and goes to the last check. */
  readonly interruption: AbortSignal;
}

const WORKER = fileURLToPath(new URL('./worker.js', import.meta.url));
const SECOND_MS = 1000;

/**
 * Resolves when every process has done its last check. No process is left behind.
 * @throws Error in a sentence when the run could not go on.
 */
export async function runStress({ plan, view, interruption }: CoordinatorDeps): Promise<Outcome> {
  const startedAt = new Date();
  const series = new Series();
  const fleet = new Fleet(plan.processes, (sample) => series.add(sample));
  const clock = startClock(plan, { series, view, startedAt });
  interruption.addEventListener('abort', () => fleet.tell({ kind: 'cutShort' }), { once: true });
  try {
    view.phase('connect', 'devices say hello and register their channels');
    const startedAtEpochMs = startedAt.getTime();
    const begin = (index: number) => ({ kind: 'begin', plan, index, startedAtEpochMs }) as const;
    const connected = await fleet.all('connected', begin);
    if (connected.every(({ ready }) => ready === 0)) {
      throw new Error(`no device could connect to ${shownUrl(plan.url)}`);
    }
    const phases: (readonly PhaseResult[])[] = [];
    for (const [number, { scenario }] of phasesOf(plan).entries()) {
      if (interruption.aborted) break;
      clock.phase = scenario;
      view.phase(scenario, SCENARIO_TEXTS[scenario]);
      const done = await fleet.all('phaseDone', () => ({ kind: 'phase', number }));
      phases.push(done.map(({ result }) => result));
    }
    clock.phase = 'check';
    view.phase('check', 'all devices come back, take what is owed, and say hello once more');
    const finished = await fleet.all('finished', () => ({ kind: 'finish' }));
    const workers: readonly WorkerResult[] = finished.map(({ result }) => result);
    const tookSecs = (Date.now() - startedAt.getTime()) / 1000;
    clock.finish();
    const interrupted = interruption.aborted;
    return { startedAt, tookSecs, interrupted, phases, workers, series: series.points };
  } finally {
    clock.stop();
    view.end();
    fleet.end();
  }
}

/** What is done each second: the server is looked at, the series goes on, the view is shown. */
function startClock(
  plan: Plan,
  {
    series,
    view,
    startedAt,
  }: { readonly series: Series; readonly view: LiveView; readonly startedAt: Date },
) {
  let begun = -1;
  let shown = 0;
  const secondNow = () => Math.floor((Date.now() - startedAt.getTime()) / SECOND_MS);
  const clock = {
    phase: 'connect',
    stop: () => clearInterval(timer),
    /** Completes the seconds that are still open. */
    finish: () => series.close(Number.POSITIVE_INFINITY),
  };
  const tick = () => {
    const second = secondNow();
    const usage = usageOf(plan.pids);
    // A second that a busy machine let pass is begun as well.
    for (let next = begun + 1; next <= second; next++) {
      series.begin(next, clock.phase, usage, performance.now());
    }
    begun = second;
    series.close(second);
    const point = series.points.at(-1);
    if (point === undefined || series.points.length === shown) return;
    shown = series.points.length;
    view.second(point, (Date.now() - startedAt.getTime()) / SECOND_MS);
  };
  tick();
  const timer = setInterval(tick, SECOND_MS);
  return clock;
}

type Answer<Kind extends FromWorker['kind']> = Extract<FromWorker, { kind: Kind }>;
type Sample = Answer<'second'>['sample'];

/** The client processes, told each step together. */
class Fleet {
  readonly #children: readonly ChildProcess[];
  readonly #onSample: (sample: Sample) => void;
  /** Set once the run cannot go on. */
  #failure: Error | undefined;
  #isEnding = false;
  #onFailure: (error: Error) => void = () => undefined;

  constructor(processes: number, onSample: (sample: Sample) => void) {
    this.#onSample = onSample;
    this.#children = Array.from({ length: processes }, () => {
      const child = fork(WORKER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      child.on('message', (message: FromWorker) => this.#onMessage(message));
      child.once('error', (error) => this.#fail(error.message));
      child.once('exit', (code, signal) => {
        if (!this.#isEnding) this.#fail(`a client process ended with ${code ?? signal}`);
      });
      return child;
    });
  }

  tell(message: ToWorker): void {
    for (const child of this.#children) child.send(message);
  }

  /** Tells each process its step and resolves when all have answered with `kind`, in their order. */
  async all<Kind extends FromWorker['kind']>(
    kind: Kind,
    message: (index: number) => ToWorker,
  ): Promise<readonly Answer<Kind>[]> {
    const failed = new Promise<never>((_, reject) => {
      this.#onFailure = reject;
      if (this.#failure !== undefined) reject(this.#failure);
    });
    const answers = this.#children.map((child, index) => {
      const answer = answerOf(child, kind);
      child.send(message(index));
      return answer;
    });
    return await Promise.race([Promise.all(answers), failed]);
  }

  end(): void {
    this.#isEnding = true;
    for (const child of this.#children) child.kill('SIGKILL');
  }

  #onMessage(message: FromWorker): void {
    if (message.kind === 'second') this.#onSample(message.sample);
    if (message.kind === 'impossible') this.#fail(message.reason);
  }

  #fail(reason: string): void {
    this.#failure ??= new Error(reason);
    this.#onFailure(this.#failure);
  }
}

function answerOf<Kind extends FromWorker['kind']>(
  child: ChildProcess,
  kind: Kind,
): Promise<Answer<Kind>> {
  return new Promise((resolve) => {
    const onMessage = (message: FromWorker) => {
      if (!isOf(message, kind)) return;
      child.off('message', onMessage);
      resolve(message);
    };
    child.on('message', onMessage);
  });
}

function isOf<Kind extends FromWorker['kind']>(
  message: FromWorker,
  kind: Kind,
): message is Answer<Kind> {
  return message.kind === kind;
}
