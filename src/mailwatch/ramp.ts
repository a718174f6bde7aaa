/** Shortest wait between two steps of a ramp: below it several are taken together. */
const STEP_MS_MIN = 10;

export interface Ramp {
  /** From the first item to the last. */
  readonly rampMs: number;
  /** Resolves after so long, or as soon as the signal is aborted. Never rejects. */
  readonly wait: (waitMs: number, signal: AbortSignal) => Promise<void>;
  /** Ends it where it is. */
  readonly signal: AbortSignal;
}

/**
 * Does `act` to each item, evenly spread over the ramp and not by chance: the ramp is a promise to the providers. One that takes longer holds
 * up those behind it. Rejects only when `act` does.
 */
export async function inRamp<Item>(
  items: readonly Item[],
  act: (item: Item) => void | Promise<void>,
  { rampMs, wait, signal }: Ramp,
): Promise<void> {
  let owedMs = 0;
  for (const item of items) {
    if (signal.aborted) return;
    await act(item);
    owedMs += rampMs / items.length;
    if (owedMs < STEP_MS_MIN) continue;
    await wait(owedMs, signal);
    owedMs = 0;
  }
}
