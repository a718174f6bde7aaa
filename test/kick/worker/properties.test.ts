/** What holds for the kick worker whatever happens, in whatever order. */
import { expect } from 'chai';
import fc from 'fast-check';
import { unreachable } from '../../../src/assert.ts';
import type { WakeOutcome } from '../../../src/kick/provider.ts';

import type { HandTime } from './hand-time.ts';
import { type BenchDevice, SETTINGS, WorkerBench } from './worker-bench.ts';

const DEVICES = 3;
/** Longer than anything that the worker may wait for after a life of bad answers, many times over. */
const SETTLING_MS = 600_000;
const IS_LONG = process.env['REVEILLE_TEST_LONG'] === '1';
const RUNS = IS_LONG ? 3000 : 100;

type DeviceEvent = 'put' | 'hello' | 'ack';

type Event =
  | { readonly kind: DeviceEvent; readonly at: number }
  | { readonly kind: 'pass'; readonly ms: number };

interface Answer {
  readonly outcome: WakeOutcome;
  readonly afterMs: number;
}

const OUTCOMES: readonly WakeOutcome[] = [
  { kind: 'woken' },
  { kind: 'gone', reason: 'Unregistered' },
  { kind: 'later', scope: 'device', reason: 'TooManyRequests' },
  { kind: 'later', scope: 'provider', reason: 'Shutdown', retryAfterMs: 3000 },
  { kind: 'later', scope: 'provider', reason: 'InternalServerError' },
  { kind: 'halted', reason: 'InvalidProviderToken' },
  { kind: 'unanswered', reason: 'timeout' },
];

const eventOf = (kind: DeviceEvent) =>
  fc.integer({ min: 0, max: DEVICES - 1 }).map((at): Event => ({ kind, at }));
const EVENTS = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: eventOf('put') },
    { weight: 2, arbitrary: eventOf('hello') },
    { weight: 1, arbitrary: eventOf('ack') },
    {
      weight: 4,
      arbitrary: fc.integer({ min: 1, max: 12_000 }).map((ms): Event => ({ kind: 'pass', ms })),
    },
  ),
  { maxLength: 40 },
);
const ANSWERS = fc.array(
  fc.record({ outcome: fc.constantFrom(...OUTCOMES), afterMs: fc.integer({ min: 0, max: 3000 }) }),
  { maxLength: 20 },
);

describe('the kick worker, whatever happens', function () {
  this.timeout(IS_LONG ? 600_000 : 60_000);
  for (const collapses of [false, true]) {
    const queue = collapses ? 'a queue that collapses' : 'a queue that keeps all';
    it(`wakes whom nobody has told, and nobody twice in the interval, with ${queue}`, async () => {
      await fc.assert(
        fc.asyncProperty(EVENTS, ANSWERS, async (events, answers) => {
          const run = await Run.begin(collapses, answers);
          try {
            for (const event of events) await run.happen(event);
            await run.settle();
            await run.expectAllTold();
            run.expectIntervals();
          } finally {
            await run.end();
          }
        }),
        { numRuns: RUNS },
      );
    });
  }
});

/** What a device has been through. */
interface Life {
  readonly device: BenchDevice;
  /** When its last update was stored; undefined when all are acknowledged. */
  pendingSinceMs: number | undefined;
  /** Whether a hello came after that. */
  isTold: boolean;
  /** When wake-ups that the provider has taken were sent. */
  readonly wokenAtMs: number[];
  underWay: number;
}

class Run {
  readonly #bench: WorkerBench;
  readonly #lives: readonly Life[];
  readonly #answers: Answer[];

  private constructor(bench: WorkerBench, lives: readonly Life[], answers: readonly Answer[]) {
    this.#bench = bench;
    this.#lives = lives;
    this.#answers = [...answers];
  }

  static async begin(collapses: boolean, answers: readonly Answer[]): Promise<Run> {
    const bench = new WorkerBench({ attemptsMax: 1000 }, { collapses });
    const lives = (await bench.addDevices(DEVICES)).map(
      (device): Life => ({
        device,
        pendingSinceMs: undefined,
        isTold: false,
        wokenAtMs: [],
        underWay: 0,
      }),
    );
    const run = new Run(bench, lives, answers);
    bench.provider.answer = ({ channelId }) => run.#answer(channelId);
    bench.worker.start();
    return run;
  }

  get #time(): HandTime {
    return this.#bench.time;
  }

  async happen(event: Event): Promise<void> {
    if (event.kind === 'pass') return this.#time.pass(event.ms);
    const life = this.#lives[event.at];
    if (life !== undefined) await this.#happenTo(life, event.kind);
  }

  async #happenTo(life: Life, kind: DeviceEvent): Promise<void> {
    const { deviceId, token } = life.device;
    switch (kind) {
      case 'put':
        life.pendingSinceMs = this.#time.nowMs();
        life.isTold = false;
        await this.#bench.put(life.device);
        return;
      case 'hello':
        life.isTold = true;
        await this.#bench.engine.writeTarget(deviceId, { type: 'fcm', token }, this.#time.nowMs());
        return;
      case 'ack':
        life.pendingSinceMs = undefined;
        await this.#bench.ack(life.device);
        return;
      default:
        unreachable(kind);
    }
  }

  /** From now on the provider is well. */
  async settle(): Promise<void> {
    this.#answers.length = 0;
    await this.#time.pass(SETTLING_MS);
  }

  async expectAllTold(): Promise<void> {
    const { ready, leased, delayed } = this.#bench.queue.depth;
    expect({ ready, leased, delayed }).to.deep.equal({ ready: 0, leased: 0, delayed: 0 });
    for (const { device, pendingSinceMs, isTold, wokenAtMs } of this.#lives) {
      const { target } = await this.#bench.engine.readKick(device.deviceId);
      if (target === undefined || pendingSinceMs === undefined) continue;
      const isWoken = wokenAtMs.some((sentAtMs) => sentAtMs >= pendingSinceMs);
      expect(isTold || isWoken, `${device.token} knows of its update`).to.equal(true);
    }
  }

  expectIntervals(): void {
    for (const { wokenAtMs } of this.#lives) {
      for (const [index, sentAtMs] of wokenAtMs.slice(1).entries()) {
        expect(sentAtMs - (wokenAtMs[index] ?? 0)).to.be.at.least(SETTINGS.wakeIntervalMs);
      }
    }
  }

  async end(): Promise<void> {
    await this.#bench.close();
  }

  async #answer(channelId: string): Promise<WakeOutcome> {
    const life = this.#lives.find(({ device }) => device.channelId === channelId);
    if (life === undefined) throw new Error('a wake-up of a stranger');
    const sentAtMs = this.#time.nowMs();
    const { outcome, afterMs } = this.#answers.shift() ?? {
      outcome: { kind: 'woken' },
      afterMs: 0,
    };
    life.underWay += 1;
    expect(life.underWay, 'wake-ups of one device at once').to.equal(1);
    if (afterMs > 0) await this.#time.sleep(afterMs, new AbortController().signal);
    life.underWay -= 1;
    if (outcome.kind === 'woken') life.wokenAtMs.push(sentAtMs);
    return outcome;
  }
}
