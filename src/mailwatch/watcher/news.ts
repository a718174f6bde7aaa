/** What is news. Compared, never counted: whatever event was lost, the next comparison finds it. */
import type { Baseline, WatchedFolder } from '../account.ts';

/** What a look at a folder tells against what was last delivered. */
export type Finding =
  /** Nothing has arrived since. Flags, expunges and a falling count of mails are not news. */
  | 'nothing'
  /** There is nothing to compare with: the folder as it is becomes the baseline. */
  | 'first'
  /** Mail has arrived, even if it is gone again. */
  | 'mail'
  /** The folder was made anew: the old numbers mean nothing, and what is in it may be new. */
  | 'renewed';

/** Compares a folder as it was last delivered with what it is. */
export function findingOf({ baseline }: WatchedFolder, seen: Baseline): Finding {
  if (baseline === undefined) return 'first';
  if (seen.uidValidity !== baseline.uidValidity) {
    // Made anew, and no mail has ever been in it.
    return seen.uidNext === FIRST_UID ? 'first' : 'renewed';
  }
  // Not "higher": RFC 3501 (2.3.1.1) lets UIDNEXT only rise, so a lower one is a mailbox restored from a backup, whose mail may be new.
  return seen.uidNext === baseline.uidNext ? 'nothing' : 'mail';
}

/** UIDs begin with it (RFC 3501, section 9: nz-number). */
const FIRST_UID = 1;
const MS_PER_SECOND = 1000;

/** The version that announces news: grows with every PUT, and survives the loss of `last` because the time grows too. */
export function nextVersion(last: number | undefined, nowMs: number): number {
  return Math.max((last ?? 0) + 1, Math.floor(nowMs / MS_PER_SECOND));
}
