/**
 * What an ActiveSync account has told, in the form that every watch keeps it: a folder and its baseline, so that ledger, records and the
 * order "PUT first, then keep" are one for all. The account has one folder here, whatever its request names. Its UIDNEXT is the device's word
 * (the moment of its registration or last deferral) whose request brought news that was told; a word that was not told of differs, and
 * what differs is news. One number is enough: the same request has the same answer until the device has synced.
 */
import type { Account, WatchedFolder, WatchProgress } from '../account.ts';

const NAME = 'ActiveSync';
/** There is only ever one mailbox behind a request. */
const UID_VALIDITY = 0;

type Heard = Pick<Account, 'seenAtMs'>;

/** The beginning: no word has this moment. */
export const NOTHING_TOLD: readonly WatchedFolder[] = foldersAt(0);

/** What is kept once the news for the device's last word has been told. */
export function toldFor({ seenAtMs }: Heard): readonly WatchedFolder[] {
  return foldersAt(seenAtMs);
}

/** Whether the device was told since it was last heard of: asking again would only bring what it knows. */
export function isTold({ seenAtMs }: Heard, { folders }: WatchProgress): boolean {
  // Equal, not "since": the machine's clock may be set back.
  return folders[0]?.baseline?.uidNext === seenAtMs;
}

function foldersAt(uidNext: number): readonly WatchedFolder[] {
  return [{ name: NAME, baseline: { uidValidity: UID_VALIDITY, uidNext } }];
}
