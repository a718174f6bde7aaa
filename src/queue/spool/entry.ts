/**
 * What a file's name says. An entry of the spool is its name, and what the file holds means nothing: a name is there or it is not,
 * so nothing can be torn. Most entries are names of one and the same empty file (seed.ts says why).
 *
 *     ready/    1800000000000000000-<device>-<channel>-<version>-<stored at>-<attempts>-<writer>
 *     leased/   <lease ends>-<name as in ready/>
 *     delayed/  <due>-<name as in ready/>
 *     dead/     <died at>-<name as in ready/>, and why in reasons/<stamp>-<writer>
 *
 * Stamps and moments have a fixed width, so the order of names is the order of age, or of what is due first.
 */
import { assert } from '../../assert.ts';
import { parseChannelId, parseDeviceId, parseVersion } from '../../protocol/ids.ts';
import type { Kick } from '../queue.ts';

/** One entry, wherever its file lies. Stamp and writer never change, and no two entries share both. */
export interface Entry extends Kick {
  /** Nanoseconds since the epoch, 19 digits: its place in the order. */
  readonly stamp: string;
  readonly attempts: number;
  /** Who made it: random, so that two processes never make the same name. */
  readonly writer: string;
}

/** A name in leased/, delayed/ or dead/. */
export interface HeldName {
  /** When the lease ends, the entry is due, or died: milliseconds since the epoch. */
  readonly atMs: number;
  /** The rest. */
  readonly name: string;
}

const MOMENT_DIGITS = 16;
/** More are counted as this many. */
export const ATTEMPTS_MAX = 999_999;

// A stamp that begins with 9 is past the year 2255 and no clock's: the stamps that must be higher would need another digit.
const NAME =
  /^([0-8][0-9]{18})-([0-9a-f]{32})-([0-9a-f]{32})-([0-9]{1,16})-([0-9]{1,15})-([0-9]{1,6})-([0-9a-f]{16})$/;
const HELD_NAME = /^([0-9]{16})-(.+)$/;

/** What `entryId` makes. */
export const ID = /^[0-8][0-9]{18}-[0-9a-f]{16}$/;

/** The name that says all of `entry`. */
export function entryName(entry: Entry): string {
  const { stamp, deviceId, channelId, version, storedAtMs, attempts, writer } = entry;
  const channel = channelId.replaceAll('-', '');
  return `${stamp}-${deviceId}-${channel}-${version}-${storedAtMs}-${attempts}-${writer}`;
}

/** Undefined when it is the name of something else. */
export function parseEntryName(name: string): Entry | undefined {
  const [, stamp, device, channel, written, storedAt, attempts, writer] = NAME.exec(name) ?? [];
  if (stamp === undefined || writer === undefined) return undefined;
  const deviceId = parseDeviceId(device ?? '');
  const channelId = parseChannelId(channel ?? '');
  const version = parseVersion(written ?? '');
  if (deviceId === undefined || channelId === undefined || version === undefined) return undefined;
  const counts = { storedAtMs: Number(storedAt), attempts: Number(attempts) };
  return { stamp, deviceId, channelId, version, ...counts, writer };
}

/** The name of an entry that lies elsewhere until, or since, a moment. */
export function heldName(atMs: number, name: string): string {
  return `${String(Math.max(0, Math.floor(atMs))).padStart(MOMENT_DIGITS, '0')}-${name}`;
}

/** Undefined when it is the name of something else. */
export function parseHeldName(held: string): HeldName | undefined {
  const [, at, name] = HELD_NAME.exec(held) ?? [];
  if (at === undefined || name === undefined || !NAME.test(name)) return undefined;
  return { atMs: Number(at), name };
}

/** What the entry is called outside: for logs and `queue retry --id`. */
export function entryId({ stamp, writer }: Entry): string {
  return `${stamp}-${writer}`;
}

const NANOSECONDS_PER_MS = 1_000_000n;

/** When the entry came, in milliseconds since the epoch. */
export function stampMs(stamp: string): number {
  return Number(BigInt(stamp) / NANOSECONDS_PER_MS);
}

/** Makes stamps that only grow, whatever the clock does. */
export class Stamps {
  readonly #nowMs: () => number;
  #last = 0n;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** From now on stamps are higher than `stamp`. */
  passBy(stamp: string): void {
    const value = BigInt(stamp);
    if (value > this.#last) this.#last = value;
  }

  next(): string {
    const now = BigInt(Math.floor(this.#nowMs())) * NANOSECONDS_PER_MS;
    this.#last = now > this.#last ? now : this.#last + 1n;
    const stamp = String(this.#last);
    assert(/^[0-8][0-9]{18}$/.test(stamp), 'the clock stands between 2001 and 2255');
    return stamp;
  }
}
