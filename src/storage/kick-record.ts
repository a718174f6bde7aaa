/**
 * What becomes of the record of a device's kick target: pure, and the same for every driver, which makes each step atomic in its own
 * way. Undefined is a device without a target.
 */
import type { KickTarget } from '../protocol/connect.ts';
import type { KickRecord, WakeClaim } from './store.ts';

/** What a step answers, and what it leaves; without `next` the record stays as it is. */
export interface KickEdit<Answer> {
  readonly answer: Answer;
  readonly next?: KickRecord | 'removed';
}

/** One step, from what stands there. It may be asked again when another process was quicker. */
export type KickStep<Answer> = (record: KickRecord | undefined) => KickEdit<Answer>;

/** A hello gave the target, or took it back. */
export function given(target: KickTarget | undefined, nowMs: number): KickStep<void> {
  return (record) => {
    if (target === undefined) {
      return record === undefined ? { answer: undefined } : { answer: undefined, next: 'removed' };
    }
    return {
      answer: undefined,
      next: { ...record, target, givenAtMs: nowMs, connectedAtMs: nowMs },
    };
  };
}

/** A hello said nothing of the target. Also to an earlier time: a kick too many is better than none because a clock was set back. */
export function connected(nowMs: number): KickStep<void> {
  return (record) =>
    record === undefined || record.connectedAtMs === nowMs
      ? { answer: undefined }
      : { answer: undefined, next: { ...record, connectedAtMs: nowMs } };
}

/** As Store.claimWake. */
export function claimed({
  nowMs,
  intervalMs,
}: {
  readonly nowMs: number;
  readonly intervalMs: number;
}): KickStep<WakeClaim> {
  return (record) => {
    if (record === undefined) return { answer: { kind: 'absent' } };
    const { wokenAtMs } = record;
    if (wokenAtMs !== undefined && Math.abs(nowMs - wokenAtMs) < intervalMs) {
      const waitMs = Math.min(intervalMs, wokenAtMs + intervalMs - nowMs);
      return { answer: { kind: 'early', waitMs } };
    }
    return { answer: { kind: 'claimed' }, next: { ...record, wokenAtMs: nowMs } };
  };
}

/** As Store.releaseWake. */
export function released({ claimedAtMs }: { readonly claimedAtMs: number }): KickStep<void> {
  return (record) => {
    if (record === undefined || record.wokenAtMs !== claimedAtMs) return { answer: undefined };
    const { wokenAtMs: _, ...next } = record;
    return { answer: undefined, next };
  };
}

/** As Store.dropTarget. */
export function dropped({
  unlessGivenAfterMs,
}: {
  readonly unlessGivenAfterMs: number;
}): KickStep<boolean> {
  return (record) =>
    record === undefined || record.givenAtMs > unlessGivenAfterMs
      ? { answer: false }
      : { answer: true, next: 'removed' };
}

/** The record as JSON, as drivers that write bytes keep it; empty when there is none. */
export function encodeKick(record: KickRecord | undefined): string {
  return record === undefined ? '' : JSON.stringify(record);
}

/**
 * Reads what encodeKick wrote. A target alone is what the program wrote before it sent kicks. Undefined for anything else, which is
 * none of ours.
 */
export function decodeKick(json: string): KickRecord | undefined {
  const value: unknown = parse(json);
  if (isTarget(value)) return { target: value, givenAtMs: 0, connectedAtMs: 0 };
  return isRecord(value) ? value : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    // Not even JSON: the caller says whose record it is.
    return undefined;
  }
}

function isRecord(value: unknown): value is KickRecord {
  return (
    typeof value === 'object' &&
    value !== null &&
    'target' in value &&
    isTarget(value.target) &&
    'givenAtMs' in value &&
    typeof value.givenAtMs === 'number' &&
    'connectedAtMs' in value &&
    typeof value.connectedAtMs === 'number' &&
    (!('wokenAtMs' in value) || typeof value.wokenAtMs === 'number')
  );
}

/** We wrote it as it was parsed; its type is enough to tell it from anything else. */
function isTarget(value: unknown): value is KickTarget {
  if (typeof value !== 'object' || value === null || !('type' in value)) return false;
  return value.type === 'fcm' || value.type === 'apns' || value.type === 'udp';
}
