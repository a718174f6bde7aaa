/**
 * Changes records that other nodes change too, by compare-and-set: look, decide, write if it still is what was looked at, else
 * look again. Nothing is ever written over something that was not taken into account.
 */
import type { Clock } from '../../clock.ts';
import { StoreUnavailableError } from '../store.ts';
import { type Decide, DecidingEdit, decideAll, type Edit } from './edit.ts';
import { RecentMap } from './recent.ts';
import type { Stamp } from './requests.ts';
import type { MemcachedServer } from './server.ts';

/** What holds records. */
export type RecordServer = Pick<MemcachedServer, 'get' | 'compareAndSet'>;

/** Where a record is, for one call of the store. */
export interface Place {
  readonly server: RecordServer;
  readonly key: string;
  /** On the monotonic clock; no request is begun later. */
  readonly beginByMs: number;
}

/** How records of one kind are written, and when they may be. */
export interface RecordKind<R, P extends Place> {
  readonly encode: (record: R) => string;
  /** @throws StoreUnavailableError when it is none of ours. */
  readonly decode: (text: string) => R;
  /** When memcached may forget it. */
  readonly endMs: (record: R) => number;
  /** Whether `makeRoom` must be asked before `next` takes the place of `record`. */
  readonly needsRoom: (record: R | undefined, next: R) => boolean;
  /** Called after a look at the record and before it is written. @throws StoreUnavailableError */
  readonly makeRoom: (place: P) => Promise<boolean>;
}

export interface EditorOptions<R, P extends Place> {
  readonly kind: RecordKind<R, P>;
  readonly clock: Clock;
  /** Records whose last known state is remembered, so that one round trip may do. */
  readonly rememberedMax: number;
}

/** A record as it was last seen. */
export interface Sight<R> {
  readonly stamp: Stamp;
  readonly record: R | undefined;
}

/** What a node knows of a record. Changed in place: one for each PUT would be old by the time it is garbage. */
interface Remembered<R> {
  stamp: Stamp;
  record: R | undefined;
  /** Nobody else wrote there between our last two looks: it is likely to be as we left it. */
  isOurs: boolean;
}

/** Edits of one record that may wait for those under way; one more fails at once. */
export const EDITS_WAITING_MAX = 10_000;

/**
 * Each failed attempt is another node's success, and each node has one attempt under way for a record: with fewer nodes than
 * this, nobody is unlucky so often.
 */
const ATTEMPTS_MAX = 32;

/** What waits for an edit when nothing does: most edits are alone. Never pushed to. */
const NONE: never[] = [];

/** Above this, memcached takes an expiry for a time since the epoch (protocol.txt, "Expiration times"). */
const RELATIVE_SECONDS_MAX = 2_592_000;

/**
 * Edits records of one kind. Edits of one record that come while one is under way wait for it, and are then made together in one write:
 * nodes compete for a record, callers of one node do not.
 */
export class RecordEditor<R, P extends Place> {
  readonly #options: EditorOptions<R, P>;
  readonly #remembered: RecentMap<Remembered<R>>;
  /** For each record with an edit under way, what waits for it. */
  readonly #waiting = new Map<string, Edit<R, P>[]>();
  #onIdle: () => void = () => {};

  constructor(options: EditorOptions<R, P>) {
    this.#options = options;
    this.#remembered = new RecentMap(options.rememberedMax);
  }

  /** Resolves to the answer of the decision that was written, or that changed nothing. @throws StoreUnavailableError */
  edit<A>(place: P, decide: Decide<R, A>): Promise<A> {
    return new Promise((resolve, reject) => {
      const edit = new DecidingEdit(place, decide, resolve, reject);
      const waiting = this.#waiting.get(place.key);
      if (waiting === undefined) {
        this.#waiting.set(place.key, NONE);
        void this.#commit(place.key, [edit]);
      } else if (waiting.length >= EDITS_WAITING_MAX) {
        reject(new StoreUnavailableError('too many changes of one record at once'));
      } else if (waiting.length === 0) {
        this.#waiting.set(place.key, [edit]);
      } else {
        waiting.push(edit);
      }
    });
  }

  /** What stands there now. @throws StoreUnavailableError */
  async look(place: P): Promise<Sight<R>> {
    this.#checkTime(place);
    const seen = await place.server.get(place.key);
    const record = seen.value === undefined ? undefined : this.#options.kind.decode(seen.value);
    return { stamp: { connectionId: seen.connectionId, cas: seen.cas }, record };
  }

