/**
 * The work on one provider's queue: leases entries, gives each device its turn, and leaves provider, store or queue alone for a while when
 * they are unwell. One for each provider: whatever happens to one leaves the others alone.
 */
import { setMaxListeners } from 'node:events';
import type { DeviceId } from '../protocol/ids.ts';
import { type LeasedKick, QueueUnavailableError } from '../queue/queue.ts';
import { StoreUnavailableError } from '../storage/store.ts';
import type { TokenBucket } from '../token-bucket.ts';
import { alarmOfDead, alarmOfProvider, queueOutage, storeOutage } from './worker/alarms.ts';
import { backoffMs } from './worker/backoff.ts';
import { Bell } from './worker/bell.ts';
import { Gate } from './worker/gate.ts';
import type { Outage } from './worker/outage.ts';
import { createRate } from './worker/rate.ts';
import { byDevice, type DeviceKicks, type Settlement, settle } from './worker/settlement.ts';
import { putBack, type TurnDeps, takeTurn } from './worker/turn.ts';
import type { KickWorkerDeps, WorkerView } from './worker/worker-deps.ts';

/** Entries of one lease: enough to keep a quick provider busy, few enough that another process gets some as well. */
const LEASE_BATCH_MAX = 100;
/** How long the queue may hold an empty-handed lease; longer saves nothing. */
const LEASE_WAIT_MS = 10_000;
/** At the rate limit: a few entries at once rather than a lease for each. */
const RATE_WAIT_MIN_MS = 20;
/** While there is no room the end of a wake-up rings; this is only a bound. */
const ROOM_WAIT_MS = 60_000;
/** An entry whose device is being woken waits at least this, however short the interval. */
const BESIDE_WAIT_MIN_MS = 250;

/** Works from `start` to `stop`. */
export class KickWorker {
  readonly #deps: KickWorkerDeps;
  readonly #turnDeps: TurnDeps;
  readonly #gate: Gate;
  readonly #rate: TokenBucket;
  readonly #bell: Bell;
  readonly #queueOutage: Outage;
  readonly #storeOutage: Outage;
  readonly #onBuried: ReturnType<typeof alarmOfDead>;
  readonly #stopping = new AbortController();
  readonly #givingUp = new AbortController();
  /** Devices that have their turn: never two wake-ups of one at once. */
  readonly #devices = new Set<DeviceId>();
  readonly #works = new Set<Promise<void>>();
  #inHand = 0;
  #lastError: WorkerView['lastError'];
  #loop: Promise<void> = Promise.resolve();

