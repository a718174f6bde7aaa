/** One look at all folders of an account, and what it tells. */
import { assert } from '../../assert.ts';
import type { WatchedFolder } from '../account.ts';
import type { FolderView, MailConnection, MailResult } from '../mailbox.ts';
import { type Finding, findingOf } from './news.ts';

/** Every folder as it is now, in the order of `folders`. The first one stays selected, for IDLE. */
export async function lookAt(
  folders: readonly WatchedFolder[],
  connection: MailConnection,
): Promise<MailResult<readonly WatchedFolder[]>> {
  const seen: WatchedFolder[] = [];
  const [idled, ...others] = folders;
  assert(idled !== undefined, 'an account has a folder');
  for (const { name } of others) {
    const view = await connection.status(name);
    if (!view.ok) return view;
    seen.push(folderOf(name, view.value));
  }
  const view = await connection.examine(idled.name);
  if (!view.ok) return view;
  return { ok: true, value: [folderOf(idled.name, view.value), ...seen] };
}

/** The weightiest finding in any folder: one version announces them all. */
export function newsIn(
  folders: readonly WatchedFolder[],
  seen: readonly WatchedFolder[],
): 'nothing' | 'first' | 'news' {
  const findings = folders.map((folder, index) => {
    const baseline = seen[index]?.baseline;
    assert(baseline !== undefined, 'every folder was looked at, in the order of the account');
    return findingOf(folder, baseline);
  });
  if (findings.some(isNews)) return 'news';
  return findings.includes('first') ? 'first' : 'nothing';
}

function isNews(finding: Finding): boolean {
  return finding === 'mail' || finding === 'renewed';
}

function folderOf(name: string, { uidValidity, uidNext }: FolderView): WatchedFolder {
  return { name, baseline: { uidValidity, uidNext } };
}
