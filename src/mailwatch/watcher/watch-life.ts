/**
 * What the watches of every protocol have in common: they begin, take one turn after the other, heed the device, and end, by being stopped
 * or by themselves. What a turn does is theirs.
 */
import { assert } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type {
  Account,
  MailFailure,
  StopReason,
  WatchedFolder,
  WatchReport,
  WatchState,
} from '../account.ts';
import type { Alarms } from './alarms.ts';
import type { Ledger } from './ledger.ts';
import { attentionOf, waitOf } from './states.ts';

export interface WatchLifeDeps {
  readonly alarms: Pick<Alarms, 'wait'>;
  readonly clock: Clock;
  readonly log: Log;
  /** The watch has ended by itself; the credentials are to be erased. */
  readonly onEnded: (reason: StopReason) => void;
}

/** Whose life it is. */
export interface WatchLifeOptions {
  readonly account: Account;
  readonly ledger: Ledger;
  /** One step, when the watch has neither expired nor is deferred. To end soon once `signal` is aborted: something has changed. */
  readonly turn: (signal: AbortSignal) => Promise<void>;
  /** A turn has rejected. The next one must wait. */
  readonly onBroken: (failure: MailFailure) => void;
  /** The device is told of the end of its watch; this often at most, when the endpoint does not take it. */
  readonly endTriesMax: number;
}

/**
 * So long in a row, by the clock that only grows, the machine's clock must say that a watch has expired; for a watch that lives shorter, as
 * long as it lives. Erased credentials do not come back when a clock that was set forward is corrected.
 */
export const EXPIRY_GRACE_MS = 3_600_000;
/** How often it is asked meanwhile. */
const GRACE_LOOK_MS = 60_000;

export const STARTING: WatchState = { kind: 'starting' };
const BROKEN: MailFailure = { kind: 'protocol', detail: 'the watch has failed' };

