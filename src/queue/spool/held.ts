import type { Clock } from '../../clock.ts';
import { ATTEMPTS_MAX, entryName, parseEntryName, parseHeldName } from './entry.ts';
import type { SpoolAct, SpoolFolder } from './folder.ts';

export interface HeldDeps {
  readonly folder: SpoolFolder;
  readonly clock: Clock;
  readonly onStranger: (count: number) => void;
}

/** Where entries wait for a moment. */
export type HeldPlace = 'leased' | 'delayed';

/** What looking through a place came to. */
export interface Release {
  /** Entries that are ready now. */
  readonly released: number;
  /** When the next one is due, by the clock's nowMs; Infinity when none waits. */
  readonly nextMs: number;
}

/** Released at one look; the rest is due at once. */
const RELEASED_AT_ONCE_MAX = 10_000;
/** Renames out at a time. */
const MOVES_AT_ONCE_MAX = 100;

const ACT: Readonly<Record<HeldPlace, SpoolAct>> = { leased: 'expire', delayed: 'promote' };

/**
 * Makes ready what has waited long enough in a place. Any number of processes may do so at once: of those who rename one file, one succeeds.
 * An entry whose lease has ended counts one attempt more, since its holder died over it.
 *
 * `heldMsMax`: nothing is held for longer. What seems to be for twice as long was named by a clock that has been set back since, and is
 * due now.
 */
export async function releaseDue(
  place: HeldPlace,
  { folder, clock, onStranger }: HeldDeps,
  heldMsMax: number,
): Promise<Release> {
  const nowMs = clock.nowMs();
  const due: string[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  let strangers = 0;
  await folder.list(
    place,
    (held) => {
      const atMs = parseHeldName(held)?.atMs;
      if (atMs === undefined) strangers += 1;
      else if (atMs > nowMs && atMs <= nowMs + 2 * heldMsMax) nextMs = Math.min(nextMs, atMs);
      else if (due.length < RELEASED_AT_ONCE_MAX) due.push(held);
      else nextMs = nowMs;
    },
    () => {
      strangers += 1;
    },
  );
  if (strangers > 0) onStranger(strangers);
  due.sort();
  let released = 0;
  for (let start = 0; start < due.length; start += MOVES_AT_ONCE_MAX) {
    const group = due.slice(start, start + MOVES_AT_ONCE_MAX);
    const moved = await Promise.all(group.map((held) => release(folder, place, held)));
    released += moved.filter(Boolean).length;
  }
  return { released, nextMs };
}

function release(folder: SpoolFolder, place: HeldPlace, held: string): Promise<boolean> {
  const name = parseHeldName(held)?.name ?? '';
  return folder.move(
    ACT[place],
    { place, name: held },
    { place: 'ready', name: place === 'leased' ? withOneAttemptMore(name) : name },
  );
}

/** The same entry, tried once more. */
export function withOneAttemptMore(name: string): string {
  const entry = parseEntryName(name);
  if (entry === undefined) return name;
  return entryName({ ...entry, attempts: Math.min(entry.attempts + 1, ATTEMPTS_MAX) });
}
