import { unreachable } from '../assert.ts';
import { failureOf } from './embedded-file.ts';
import { type Decide, Group, type GroupDeps } from './embedded-group.ts';
import { type Operation, PendingOperation } from './embedded-operation.ts';
import { StoreUnavailableError } from './store.ts';

export interface CommitsDeps extends GroupDeps {
  /** Operations that may wait for the group before them; one more is refused at once. */
  readonly queuedOperationsMax: number;
}

/**
 * Operations decided in one go: some 3 ms of this thread. Larger groups rewrite fewer pages for each operation, smaller ones let
 * their answers go out earlier.
 */
export const GROUP_OPERATIONS_MAX = 1000;
/** A group that takes longer stands behind a dead disk, or behind another process that was stopped while it held the file's lock. */
export const COMMIT_MS_MAX = 5000;
const COMMIT_CHECK_INTERVAL_MS = 1000;
/** After a failure operations are refused untried for so long: nobody asks a full disk a thousand times a second. */
export const PAUSE_AFTER_FAILURE_MS = 1000;
/** How often other processes may come first to what an operation has read. One of the rivals gets through each time. */
const ATTEMPTS_MAX = 100;

type State =
  | { readonly kind: 'idle' }
  | Gathering
  | { readonly kind: 'writing'; readonly members: readonly Operation[]; readonly sinceMs: number }
  /** The members were told that they failed; the transaction is still out. */
  | { readonly kind: 'overdue'; readonly error: StoreUnavailableError }
  | { readonly kind: 'pausing'; readonly untilMs: number; readonly error: StoreUnavailableError };

/** The rest of this turn of the event loop: operations are decided as they come. */
interface Gathering {
  readonly kind: 'gathering';
  readonly group: Group;
  readonly members: Operation[];
}

const IDLE: State = { kind: 'idle' };

/**
 * Group commit: the operations of one turn of the event loop, and all that came while the group before them was being written, go
 * to the disk in one transaction, and are answered when it is there. One group is out at a time, so that each finds
 * what the last one wrote.
 */
export class Commits {
  readonly #deps: CommitsDeps;
  readonly #stopChecking: () => void;
  #state: State = IDLE;
  #queue: Operation[] = [];
  #onQuiet: (() => void) | undefined;

  constructor(deps: CommitsDeps) {
    this.#deps = deps;
    this.#stopChecking = deps.clock.every(COMMIT_CHECK_INTERVAL_MS, () => this.#checkAge());
  }

  /**
   * Resolves to the answer when all that it rests on is on the disk.
   * @throws StoreUnavailableError
   */
  submit<Answer>(decide: Decide<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#accept(new PendingOperation(decide, resolve, reject));
    });
  }

  /** Resolves when everything submitted is answered, to whether the file may be closed: false while a transaction is overdue. */
  async close(): Promise<boolean> {
    if (this.#isBusy()) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
    this.#stopChecking();
    return this.#state.kind !== 'overdue';
  }

  #isBusy(): boolean {
    return this.#state.kind === 'gathering' || this.#state.kind === 'writing';
  }

  #accept(operation: Operation): void {
    const state = this.#state;
    if (this.#queue.length >= this.#deps.queuedOperationsMax) {
      return operation.reject(new StoreUnavailableError('too many writes wait for the disk'));
    }
    switch (state.kind) {
      case 'idle':
        return this.#gather(operation, this.#openGroup());
      case 'gathering':
        return this.#gather(operation, state);
      case 'writing':
        this.#queue.push(operation);
        return;
      case 'overdue':
        return operation.reject(state.error);
      case 'pausing':
        if (this.#deps.clock.monotonicMs() < state.untilMs) return operation.reject(state.error);
        return this.#gather(operation, this.#openGroup());
      default:
        unreachable(state);
    }
  }

  #openGroup(): Gathering {
    const gathering: Gathering = { kind: 'gathering', group: new Group(this.#deps), members: [] };
    this.#state = gathering;
    // Before the group's first write, so that it comes before the file's own call of this kind, which starts the transaction.
    setImmediate(() => void this.#write(gathering.members));
    return gathering;
  }

  #gather(operation: Operation, { group, members }: Gathering): void {
    try {
      if (members.length < GROUP_OPERATIONS_MAX && operation.decide(group)) members.push(operation);
      else this.#queue.push(operation);
    } catch (error) {
      operation.reject(toUnavailable(error));
    }
  }

  /** Never rejects. */
  async #write(members: readonly Operation[]): Promise<void> {
    this.#state = { kind: 'writing', members, sinceMs: this.#deps.clock.monotonicMs() };
    try {
      this.#onWritten(members, await Promise.all(members.map(({ written }) => written)));
    } catch (error) {
      this.#onFailed(members, await failureOf(error));
    }
    if (!this.#isBusy()) this.#onQuiet?.();
  }

  #onWritten(members: readonly Operation[], written: readonly (boolean | undefined)[]): void {
    const isOverdue = this.#state.kind === 'overdue';
    this.#state = IDLE;
    if (isOverdue) return;
    const beaten: Operation[] = [];
    for (const [index, operation] of members.entries()) {
      if (written[index] !== false) operation.resolve();
      else if (operation.attempts < ATTEMPTS_MAX) beaten.push(operation);
      else operation.reject(new StoreUnavailableError('other processes always came first'));
    }
    this.#decideQueue(beaten);
  }

  /** What was in the last group and must be decided anew comes first, then what waited, in its order. */
  #decideQueue(beaten: readonly Operation[]): void {
    const waiting = [...beaten, ...this.#queue];
    this.#queue = waiting.slice(GROUP_OPERATIONS_MAX);
    if (waiting.length === 0) return;
    const gathering = this.#openGroup();
    for (const operation of waiting.slice(0, GROUP_OPERATIONS_MAX))
      this.#gather(operation, gathering);
  }

  /** Nothing of the transaction is in the file. What waits would fail as well: it is told at once. */
  #onFailed(members: readonly Operation[], cause: Error): void {
    const error = new StoreUnavailableError(`the store cannot write: ${cause.message}`, { cause });
    const untilMs = this.#deps.clock.monotonicMs() + PAUSE_AFTER_FAILURE_MS;
    this.#state = { kind: 'pausing', untilMs, error };
    for (const operation of members) {
      // An answer that rests on no write is true whatever became of the others.
      if (operation.written === undefined) operation.resolve();
      else operation.reject(error);
    }
    this.#rejectQueue(error);
  }

  #rejectQueue(error: StoreUnavailableError): void {
    const queue = this.#queue;
    this.#queue = [];
    for (const operation of queue) operation.reject(error);
  }

  #checkAge(): void {
    const state = this.#state;
    if (state.kind !== 'writing') return;
    if (this.#deps.clock.monotonicMs() - state.sinceMs <= COMMIT_MS_MAX) return;
    const error = new StoreUnavailableError('the disk does not answer');
    this.#state = { kind: 'overdue', error };
    for (const operation of state.members) operation.reject(error);
    this.#rejectQueue(error);
    this.#onQuiet?.();
  }
}

function toUnavailable(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  return new StoreUnavailableError('the store cannot read a record', { cause: error });
}
