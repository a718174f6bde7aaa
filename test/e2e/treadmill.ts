/** Somebody who does the same thing over and over, and stops for good when it fails. */
export class Treadmill<Outcome> {
  readonly #turn: () => Promise<Outcome>;
  readonly #running: Promise<void>;
  #inHand: Promise<Outcome>;
  #isStopping = false;

  /** Begins at once. `turn` is not called again before its last call is through. */
  constructor(turn: () => Promise<Outcome>) {
    this.#turn = turn;
    this.#inHand = turn();
    this.#running = this.#run();
    // Whoever watches or stops is told of a failure; until then it waits.
    this.#running.catch(() => {});
  }

  /** The outcomes of the next `count` turns that begin from now on. Rejects when one fails, or an earlier one has. */
  async outcomesOfNext(count: number): Promise<readonly Outcome[]> {
    await this.#inHand;
    const outcomes: Outcome[] = [];
    // By the time that a turn's end is known here, #run has begun the next: it was the first to wait for it.
    while (outcomes.length < count) outcomes.push(await this.#inHand);
    return outcomes;
  }

  /** Resolves when the turn in hand is through. Rejects when a turn has failed. */
  stop(): Promise<void> {
    this.#isStopping = true;
    return this.#running;
  }

  async #run(): Promise<void> {
    await this.#inHand;
    while (!this.#isStopping) {
      this.#inHand = this.#turn();
      await this.#inHand;
    }
  }
}
