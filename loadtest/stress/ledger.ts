/**
 * What became of each version of one channel: PUT, answered, seen, acknowledged. A version is satisfied by itself or by a higher
 * one, since SimplePush keeps only the highest; what that hides is looked at by time: a version that was accepted well before the
 * higher one was PUT, to a device that was there all the while, should have come by itself.
 */
import type { Fault, Tally } from './faults.ts';

/** Where the device stands while something happens to its channel; all in ms of one monotonic clock. */
export interface Presence {
  /** Since when the device has said hello and reads without a pause; undefined: it does not. */
  readonly presentSinceMs: number | undefined;
  /** When the hello of this session was sent. */
  readonly helloSentMs: number;
  /** When the session before it ended: what was sent until shortly before may have been lost with it. */
  readonly priorEndMs: number;
}

export interface LedgerRules {
  /** From here on an accepted update of a present device is overdue. */
  readonly graceMs: number;
  /** An ack that was sent less than this before may not have been worked off. */
  readonly ackRaceMs: number;
}

/** How a PUT ended: accepted, refused, or nobody knows. */
export type PutOutcome = 'accepted' | 'refused' | 'unknown';

/** Times of a version that has arrived for the first time. */
export interface Arrival {
  readonly dueMs: number;
  readonly sentMs: number;
}

export interface LedgerDeps {
  readonly rules: LedgerRules;
  readonly tally: Tally;
  /** Notes what is allowed and yet worth a number. */
  readonly notes: LedgerNotes;
  /** Names the channel in examples; never its endpoint or UAID. */
  readonly name: () => string;
}

export interface LedgerNotes {
  /** Versions that came twice in one session, before the ack can have been worked off, and for no reason. */
  repeats: number;
  /** Versions that came again because of a hello: their ack, or their PUT, was on its way then. */
  resent: number;
  /** Versions that never came by themselves because a higher one did soon enough. */
  collapsed: number;
  /** Accepted versions of devices that could not come back to be asked. */
  unjudged: number;
}

interface Entry {
  readonly version: number;
  readonly dueMs: number;
  readonly sentMs: number;
  state: 'waiting' | PutOutcome;
  answeredMs: number;
  isSeen: boolean;
  /** A higher version came first. */
  isPassed: boolean;
  /** It should have come and did not: while the device stayed present, or since the device returned. */
  overdue: 'present' | 'returned' | undefined;
}

/** Versions of one channel that are kept because they may still come late; beyond it the oldest is decided. */
const ENTRIES_MAX = 512;
/** How long a version may still come after a higher one, until it is decided that it does not. */
const PASSED_KEPT_MS = 10_000;

export class ChannelLedger {
  readonly #deps: LedgerDeps;
  /** Ascending by version: those that are not yet decided. */
  #entries: Entry[] = [];
  #lastVersion = 0;
  #highestSeen = 0;
  /** When the highest seen version was PUT. */
  #highestSentMs = 0;
  #lastSeen: Entry | undefined;
  /** Of versions that never came while they were waited for: whether one so low comes twice cannot be told. */
  #highestForgotten = 0;
  #highestAcked = 0;
  #ackedMs = 0;

  constructor(deps: LedgerDeps) {
    this.#deps = deps;
  }

