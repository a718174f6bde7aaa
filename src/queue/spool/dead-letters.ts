import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { DeadKick } from '../queue.ts';
import { entryId, entryName, heldName, ID, parseEntryName, parseHeldName } from './entry.ts';
import type { SpoolFile, SpoolFolder } from './folder.ts';
import { GroupSync } from './group-sync.ts';
import type { Tally } from './tally.ts';

export interface DeadLettersDeps {
  readonly folder: SpoolFolder;
  readonly tally: Tally;
  readonly clock: Clock;
  readonly log: Log;
  /** Dead entries kept; the oldest goes when one more comes. */
  readonly deadMax: number;
}

/** A reason. One block of the disk in any case, so that the longest costs no more than the shortest. */
export const DEAD_RECORD_BYTES = 4096;
/** Even if each of them needed six bytes, the record would hold them. */
export const REASON_CHARACTERS_MAX = 500;
/** Dead entries read or moved at a time. */
const AT_ONCE_MAX = 50;
const UNKNOWN_REASON = 'the reason was not written';

/** So old must a reason without a dead entry be to be nobody's: its entry may be about to die. */
const ORPHAN_AGE_MS_MIN = 3_600_000;

/**
 * Entries that were given up. First the reason is on the disk, in a file of its own, then the entry's file is renamed: one step that either
 * happened or not, so a kill leaves the entry leased or dead and never both, and no dead entry without its reason. The other way round
 * first the entry goes, then its reason. What a kill leaves behind is a reason of nobody's, which the next look removes.
 *
 * A reason has a fixed length and is written in one call: of two who write one, because the first has lost his lease, one wins, whole.
 */
export class DeadLetters {
  readonly #deps: DeadLettersDeps;
  readonly #sync: GroupSync;
  readonly #syncReady: GroupSync;
  /** Names in dead/ as they were found, and those that came since; the oldest first. Some may have been removed by other processes. */
  readonly #known = new Set<string>();

  constructor(deps: DeadLettersDeps) {
    this.#deps = deps;
    this.#sync = new GroupSync(() => deps.folder.sync('dead'));
    this.#syncReady = new GroupSync(() => deps.folder.sync('ready'));
  }

  /** Looks how many there are. */
  async count(): Promise<number> {
    const names = await this.#names();
    for (const name of names) this.#known.add(name);
    return names.length;
  }

