/** One caller's change of one record, as a decision about what stands there. */
import { assert } from '../../assert.ts';

/** What an edit makes of a record. */
export interface Decision<R, A> {
  readonly answer: A;
  /** What shall stand there; absent when nothing changes. */
  readonly next?: R;
}

/**
 * Decides by what stands there: undefined when nothing does. Must not change anything else: it may be asked several times, and only
 * its last decision counts. `hasRoom` false: there is no room for what it wanted before.
 */
export type Decide<R, A> = (record: R | undefined, hasRoom: boolean) => Decision<R, A>;

/** One caller's edit, whatever its answer is. */
export interface Edit<R, P> {
  readonly place: P;
  /** Returns what shall stand there; undefined when nothing changes. */
  decide(record: R | undefined, hasRoom: boolean): R | undefined;
  /** Gives the caller the answer of the last decision. */
  settle(): void;
  reject(error: unknown): void;
}

/** One call of the store that waits for its change; settles once, however often it has to decide. */
export class DecidingEdit<R, P, A> implements Edit<R, P> {
  readonly place: P;
  readonly #decide: Decide<R, A>;
  readonly #resolve: (answer: A) => void;
  readonly #reject: (error: unknown) => void;
  #decision: Decision<R, A> | undefined;

  constructor(
    place: P,
    decide: Decide<R, A>,
    resolve: (answer: A) => void,
    reject: (error: unknown) => void,
  ) {
    this.place = place;
    this.#decide = decide;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  decide(record: R | undefined, hasRoom: boolean): R | undefined {
    this.#decision = this.#decide(record, hasRoom);
    return this.#decision.next;
  }

  settle(): void {
    assert(this.#decision !== undefined, 'an edit decides before it settles');
    this.#resolve(this.#decision.answer);
  }

  reject(error: unknown): void {
    this.#reject(error);
  }
}

/** Each edit decides by what the one before it leaves. Returns what the last change leaves; undefined when nothing changes. */
export function decideAll<R>(
  edits: readonly Edit<R, unknown>[],
  record: R | undefined,
  hasRoom: boolean,
): R | undefined {
  let next: R | undefined;
  for (const edit of edits) next = edit.decide(next ?? record, hasRoom) ?? next;
  return next;
}
