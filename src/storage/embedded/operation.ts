import { assert } from '../../assert.ts';
import type { StoreUnavailableError } from '../store.ts';
import type { Decide, Decision, Group } from './group.ts';

/** An operation that was promised an answer, whatever that will be. */
export interface Operation {
  /** How often it was decided; more than once when another process came first. */
  readonly attempts: number;
  /** What its answer waits for, see Decision. */
  readonly written: Promise<boolean> | undefined;
  /** Decides; false when it must wait for the next group. Throws what the decision throws. */
  decide(group: Group): boolean;
  /** Gives the answer that was decided last. */
  resolve(): void;
  reject(error: StoreUnavailableError): void;
}

/** An operation and the promise of its answer. */
export class PromisedOperation<Answer> implements Operation {
  readonly #decide: Decide<Answer>;
  readonly #resolve: (answer: Answer) => void;
  readonly reject: (error: StoreUnavailableError) => void;
  #decision: Decision<Answer> | undefined;
  attempts = 0;

  constructor(
    decide: Decide<Answer>,
    resolve: (answer: Answer) => void,
    reject: (error: StoreUnavailableError) => void,
  ) {
    this.#decide = decide;
    this.#resolve = resolve;
    this.reject = reject;
  }

  get written(): Promise<boolean> | undefined {
    return this.#decision?.written;
  }

  decide(group: Group): boolean {
    const decision = this.#decide(group);
    if (decision === 'later') return false;
    this.#decision = decision;
    this.attempts += 1;
    return true;
  }

  resolve(): void {
    assert(this.#decision !== undefined, 'an operation is decided before it is answered');
    this.#resolve(this.#decision.answer);
  }
}
