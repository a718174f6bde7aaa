import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import { type StoreLimits, StoreUnavailableError } from '../store.ts';
import { failureOf, type RecordFile } from './file.ts';
import { type Decide, Group } from './group.ts';
import { type Operation, PromisedOperation } from './operation.ts';

export interface CommitsDeps {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** Operations that may wait to be decided; one more is refused at once. */
  readonly queuedOperationsMax: number;
}

/** Operations decided in one go: some 3 ms of this thread. */
export const GROUP_OPERATIONS_MAX = 1000;
/**
 * How far apart the commits of a busy process begin. Each costs 0.2 ms of processor time, whatever it holds: at most a tenth of a core. A PUT
 * waits for this and for one write, which is most of what the slowest of a hundred take.
 */
const GATHER_MS_MAX = 2;
/** A commit that takes longer stands behind a dead disk, or behind a process that was stopped while it held the file's lock. */
export const COMMIT_MS_MAX = 5000;
/** After a failure operations are refused untried for so long: nobody asks a full disk a thousand times a second. */
export const PAUSE_AFTER_FAILURE_MS = 1000;
/** How often other processes may come first to what an operation has read. One of the rivals gets through each time. */
const ATTEMPTS_MAX = 100;
const WATCH_INTERVAL_MS = 1000;

type State =
  | { readonly kind: 'idle' }
  /** Operations come in, until the event loop has a turn without one. */
  | { readonly kind: 'gathering'; readonly sinceMs: number }
  | { readonly kind: 'writing'; readonly sinceMs: number; readonly members: readonly Operation[] }
  /** The members were told that they failed; their transaction is still out. */
  | { readonly kind: 'overdue'; readonly error: StoreUnavailableError }
  | { readonly kind: 'pausing'; readonly untilMs: number; readonly error: StoreUnavailableError };

const IDLE: State = { kind: 'idle' };

/**
 * Group commit. What comes while a group is being written, and until the event loop has a turn in which nothing comes, is decided together
 * and goes to the disk in one transaction; each operation is answered when it is there. One group is out at a time, and each is decided
 * on what the last one left.
 *
 * Nothing is decided under the file's lock, which is shared with other processes: they would wait for our event loop. Each write is made on
 * the condition that what was read is unchanged; if not, the operation is decided anew in the next group.
 */
export class Commits {
  readonly #file: RecordFile;
  readonly #limits: StoreLimits;
  readonly #clock: Clock;
  readonly #queuedMax: number;
  readonly #stopWatch: () => void;
  #state: State = IDLE;
  #queue: Operation[] = [];
  #onQuiet: (() => void) | undefined;

  constructor({ file, limits, clock, queuedOperationsMax }: CommitsDeps) {
    this.#file = file;
    this.#limits = limits;
    this.#clock = clock;
    this.#queuedMax = queuedOperationsMax;
    this.#stopWatch = clock.every(WATCH_INTERVAL_MS, () => this.#watch());
  }