  /** Removes the reasons of entries that are gone. */
  async tidy(): Promise<void> {
    const { folder, clock } = this.#deps;
    const reasons = await folder.reasonsBefore(clock.nowMs() - ORPHAN_AGE_MS_MIN);
    const dead = new Set((await this.#names()).map(idOf));
    const orphans = reasons.filter((id) => ID.test(id) && !dead.has(id));
    await inGroups(orphans, (id) => folder.forget(id));
  }

  /** `file`: in leased/. */
  async bury(file: SpoolFile, reason: string): Promise<void> {
    const { folder, tally, clock } = this.#deps;
    const name = parseHeldName(file.name)?.name ?? '';
    const entry = parseEntryName(name);
    if (entry === undefined) return;
    const diedAtMs = clock.nowMs();
    const id = entryId(entry);
    await folder.explain(id, recordOf({ reason, attempts: entry.attempts, diedAtMs }));
    const dead: SpoolFile = { place: 'dead', name: heldName(diedAtMs, name) };
    if (!(await folder.move('bury', file, dead))) return;
    await this.#sync.wait();
    tally.add({ entries: -1, bytes: DEAD_RECORD_BYTES });
    this.#known.add(dead.name);
    await this.#dropOldest();
  }

  /** The oldest, up to `max`. */
  async list(max: number): Promise<readonly DeadKick[]> {
    const names = (await this.#names()).slice(0, max);
    return (await inGroups(names, (name) => this.#read(name))).filter((kick) => kick !== undefined);
  }

  /** Makes them ready again, or the one with `id`; the oldest first, as many as there is room for. Resolves to how many. */
  async retry(id: string | undefined): Promise<number> {
    const names = await this.#names(id);
    const revived = await inGroups(names, (name) => this.#revive(name));
    await this.#syncReady.wait();
    return countTrue(revived);
  }

  /** Removes them, or the one with `id`. Resolves to how many. */
  async purge(id: string | undefined): Promise<number> {
    const names = await this.#names(id);
    return countTrue(await inGroups(names, (name) => this.#purge(name)));
  }

  async #revive(held: string): Promise<boolean> {
    const { folder, tally } = this.#deps;
    const entry = parseEntryName(parseHeldName(held)?.name ?? '');
    if (entry === undefined) return false;
    const name = entryName({ ...entry, attempts: 0 });
    if (tally.refusal(0) !== undefined) return false;
    // At once: others are revived meanwhile.
    tally.add({ entries: 1, bytes: -DEAD_RECORD_BYTES });
    const from: SpoolFile = { place: 'dead', name: held };
    if (!(await folder.move('revive', from, { place: 'ready', name }))) {
      tally.add({ entries: -1, bytes: DEAD_RECORD_BYTES });
      return false;
    }
    this.#known.delete(held);
    await folder.forget(entryId(entry));
    return true;
  }

  async #purge(name: string): Promise<boolean> {
    const { folder, tally } = this.#deps;
    if (!(await folder.remove('purge', { place: 'dead', name }))) return false;
    await folder.forget(idOf(name));
    tally.add({ entries: 0, bytes: -name.length - DEAD_RECORD_BYTES });
    this.#known.delete(name);
    return true;
  }

  /** Out of the set at once, so that of several who find too many each drops others. */
  async #dropOldest(): Promise<void> {
    const { deadMax, log } = this.#deps;
    const oldest: string[] = [];
    for (const name of this.#known) {
      if (this.#known.size <= deadMax) break;
      this.#known.delete(name);
      oldest.push(name);
    }
    const dropped = countTrue(await inGroups(oldest, (name) => this.#purge(name)));
    if (dropped > 0) log.warn({ dropped, deadMax }, 'queue.dead.dropped');
  }

  async #read(held: string): Promise<DeadKick | undefined> {
    const { name, atMs } = parseHeldName(held) ?? {};
    const entry = parseEntryName(name ?? '');
    if (entry === undefined || atMs === undefined) return undefined;
    const content = await this.#deps.folder.readReason(entryId(entry), DEAD_RECORD_BYTES);
    const { deviceId, channelId, version, storedAtMs, attempts } = entry;
    const kick = { deviceId, channelId, version, storedAtMs, attempts };
    return {
      id: entryId(entry),
      ...kick,
      diedAtMs: atMs,
      reason: content === undefined ? UNKNOWN_REASON : reasonIn(content),
    };
  }

  /** The oldest first; with `id` the one, if it is there. */
  async #names(id?: string): Promise<string[]> {
    const names: string[] = [];
    const onName = (held: string) => {
      const entry = parseEntryName(parseHeldName(held)?.name ?? '');
      if (entry !== undefined && (id === undefined || entryId(entry) === id)) names.push(held);
    };
    await this.#deps.folder.list('dead', onName, () => undefined);
    return names.sort();
  }
}

/** Of a name in dead/. */
function idOf(held: string): string {
  const entry = parseEntryName(parseHeldName(held)?.name ?? '');
  return entry === undefined ? '' : entryId(entry);
}

/** JSON, filled up with blanks. */
function recordOf({
  reason,
  attempts,
  diedAtMs,
}: {
  readonly reason: string;
  readonly attempts: number;
  readonly diedAtMs: number;
}): Buffer {
  const diedAt = new Date(diedAtMs).toISOString();
  const record = { reason: reason.slice(0, REASON_CHARACTERS_MAX), attempts, diedAt };
  const bytes = Buffer.alloc(DEAD_RECORD_BYTES, ' ');
  bytes.write(`${JSON.stringify(record)}\n`);
  return bytes;
}

function reasonIn(content: Buffer): string {
  try {
    const record: unknown = JSON.parse(content.toString());
    const hasReason = typeof record === 'object' && record !== null && 'reason' in record;
    return hasReason && typeof record.reason === 'string' ? record.reason : UNKNOWN_REASON;
  } catch {
    // A file that somebody else has changed: the entry is its name all the same.
    return UNKNOWN_REASON;
  }
}

async function inGroups<Item, Result>(
  items: readonly Item[],
  run: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE_MAX) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE_MAX).map(run))));
  }
  return results;
}

function countTrue(answers: readonly boolean[]): number {
  return answers.filter(Boolean).length;
}