  /**
   * Undefined when what stands there is not what was seen any more; nothing is written then.
   * @throws StoreUnavailableError
   */
  writeOver(seen: Stamp, place: P, next: R): Promise<Stamp | undefined> {
    this.#checkTime(place);
    const { clock, kind } = this.#options;
    return place.server.compareAndSet(seen, {
      key: place.key,
      value: kind.encode(next),
      exptime: exptimeOf(kind.endMs(next), clock.nowMs()),
    });
  }

  /**
   * Gives up edits that have waited too long for those before them. To be called every few milliseconds where an edit may wait
   * for one of a younger call.
   */
  rejectOverdue(): void {
    for (const [key, waiting] of this.#waiting) {
      if (waiting.length > 0) this.#waiting.set(key, [...this.#rejectLate(waiting)]);
    }
  }

  /** Resolves when no edit is under way. */
  async idle(): Promise<void> {
    while (this.#waiting.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
  }

  /** Makes these edits in one write, and then those that came meanwhile. Never rejects: the edits do. */
  async #commit(key: string, allEdits: readonly Edit<R, P>[]): Promise<void> {
    let edits = allEdits;
    try {
      const remembered = this.#remembered.get(key);
      // What nobody else writes to needs no look before the write.
      let sight: Sight<R> | undefined = remembered?.isOurs === true ? remembered : undefined;
      for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
        edits = this.#rejectLate(edits);
        const place = edits[0]?.place;
        if (place === undefined || (await this.#attempt(place, edits, sight))) return;
        sight = undefined;
      }
      throw new StoreUnavailableError('other nodes kept changing the same record');
    } catch (error) {
      for (const edit of edits) edit.reject(error);
    } finally {
      this.#commitWaiting(key);
    }
  }

  /** Returns false when what was known of the record was not good enough. */
  async #attempt(
    place: P,
    allEdits: readonly Edit<R, P>[],
    known: Sight<R> | undefined,
  ): Promise<boolean> {
    const { kind } = this.#options;
    const { stamp: before, record } = known ?? (await this.look(place));
    let edits = this.#rejectLate(allEdits);
    let next = decideAll(edits, record, true);
    if (next !== undefined && kind.needsRoom(record, next)) {
      const hasRoom = await kind.makeRoom(place);
      edits = this.#rejectLate(edits);
      next = decideAll(edits, record, hasRoom);
    }
    if (next !== undefined) {
      // The first edit may have been late, and its place with it.
      const stamp = await this.writeOver(before, edits[0]?.place ?? place, next);
      if (stamp === undefined) return false;
      this.#remember(place.key, { stamp, record: next }, before);
    } else if (known !== undefined) {
      // Nothing to write, so nothing would prove that the record still is what we knew.
      return false;
    }
    for (const edit of edits) edit.settle();
    return true;
  }

  #commitWaiting(key: string): void {
    const edits = this.#waiting.get(key) ?? NONE;
    if (edits.length > 0) {
      this.#waiting.set(key, NONE);
      void this.#commit(key, edits);
      return;
    }
    this.#waiting.delete(key);
    if (this.#waiting.size === 0) this.#onIdle();
  }

  /** `before` is what our write took the place of. */
  #remember(key: string, { stamp, record }: Sight<R>, before: Stamp): void {
    const known = this.#remembered.get(key);
    if (known === undefined) {
      this.#remembered.set(key, { stamp, record, isOurs: true });
      return;
    }
    known.isOurs = isSame(known.stamp, before);
    known.stamp = stamp;
    known.record = record;
  }

  /** Returns those that may begin one more request. */
  #rejectLate(edits: readonly Edit<R, P>[]): readonly Edit<R, P>[] {
    const nowMs = this.#options.clock.monotonicMs();
    const isLate = ({ place }: Edit<R, P>) => place.beginByMs < nowMs;
    if (!edits.some(isLate)) return edits;
    for (const edit of edits) if (isLate(edit)) edit.reject(tooLate());
    return edits.filter((edit) => !isLate(edit));
  }

  #checkTime(place: P): void {
    if (this.#options.clock.monotonicMs() > place.beginByMs) throw tooLate();
  }
}

function isSame(one: Stamp, other: Stamp): boolean {
  return one.cas === other.cas && one.connectionId === other.connectionId;
}

function tooLate(): StoreUnavailableError {
  return new StoreUnavailableError('memcached was too slow');
}

/** Rounded up, and a second more for the edges of memcached's own clock: it never forgets early. */
function exptimeOf(endMs: number, nowMs: number): number {
  const seconds = Math.ceil(Math.max(0, endMs - nowMs) / 1000) + 1;
  return seconds <= RELATIVE_SECONDS_MAX ? seconds : Math.floor(nowMs / 1000) + seconds;
}