  constructor(deps: KickWorkerDeps) {
    const { settings, clock } = deps;
    this.#deps = deps;
    this.#rate = createRate(settings.ratePerSecondMax, clock);
    this.#bell = new Bell(deps.sleep);
    this.#queueOutage = queueOutage(deps);
    this.#storeOutage = storeOutage(deps);
    this.#onBuried = alarmOfDead(deps);
    this.#gate = new Gate({
      appOf: deps.appOf,
      failuresMax: settings.breakerFailuresMax,
      pause: settings.breakerPause,
      haltPause: settings.haltPause,
      clock,
      onChange: alarmOfProvider(deps),
    });
    // Each wake-up under way may listen; in_flight_max bounds them.
    setMaxListeners(0, this.#givingUp.signal);
    this.#turnDeps = {
      ...deps,
      ...settings,
      gate: this.#gate,
      storeOutage: this.#storeOutage,
      onError: (reason) => {
        this.#lastError = { reason, atMs: clock.nowMs() };
      },
      stopping: this.#stopping.signal,
      givingUp: this.#givingUp.signal,
    };
  }

  /** Begins. Call it once. */
  start(): void {
    this.#loop = this.#run();
  }

  get view(): WorkerView {
    return {
      inHand: this.#inHand,
      breaker: this.#gate.provider.state,
      halts: this.#gate.halts,
      queueProblem: this.#queueOutage.reason,
      storeProblem: this.#storeOutage.reason,
      lastError: this.#lastError,
    };
  }

  /**
   * Leases no more, lets wake-ups in hand finish and gives the other entries back to the queue, so that the next process has them at
   * once. After `deadlineMs` wake-ups are given up. Resolves to whether none was, when all entries are settled.
   */
  async stop(deadlineMs: number): Promise<boolean> {
    this.#stopping.abort();
    this.#bell.ring();
    const allSettled = this.#allSettled();
    const settledFirst = new AbortController();
    const inTime = await Promise.race([
      allSettled.then(() => true),
      this.#deps.sleep(deadlineMs, settledFirst.signal).then(() => false),
    ]);
    settledFirst.abort();
    if (!inTime) this.#givingUp.abort();
    await allSettled;
    return inTime;
  }

  async #allSettled(): Promise<void> {
    await this.#loop;
    await Promise.all(this.#works);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const waitMs = this.#waitMs();
      if (waitMs > 0) await this.#bell.wait(waitMs);
      else await this.#lease();
    }
  }

  /** How long to wait before the next lease; 0 when there is room for one now. */
  #waitMs(): number {
    const rateWaitMs = this.#rate.waitMs();
    const pauseMs = Math.max(
      this.#queueOutage.pauseMs,
      this.#storeOutage.pauseMs,
      this.#gate.provider.openMs,
      rateWaitMs === 0 ? 0 : Math.max(rateWaitMs, RATE_WAIT_MIN_MS),
    );
    if (pauseMs > 0) return pauseMs;
    return this.#room() > 0 ? 0 : ROOM_WAIT_MS;
  }

  /** Entries that could be begun now; what is in hand may take the breaker's room. */
  #room(): number {
    return Math.min(
      this.#deps.settings.inFlightMax - this.#inHand,
      this.#gate.provider.room - this.#inHand,
      this.#rate.available(),
      LEASE_BATCH_MAX,
    );
  }

  /** Never rejects. */
  async #lease(): Promise<void> {
    const max = this.#room();
    this.#rate.take(max);
    let leased: readonly LeasedKick[] = [];
    try {
      const { signal } = this.#stopping;
      leased = await this.#deps.queue.lease({ max, waitMs: LEASE_WAIT_MS, signal });
      this.#queueOutage.worked();
    } catch (error) {
      this.#onQueueFailure(error, 'lease');
    }
    this.#rate.giveBack(max - leased.length);
    for (const kicks of byDevice(leased)) this.#begin(kicks);
  }

  #begin(kicks: DeviceKicks): void {
    const { deviceId } = kicks.newest;
    const count = 1 + kicks.others.length;
    const isBeside = this.#devices.has(deviceId);
    this.#inHand += count;
    if (!isBeside) this.#devices.add(deviceId);
    const work = this.#work(kicks, isBeside).then((askedCount) => {
      this.#works.delete(work);
      this.#inHand -= count;
      if (!isBeside) this.#devices.delete(deviceId);
      this.#rate.giveBack(count - askedCount);
      this.#bell.ring();
    });
    this.#works.add(work);
  }

  /** Never rejects. Resolves to how often the provider was asked. */
  async #work(kicks: DeviceKicks, isBeside: boolean): Promise<0 | 1> {
    const { settlement, wasAsked } = isBeside
      ? { settlement: this.#afterTheTurn(), wasAsked: false }
      : await this.#takeTurn(kicks);
    try {
      await settle(kicks, settlement, {
        ...this.#deps,
        attemptsMax: this.#deps.settings.attemptsMax,
        onBuried: this.#onBuried,
      });
      this.#queueOutage.worked();
    } catch (error) {
      // Its lease ends, and it comes back.
      this.#onQueueFailure(error, 'settle');
    }
    return wasAsked ? 1 : 0;
  }

  /** The wake-up under way may have been sent before this entry's update was stored. What it leads to is known after the interval. */
  #afterTheTurn(): Settlement {
    const { wakeIntervalMs } = this.#deps.settings;
    return putBack('interval', Math.max(wakeIntervalMs, BESIDE_WAIT_MIN_MS));
  }

  /** As takeTurn, with its failures made settlements. */
  async #takeTurn(kicks: DeviceKicks): ReturnType<typeof takeTurn> {
    try {
      return await takeTurn(kicks, this.#turnDeps);
    } catch (error) {
      return { settlement: this.#afterFailure(kicks.newest, error), wasAsked: false };
    }
  }

  #afterFailure({ attempts, deviceId }: LeasedKick, error: unknown): Settlement {
    const { settings, random, metrics, log, provider } = this.#deps;
    const delayMs = backoffMs(settings.backoff, attempts, random);
    if (error instanceof StoreUnavailableError) {
      metrics.storeErrors.count++;
      this.#storeOutage.failed(error);
      return putBack('unavailable', this.#storeOutage.pauseMs + delayMs, error.message);
    }
    if (error instanceof QueueUnavailableError) {
      metrics.queueErrors.enqueue.count++;
      return putBack('unavailable', delayMs, error.message);
    }
    log.error({ provider: provider.name, deviceId, err: error }, 'kick.turn.failed');
    return { kind: 'retry', cause: 'failed', reason: 'internal error', delayMs, isAttempt: true };
  }

  #onQueueFailure(error: unknown, operation: 'lease' | 'settle'): void {
    this.#deps.metrics.queueErrors[operation].count++;
    this.#queueOutage.failed(error instanceof Error ? error : new Error(String(error)));
  }
}
