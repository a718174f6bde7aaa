/** All of one client process: its crowd, its PUTs, what it counts, and the ticks that move them. */
import { Random } from '../../test/support/random.ts';
import type { Channel } from './channel.ts';
import { Crowd } from './crowd.ts';
import type { Device } from './device.ts';
import { Tally } from './faults.ts';
import type { Arrival, LedgerNotes, PutOutcome } from './ledger.ts';
import type { PhaseResult, SecondSample, WorkerResult } from './messages.ts';
import { Meter } from './meter.ts';
import type { Phase, Plan } from './plan.ts';
import { type PutEnd, Putter } from './putter.ts';
import type { Act, Due } from './scenarios.ts';

export interface LoadDeps {
  readonly plan: Plan;
  readonly index: number;
  readonly startedAtEpochMs: number;
  readonly onSecond: (sample: SecondSample) => void;
  readonly onImpossible: (reason: string) => void;
}

const TICK_MS = 1;
const SWEEP_MS = 100;
/** Statuses that a valid PUT may be answered with when the server will not take it now. */
const BUSY_STATUSES: readonly number[] = [429, 503];

export class Load {
  readonly crowd: Crowd;
  readonly random: Random;
  /** What a tick does beside its own work. */
  onTick: (nowMs: number) => void = () => undefined;
  readonly #deps: LoadDeps;
  readonly #putter: Putter;
  readonly #tally = new Tally();
  readonly #notes: LedgerNotes = { repeats: 0, resent: 0, collapsed: 0, unjudged: 0 };
  readonly #statuses: Record<string, number> = {};
  readonly #ticker: NodeJS.Timeout;
  /** performance.now() at the zero of the series. */
  readonly #zeroMs: number;
  #second = new Meter();
  #secondNumber: number;
  #phase = new Meter();
  #accepted = 0;
  #arrived = 0;
  #stalePuts = 0;
  #liveAnswersWhileAway = 0;
  #lastArrivalMs = 0;
  #sweptMs = 0;