  /**
   * Resolves to the answer when all that it rests on is on the disk.
   * @throws StoreUnavailableError
   */
  submit<Answer>(decide: Decide<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusal();
      if (refusal !== undefined) return reject(refusal);
      this.#queue.push(new PromisedOperation(decide, resolve, reject));
      if (this.#state.kind === 'idle') this.#gather(this.#clock.monotonicMs());
    });
  }

  /**
   * Resolves when everything submitted is answered, to whether the file may be closed: not while a transaction is overdue. Nothing
   * may be submitted any more.
   */
  async close(): Promise<boolean> {
    if (this.#isBusy()) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
    this.#stopWatch();
    return this.#state.kind !== 'overdue';
  }

  /** Why an operation is refused at once; undefined when it may wait. */
  #refusal(): StoreUnavailableError | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'idle':
        return undefined;
      case 'gathering':
      case 'writing':
        if (this.#queue.length < this.#queuedMax) return undefined;
        return new StoreUnavailableError('too many writes wait for the disk');
      case 'overdue':
        return state.error;
      case 'pausing':
        if (this.#clock.monotonicMs() < state.untilMs) return state.error;
        this.#state = IDLE;
        return undefined;
      default:
        return unreachable(state);
    }
  }

  #isBusy(): boolean {
    return this.#state.kind === 'gathering' || this.#state.kind === 'writing';
  }

  #gather(sinceMs: number): void {
    this.#state = { kind: 'gathering', sinceMs };
    const queued = this.#queue.length;
    setImmediate(() => {
      const isOver =
        this.#queue.length === queued ||
        queued >= GROUP_OPERATIONS_MAX ||
        this.#clock.monotonicMs() - sinceMs >= GATHER_MS_MAX;
      if (isOver) void this.#write();
      else this.#gather(sinceMs);
    });
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const sinceMs = this.#clock.monotonicMs();
    const members = this.#decideQueue();
    this.#state = { kind: 'writing', sinceMs, members };
    const writes = Promise.all(members.map((operation) => operation.written));
    await writes.then(
      (written) => this.#onWritten({ sinceMs, members, written }),
      async (rejection) => this.#onFailed(members, await failureOf(rejection)),
    );
    if (!this.#isBusy()) this.#onQuiet?.();
  }

  /** Takes from the queue what can be decided together. */
  #decideQueue(): readonly Operation[] {
    const members: Operation[] = [];
    const later: Operation[] = [];
    this.#file.refresh();
    const group = new Group({
      file: this.#file,
      limits: this.#limits,
      nowMs: this.#clock.nowMs(),
    });
    for (const operation of this.#queue.splice(0, GROUP_OPERATIONS_MAX)) {
      try {
        (operation.decide(group) ? members : later).push(operation);
      } catch (error) {
        operation.reject(toUnavailable(error));
      }
    }
    this.#queue.unshift(...later);
    return members;
  }

  #onWritten({
    sinceMs,
    members,
    written,
  }: {
    readonly sinceMs: number;
    readonly members: readonly Operation[];
    readonly written: readonly (boolean | undefined)[];
  }): void {
    const isOverdue = this.#state.kind === 'overdue';
    this.#state = IDLE;
    if (isOverdue) return;
    const beaten: Operation[] = [];
    for (const [index, operation] of members.entries()) {
      if (written[index] !== false) operation.resolve();
      else if (operation.attempts < ATTEMPTS_MAX) beaten.push(operation);
      else operation.reject(new StoreUnavailableError('other processes came first each time'));
    }
    this.#queue.unshift(...beaten);
    if (this.#queue.length > 0) this.#gather(sinceMs);
  }

  /** Nothing of the transaction is in the file. What waits would fail as well, and is told at once. */
  #onFailed(members: readonly Operation[], cause: Error): void {
    const error = new StoreUnavailableError(`the store cannot write: ${cause.message}`, { cause });
    const untilMs = this.#clock.monotonicMs() + PAUSE_AFTER_FAILURE_MS;
    this.#state = { kind: 'pausing', untilMs, error };
    for (const operation of members) {
      // An answer that rests on what was read is true whatever became of the others.
      if (operation.written === undefined) operation.resolve();
      else operation.reject(error);
    }
    this.#rejectQueue(error);
  }

  #watch(): void {
    const state = this.#state;
    if (state.kind !== 'writing') return;
    if (this.#clock.monotonicMs() - state.sinceMs <= COMMIT_MS_MAX) return;
    const error = new StoreUnavailableError('the disk does not answer');
    this.#state = { kind: 'overdue', error };
    for (const operation of state.members) operation.reject(error);
    this.#rejectQueue(error);
    this.#onQuiet?.();
  }

  #rejectQueue(error: StoreUnavailableError): void {
    for (const operation of this.#queue.splice(0)) operation.reject(error);
  }
}

function toUnavailable(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  return new StoreUnavailableError('the store cannot read a record', { cause: error });
}
