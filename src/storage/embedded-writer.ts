import type { Clock } from '../clock.ts';
import { Changes } from './embedded-changes.ts';
import type { Answered, Decide, Desk } from './embedded-decisions.ts';
import { failureOf, type RecordFile } from './embedded-file.ts';
import { type StoreLimits, StoreUnavailableError } from './store.ts';

export interface WriterDeps {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** Operations that may be on their way to the disk; one more is refused at once. */
  readonly queuedOperationsMax: number;
}

/** When nothing was written for so long, the disk is dead, or another process was stopped while it held the file's lock. */
export const STANDSTILL_MS_MAX = 5000;
/** After a failure operations are refused untried for so long: nobody asks a full disk a thousand times a second. */
export const PAUSE_AFTER_FAILURE_MS = 1000;
/** How often other processes may come first to what an operation has read. One of the rivals gets through each time. */
const ATTEMPTS_MAX = 100;
const WATCH_INTERVAL_MS = 1000;

interface Operation<Answer> {
  readonly decide: Decide<Answer>;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: StoreUnavailableError) => void;
  attempts: number;
}

/** An operation, whatever its answer is. */
type Waiting = Pick<Operation<never>, 'reject'>;

/** Why operations are refused untried: until a time, or, at a standstill, until something is written again. */
interface Refusal {
  readonly untilMs: number | 'written';
  readonly error: StoreUnavailableError;
}

/**
 * Decides operations as they come, and answers each when what it wrote is on the disk. None waits for its turn: what is decided while
 * a transaction is being written goes into the next one, together with all else that comes until that one has ended.
 */
export class Writer implements Desk {
  readonly file: RecordFile;
  readonly changes: Changes;
  readonly limits: StoreLimits;
  nowMs = 0;
  readonly #clock: Clock;
  readonly #waitingMax: number;
  readonly #waiting = new Set<Waiting>();
  readonly #stopWatch: () => void;
  #isFull: boolean;
  #refusal: Refusal | undefined;
  /** When something was written last, or was asked for while nothing else was. */
  #progressAtMs = 0;
  #onQuiet: (() => void) | undefined;

  constructor({ file, limits, clock, queuedOperationsMax }: WriterDeps) {
    this.file = file;
    this.changes = new Changes(file);
    this.limits = limits;
    this.#clock = clock;
    this.#waitingMax = queuedOperationsMax;
    this.#isFull = file.isFull();
    this.#stopWatch = clock.every(WATCH_INTERVAL_MS, () => this.#watch());
  }

  /**
   * Resolves to the answer when all that it rests on is on the disk.
   * @throws StoreUnavailableError
   */
  submit<Answer>(decide: Decide<Answer>): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const refusal = this.#refusalNow();
      if (refusal !== undefined) return reject(refusal);
      if (this.#waiting.size === 0) this.#progressAtMs = this.#clock.monotonicMs();
      const operation = { decide, resolve, reject, attempts: 0 };
      this.#waiting.add(operation);
      this.#decide(operation);
    });
  }

  /**
   * Resolves when all operations are answered, to whether the file may be closed: not while a transaction stands still. Nothing
   * may be submitted any more.
   */
  async close(): Promise<boolean> {
    if (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onQuiet = resolve;
      });
    }
    this.#stopWatch();
    return this.#refusal?.untilMs !== 'written';
  }

  requireRoom(): void {
    if (this.#isFull) throw new StoreUnavailableError('the store is full');
  }

  #refusalNow(): StoreUnavailableError | undefined {
    if (this.#waiting.size >= this.#waitingMax) {
      return new StoreUnavailableError('too many writes wait for the disk');
    }
    if (this.#refusal === undefined) return undefined;
    const { untilMs, error } = this.#refusal;
    if (untilMs === 'written' || this.#clock.monotonicMs() < untilMs) return error;
    this.#refusal = undefined;
    return undefined;
  }

  #decide<Answer>(operation: Operation<Answer>): void {
    try {
      this.nowMs = this.#clock.nowMs();
      const decision = operation.decide(this);
      if (decision.kind === 'later') {
        const decideAgain = () => this.#decide(operation);
        decision.after.then(decideAgain, decideAgain);
      } else if (decision.written === undefined) {
        this.#finish(operation)?.resolve(decision.answer);
      } else {
        decision.written.then(
          (isWritten) => this.#onWritten(operation, decision, isWritten),
          (rejection: unknown) => void this.#onFailed(operation, decision, rejection),
        );
      }
    } catch (error) {
      this.#finish(operation)?.reject(toUnavailable(error));
    }
  }

  #onWritten<Answer>(
    operation: Operation<Answer>,
    { answer, changes }: Answered<Answer>,
    isWritten: boolean,
  ): void {
    for (const change of changes) this.changes.forget(change, isWritten);
    this.#progressAtMs = this.#clock.monotonicMs();
    if (this.#refusal?.untilMs === 'written') this.#refusal = undefined;
    if (isWritten) {
      this.#finish(operation)?.resolve(answer);
    } else if (operation.attempts < ATTEMPTS_MAX) {
      operation.attempts += 1;
      this.#decide(operation);
    } else {
      const error = new StoreUnavailableError('other processes came first each time');
      this.#finish(operation)?.reject(error);
    }
  }

  /** Nothing of the transaction is in the file. Never rejects. */
  async #onFailed<Answer>(
    operation: Operation<Answer>,
    { changes }: Answered<Answer>,
    rejection: unknown,
  ): Promise<void> {
    for (const change of changes) this.changes.forget(change, false);
    const untilMs = this.#clock.monotonicMs() + PAUSE_AFTER_FAILURE_MS;
    this.#refusal = { untilMs, error: new StoreUnavailableError('the store failed a moment ago') };
    const cause = await failureOf(rejection);
    const error = new StoreUnavailableError(`the store cannot write: ${cause.message}`, { cause });
    this.#finish(operation)?.reject(error);
  }

  /** Undefined when the operation was given up meanwhile: its caller has been told. */
  #finish<Answer>(operation: Operation<Answer>): Operation<Answer> | undefined {
    if (!this.#waiting.delete(operation)) return undefined;
    if (this.#waiting.size === 0) this.#onQuiet?.();
    return operation;
  }

  #watch(): void {
    this.#isFull = this.file.isFull();
    if (this.#waiting.size === 0) return;
    if (this.#clock.monotonicMs() - this.#progressAtMs <= STANDSTILL_MS_MAX) return;
    const error = new StoreUnavailableError('the disk does not answer');
    this.#refusal = { untilMs: 'written', error };
    const givenUp = [...this.#waiting];
    this.#waiting.clear();
    for (const operation of givenUp) operation.reject(error);
    this.#onQuiet?.();
  }
}

function toUnavailable(error: unknown): StoreUnavailableError {
  if (error instanceof StoreUnavailableError) return error;
  return new StoreUnavailableError('the store cannot read a record', { cause: error });
}