export class WatchLife {
  readonly #deps: WatchLifeDeps;
  readonly #options: WatchLifeOptions;
  #account: Account;
  #state: WatchState = STARTING;
  #sinceMs: number;
  /** Ends whatever the watch is waiting for, so that it sees what has changed. */
  #nudge = new AbortController();
  #notBeforeMs: number;
  /** Monotonic: since when each look at the machine's clock has said that the watch has expired. */
  #overdueSinceMs: number | undefined;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: WatchLifeOptions, deps: WatchLifeDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#account = options.account;
    this.#sinceMs = deps.clock.nowMs();
    this.#notBeforeMs = options.account.notBeforeMs;
  }

  /** With the device's last word. */
  get account(): Account {
    return this.#account;
  }

  get state(): WatchState {
    return this.#state;
  }

  /** What `status` tells. */
  report(folders: readonly WatchedFolder[]): WatchReport {
    const { lastVersion, lastNewsAtMs } = this.#options.ledger.progress;
    return {
      state: this.#state,
      sinceMs: this.#sinceMs,
      folders,
      ...(lastVersion === undefined ? {} : { lastVersion }),
      ...(lastNewsAtMs === undefined ? {} : { lastNewsAtMs }),
    };
  }

  /** Begins. Call it once. */
  start(): void {
    assert(this.#running === undefined, 'a watch begins once');
    this.#running = this.#run();
  }

  /** The device has been heard of; it is awake and looks itself until `untilMs`. */
  defer(untilMs: number, seenAtMs: number): void {
    this.#account = { ...this.#account, seenAtMs };
    this.#overdueSinceMs = undefined;
    this.#notBeforeMs = untilMs;
    this.#options.ledger.forgetNews();
    this.#nudge.abort();
  }

  /** Ends the turn that is under way; the next one begins at once. */
  letGo(): void {
    this.#nudge.abort();
  }

  /** Resolves when nothing of the watch runs any more. Harmless twice. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#nudge.abort();
    await this.#running;
  }

  enter(state: WatchState): void {
    if (state.kind !== this.#state.kind) this.#sinceMs = this.#deps.clock.nowMs();
    this.#state = state;
  }

  /** Waits as `verdict`, what the last failure led to, asks for; a device that could not be told of it is told in between. */
  async waitOut(verdict: WatchState, signal: AbortSignal): Promise<void> {
    this.enter(verdict);
    const retryMs = await this.#options.ledger.tellAttention(attentionOf(verdict));
    const waitMs = waitOf(verdict) - this.#deps.clock.nowMs();
    await this.#deps.alarms.wait(retryMs > 0 ? Math.min(retryMs, waitMs) : waitMs, signal);
  }

  /** Waits for the device's next word, or the end of the watch. */
  async rest(signal: AbortSignal): Promise<void> {
    const { seenAtMs, maxPollMs } = this.#account;
    this.enter({ kind: 'deferred', untilMs: seenAtMs + maxPollMs });
    await this.#deps.alarms.wait(Number.POSITIVE_INFINITY, signal);
  }

  /** Tells the device that the watch is over, and ends it; unless the device is heard of meanwhile. */
  async end(reason: StopReason): Promise<void> {
    this.enter({ kind: 'stopped', reason });
    if (reason !== 'endpoint-gone') await this.#tellEnd(reason);
    // The device was heard of at the last moment; or whoever stopped the watch knows what becomes of the credentials.
    if (this.#isStopped || (reason === 'expired' && this.#surelyLeftMs() > 0)) return;
    this.#isStopped = true;
    this.#deps.onEnded(reason);
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (!this.#isStopped) {
      const nudge = new AbortController();
      this.#nudge = nudge;
      try {
        await this.#turn(nudge);
      } catch (err) {
        // Our own bug, or a store's failure where it was not expected: this watch waits, and no other has noticed.
        this.#deps.log.error({ account: this.#account.id, err }, 'mail.watch.broken');
        this.#options.onBroken(BROKEN);
      }
      nudge.abort();
    }
  }

  async #turn(nudge: AbortController): Promise<void> {
    if (this.#surelyLeftMs() <= 0) return await this.end('expired');
    void this.#nudgeAtExpiry(nudge);
    const waitMs = this.#notBeforeMs - this.#deps.clock.nowMs();
    if (waitMs <= 0) return await this.#options.turn(nudge.signal);
    this.enter({ kind: 'deferred', untilMs: this.#notBeforeMs });
    await this.#deps.alarms.wait(waitMs, nudge.signal);
  }

  /** Wherever the turn waits, it does not outlast the watch. Never rejects. */
  async #nudgeAtExpiry(nudge: AbortController): Promise<void> {
    while (!nudge.signal.aborted) {
      const leftMs = this.#surelyLeftMs();
      if (leftMs <= 0) return nudge.abort();
      await this.#deps.alarms.wait(leftMs, nudge.signal);
    }
  }

  /** Looks at the clocks: for how long the watch may go on at least without a word from the device. Nothing when it has expired. */
  #surelyLeftMs(): number {
    const { seenAtMs, maxPollMs } = this.#account;
    const { clock } = this.#deps;
    const leftMs = seenAtMs + maxPollMs - clock.nowMs();
    if (leftMs > 0) {
      this.#overdueSinceMs = undefined;
      return leftMs;
    }
    this.#overdueSinceMs ??= clock.monotonicMs();
    const graceEndMs = this.#overdueSinceMs + Math.min(EXPIRY_GRACE_MS, maxPollMs);
    return Math.min(graceEndMs - clock.monotonicMs(), GRACE_LOOK_MS);
  }

  async #tellEnd(reason: StopReason): Promise<void> {
    const { ledger, endTriesMax } = this.#options;
    // That the password is refused the device has been told; that this has come to an end is news too.
    const attention = reason === 'expired' ? reason : 'none';
    for (let tries = 1; tries <= endTriesMax && !this.#isStopped; tries++) {
      const retryMs = await ledger.tellAttention(attention);
      if (retryMs === 0) return;
      if (tries < endTriesMax) await this.#deps.alarms.wait(retryMs, this.#nudge.signal);
    }
  }
}