  /** Opens the entry of the next version, which is PUT now. */
  put(dueMs: number, sentMs: number): number {
    this.#lastVersion++;
    this.#entries.push({
      version: this.#lastVersion,
      dueMs,
      sentMs,
      state: 'waiting',
      answeredMs: 0,
      isSeen: false,
      isPassed: false,
      overdue: undefined,
    });
    if (this.#entries.length > ENTRIES_MAX) this.#decide(this.#entries.shift());
    return this.#lastVersion;
  }

  onAnswer(version: number, outcome: PutOutcome, nowMs: number): void {
    const entry = this.#find(version);
    if (entry === undefined) return;
    entry.state = outcome;
    entry.answeredMs = nowMs;
    // Neither can be missed any more.
    if (entry.isSeen || (outcome === 'refused' && !entry.isPassed)) this.#remove(entry);
    this.#forgetPassed(nowMs);
  }

  /** Returns the times of the PUT when the version arrives for the first time. */
  onSeen(version: number, nowMs: number, presence: Presence): Arrival | undefined {
    if (version > this.#lastVersion || version < 1) {
      this.#fault('invented', version);
      return undefined;
    }
    const entry = this.#find(version);
    if (entry === undefined || entry.isSeen) {
      this.#onRepeat(version, nowMs, presence);
      return undefined;
    }
    entry.isSeen = true;
    this.#lastSeen = entry;
    if (version > this.#highestSeen) this.#onHigher(entry, nowMs, presence);
    else if (entry.state === 'accepted' && entry.answeredMs < this.#highestSentMs) {
      this.#fault('reordered', version);
    }
    if (entry.overdue !== undefined && !entry.isPassed) this.#fault('stuck', version);
    if (isAnswered(entry)) this.#remove(entry);
    return { dueMs: entry.dueMs, sentMs: entry.sentMs };
  }

  onAcked(version: number, nowMs: number): void {
    this.#highestAcked = Math.max(this.#highestAcked, version);
    // Of the last ack, whichever it was: the ack of a lower version that came late needs its time as well.
    this.#ackedMs = nowMs;
  }

  /** To be told before the device leaves, pauses or is found cut off. */
  onPresenceEnd(nowMs: number, presence: Presence): void {
    for (const entry of this.#entries) {
      if (entry.state === 'accepted' && isOwed(entry)) {
        entry.overdue ??= this.#overdue(entry, nowMs, presence);
      }
    }
  }

  /** Accepted versions of which neither they nor a higher one was seen. */
  get owed(): number {
    return this.#entries.filter((entry) => entry.state === 'accepted' && isOwed(entry)).length;
  }

  /** Decides what is left when nothing more can come. */
  end({ presentSinceMs }: Presence): void {
    for (const entry of this.#entries) {
      if (entry.state !== 'accepted' || !isOwed(entry)) this.#decide(entry);
      else if (presentSinceMs === undefined) this.#deps.notes.unjudged++;
      else this.#fault(entry.overdue === 'present' ? 'lost' : 'lostAway', entry.version);
    }
    this.#entries = [];
  }

  #onHigher(seen: Entry, nowMs: number, presence: Presence): void {
    this.#highestSeen = seen.version;
    this.#highestSentMs = seen.sentMs;
    for (const entry of this.#entries) {
      if (entry.version >= seen.version) break;
      if (entry.isSeen || entry.isPassed) continue;
      entry.isPassed = true;
      if (entry.state === 'accepted') entry.overdue ??= this.#overdue(entry, seen.sentMs, presence);
    }
    this.#forgetPassed(nowMs);
  }

  /** Whether `entry` had its time before `nowMs`, which is when the device went, or when the version that came instead was PUT. */
  #overdue(entry: Entry, nowMs: number, { presentSinceMs }: Presence): Entry['overdue'] {
    if (presentSinceMs === undefined) return undefined;
    const sinceMs = Math.max(entry.answeredMs, presentSinceMs);
    if (nowMs - sinceMs < this.#deps.rules.graceMs) return undefined;
    return presentSinceMs > entry.answeredMs ? 'returned' : 'present';
  }

  #onRepeat(version: number, nowMs: number, presence: Presence): void {
    const { rules, notes } = this.#deps;
    const isSameSession = this.#ackedMs >= presence.helloSentMs;
    // In a later session only the time that the ack had in its own one counts.
    const untilMs = isSameSession ? nowMs : presence.priorEndMs;
    const isJudged = version > this.#highestForgotten && version <= this.#highestAcked;
    if (isJudged && untilMs - this.#ackedMs >= rules.ackRaceMs) {
      this.#fault('ackedAgain', version);
    } else if (isSameSession && !this.#wasPutAmidHello(version, presence)) notes.repeats++;
    else notes.resent++;
  }

  /** Whether a server may have found the version in its store for the hello, and then have sent it as new. */
  #wasPutAmidHello(version: number, { presentSinceMs = 0, helloSentMs }: Presence): boolean {
    const last = this.#lastSeen;
    if (last?.version !== version) return false;
    return last.sentMs <= presentSinceMs && (!isAnswered(last) || last.answeredMs >= helloSentMs);
  }

  /** A PUT of which nobody knows may be worked off at any time, so its version is waited for until the end. */
  #forgetPassed(nowMs: number): void {
    const isOver = ({ isPassed, state, answeredMs }: Entry) =>
      isPassed &&
      (state === 'accepted' || state === 'refused') &&
      nowMs - answeredMs > PASSED_KEPT_MS;
    if (!this.#entries.some(isOver)) return;
    for (const entry of this.#entries.filter(isOver)) this.#decide(entry);
    this.#entries = this.#entries.filter((entry) => !isOver(entry));
  }

  #decide(entry: Entry | undefined): void {
    if (entry === undefined || entry.isSeen) return;
    this.#highestForgotten = Math.max(this.#highestForgotten, entry.version);
    if (!entry.isPassed) return;
    if (entry.overdue === 'present') this.#fault('dropped', entry.version);
    else if (entry.overdue === 'returned') this.#fault('droppedAway', entry.version);
    else if (entry.state === 'accepted') this.#deps.notes.collapsed++;
  }

  #find(version: number): Entry | undefined {
    return this.#entries.find((entry) => entry.version === version);
  }

  #remove(entry: Entry): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1);
  }

  #fault(fault: Fault, version: number): void {
    this.#deps.tally.count(fault, () => `${this.#deps.name()}, version ${version}`);
  }
}

function isAnswered({ state }: Entry): boolean {
  return state !== 'waiting';
}

function isOwed({ isSeen, isPassed }: Entry): boolean {
  return !isSeen && !isPassed;
}
