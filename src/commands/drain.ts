import type { PutUpdate } from '../endpoint/put-update.ts';
import type { DeviceSide } from './device-side.ts';

/** How often the drain looks at what is left. */
const STEP_MS = 20;

export interface DrainDeps {
  readonly devices: Pick<DeviceSide, 'registry' | 'helloDeadlines'>;
  readonly putUpdate: Pick<PutUpdate, 'inHand'>;
  /** Sessions are closed evenly over this long, so that they do not all come back to the other nodes at once. */
  readonly spreadMs: number;
  /** The drain ends at the latest after this. */
  readonly deadlineMs: number;
}

/** Closes every session with 1001 and waits for the PUTs in hand. Resolves to whether all was done before the deadline. */
export async function drain({
  devices,
  putUpdate,
  spreadMs,
  deadlineMs,
}: DrainDeps): Promise<boolean> {
  const begunMs = performance.now();
  const waiting = [...devices.helloDeadlines.items(), ...devices.registry.all()];
  const total = waiting.length;
  for (;;) {
    const elapsedMs = performance.now() - begunMs;
    const left = spreadMs === 0 ? 0 : Math.floor(total * Math.max(0, 1 - elapsedMs / spreadMs));
    while (waiting.length > left) waiting.pop()?.goAway();
    if (waiting.length === 0 && putUpdate.inHand === 0) return true;
    if (elapsedMs >= deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
}