  constructor(deps: LoadDeps) {
    this.#deps = deps;
    const { plan, index } = deps;
    const { processes } = plan;
    this.random = new Random(plan.seed + index);
    this.#putter = new Putter({
      inFlightMax: Math.max(1, Math.floor(plan.inFlightMax / processes)),
      answerWaitMs: plan.answerWaitMs,
    });
    const firstIndex = Math.floor((plan.devices * index) / processes);
    this.crowd = new Crowd({
      plan,
      firstIndex,
      devices: Math.floor((plan.devices * (index + 1)) / processes) - firstIndex,
      tally: this.#tally,
      notes: this.#notes,
      random: this.random,
      onArrival: (arrival, device) => this.#onArrival(arrival, device),
      onImpossible: deps.onImpossible,
    });
    this.#zeroMs = performance.now() - (Date.now() - deps.startedAtEpochMs);
    this.#secondNumber = this.#secondOf(performance.now());
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** The part of devices and rate that is this process's. */
  get share(): number {
    return this.crowd.devices.length / this.#deps.plan.devices;
  }

  get inFlight(): number {
    return this.#putter.inFlight;
  }

  get hasRoom(): boolean {
    return this.#putter.hasRoom;
  }

  /** When a version came last for the first time. */
  get lastArrivalMs(): number {
    return this.#lastArrivalMs;
  }

  act({ kind, device }: Act): void {
    switch (kind) {
      case 'close':
      case 'cut':
        this.crowd.leave(device, kind);
        return;
      case 'come':
        this.crowd.come(device);
        return;
      case 'pause':
        device.pause();
        return;
      case 'resume':
        device.resume();
    }
  }

  /** Only when there is room. `dueMs` of performance.now(): latency counts from there, whenever this is called. */
  put({ channel, dataBytes }: Due, dueMs: number): void {
    const { endpoint } = channel;
    this.#count('due', 1);
    // Its register is not answered yet, or again.
    if (endpoint === undefined) return;
    const sentMs = performance.now();
    const wasAway = channel.device.isAwayFor(this.#deps.plan.graceMs);
    const version = channel.ledger.put(dueMs, sentMs);
    const body = `version=${version}${dataBytes > 0 ? `&data=${'x'.repeat(dataBytes)}` : ''}`;
    this.#count('sent', 1);
    this.#putter.put(endpoint, body, (end) => {
      const nowMs = performance.now();
      channel.ledger.onAnswer(version, this.#outcomeOf(end, channel, version), nowMs);
      if (end.kind !== 'answered') return;
      this.#count('answered', 1);
      this.#phase.answerFromDue.record(nowMs - dueMs);
      if (end.status === 200 && wasAway && channel.device.isAway) this.#liveAnswersWhileAway++;
    });
  }

  /** A PUT that was due and will not be sent; it has waited until now. */
  skip(dueMs: number): void {
    this.#count('due', 1);
    this.#phase.unsent++;
    this.#phase.fromDue.record(performance.now() - dueMs);
  }

  noteBacklog(ms: number): void {
    this.#second.backlogMs = Math.max(this.#second.backlogMs, ms);
    this.#phase.backlogMs = Math.max(this.#phase.backlogMs, ms);
  }

  beginPhase(): void {
    this.#phase = new Meter();
  }

  phaseResult({ scenario }: Phase, secs: number): PhaseResult {
    const { due, sent, accepted, arrived, unsent, backlogMs, ...durations } = this.#phase;
    return {
      ...{ scenario, secs, due, sent, accepted, arrived, unsent, backlogMsMax: backlogMs },
      fromDue: durations.fromDue.encode(),
      fromSend: durations.fromSend.encode(),
      answerFromDue: durations.answerFromDue.encode(),
    };
  }

  /** Stops the ticks and decides every channel. */
  end(): WorkerResult {
    clearInterval(this.#ticker);
    this.#closeSecond();
    this.crowd.end();
    this.#putter.close();
    const { crowd } = this;
    return {
      faults: this.#tally.toRecords(),
      notes: this.#notes,
      statuses: this.#statuses,
      ...crowd.counts.toResult(),
      stalePuts: this.#stalePuts,
      liveAnswersWhileAway: this.#liveAnswersWhileAway,
      accepted: this.#accepted,
      arrived: this.#arrived,
      rssMiB: process.memoryUsage.rss() / 2 ** 20,
    };
  }

  #tick(): void {
    const nowMs = performance.now();
    this.crowd.pump();
    this.onTick(nowMs);
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    this.crowd.sweep(nowMs);
    this.#putter.sweep(nowMs);
    if (this.#secondOf(nowMs) !== this.#secondNumber) this.#closeSecond();
  }

  #outcomeOf(end: PutEnd, { device }: Channel, version: number): PutOutcome {
    const place = () => `device ${device.index + 1}, version ${version}`;
    if (end.kind === 'stale') {
      this.#stalePuts++;
      return 'unknown';
    }
    if (end.kind !== 'answered') {
      this.#count('errors', 1);
      this.#tally.count(end.kind, place);
      return 'unknown';
    }
    const { status } = end;
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    if (status === 200 || status === 202) {
      this.#accepted++;
      this.#phase.accepted++;
      return 'accepted';
    }
    this.#count('errors', 1);
    if (!BUSY_STATUSES.includes(status)) {
      this.#tally.count('badAnswer', () => `${place()}, status ${status}`);
    }
    return 'refused';
  }

  #onArrival({ dueMs, sentMs }: Arrival, { presence }: Device): void {
    const nowMs = performance.now();
    this.#arrived++;
    this.#lastArrivalMs = nowMs;
    this.#count('arrived', 1);
    // A device that was not there waits for itself, not for the server.
    const { presentSinceMs } = presence;
    if (presentSinceMs === undefined || presentSinceMs > dueMs) return;
    this.#second.fromDue.record(nowMs - dueMs);
    this.#phase.fromDue.record(nowMs - dueMs);
    this.#phase.fromSend.record(nowMs - sentMs);
  }

  #count(what: 'due' | 'sent' | 'answered' | 'arrived' | 'errors', by: number): void {
    this.#second[what] += by;
    this.#phase[what] += by;
  }

  #secondOf(nowMs: number): number {
    return Math.floor((nowMs - this.#zeroMs) / 1000);
  }

  #closeSecond(): void {
    const { due, sent, answered, arrived, errors, backlogMs, fromDue } = this.#second;
    this.#deps.onSecond({
      second: this.#secondNumber,
      ...{ due, sent, answered, arrived, errors, backlogMs },
      ready: this.crowd.ready,
      inFlight: this.#putter.inFlight,
      lost: this.#tally.lost,
      faults: this.#tally.toRecords().reduce((sum, { count }) => sum + count, 0),
      latency: fromDue.encode(),
    });
    this.#second = new Meter();
    this.#secondNumber = this.#secondOf(performance.now());
  }
}
