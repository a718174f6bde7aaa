import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import { Changes, type UpdateChange } from './embedded-changes.ts';
import type { Decide, Decision, Desk } from './embedded-decisions.ts';
import { failureOf, type RecordFile } from './embedded-file.ts';
import { type StoreLimits, StoreUnavailableError } from './store.ts';

export interface WriterDeps {
  readonly file: RecordFile;
  readonly limits: StoreLimits;
  readonly clock: Clock;
  /** Operations that may be on their way to the disk; one more is refused at once. */
  readonly queuedOperationsMax: number;
}

/** When nothing at all was written for so long, the disk is dead, or another process was stopped while it held the file's lock. */
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

/** What has been promised an answer, whatever answer that is. */
type Waiting = Pick<Operation<never>, 'reject'>;

/**
 * Decides operations as they come and answers them when they are on the disk. Nothing waits for its turn: what is decided while a
 * transaction is being written goes into the next one, which starts when that one has ended, with all that came meanwhile.
 */
export class Writer {
  readonly #deps: WriterDeps;
  readonly #changes: Changes;
  readonly #waiting = new Set<Waiting>();
  readonly #stopWatch: () => void;
  #isFull: boolean;
  /** When something was written last, or was asked for while nothing else was. */
  #progressAtMs = 0;
  #refusal: { readonly untilMs: number; readonly error: StoreUnavailableError } | undefined;
  #onQuiet: (() => void) | undefined;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
    this.#changes = new Changes(deps.file);
    this.#isFull = deps.file.isFull();
    this.#stopWatch = deps.clock.every(WATCH_INTERVAL_MS, () => this.#watch());
  }
}
