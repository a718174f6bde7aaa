/** What tests of the mail watch wait for and look at. Without a test framework, so that demonstrations and measurements use it too. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MailStatus, MailWatch } from '../../src/client/mail.ts';

/** Longest wait for a condition: far beyond what a busy machine takes. */
export const UNTIL_MS_MAX = 30_000;
const POLL_MS = 20;

/** Waits until `isSo` or fails in words. A rejection of `isSo` ends the wait. */
export async function until(
  wanted: string,
  isSo: () => boolean | Promise<boolean>,
  untilMsMax = UNTIL_MS_MAX,
): Promise<void> {
  const deadlineMs = performance.now() + untilMsMax;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited ${untilMsMax} ms for ${wanted}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Waits until the watch is in this state. One that watches or polls is waited for until it knows where its folders are. */
export async function reachesState(
  watch: MailWatch,
  token: string,
  kind: string,
): Promise<MailStatus> {
  let last: unknown;
  let reached: MailStatus | undefined;
  const isReached = async () => {
    const status = await watch.status(token);
    last = status;
    if (!status.ok || status.value.state.kind !== kind) return false;
    reached = status.value;
    const isSeen = reached.folders.every(({ baseline }) => baseline !== undefined);
    return isSeen || (kind !== 'watching' && kind !== 'polling');
  };
  try {
    await until(`the state ${kind}`, isReached);
  } catch (cause) {
    throw new Error(`the watch does not become ${kind}: ${JSON.stringify(last)}`, { cause });
  }
  if (reached === undefined) throw new Error('a state that is reached is known');
  return reached;
}

/** Every file below the folder, by path, with each byte as one character. Files that vanish meanwhile are left out. */
export async function filesBelow(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    try {
      files.set(path, await readFile(path, 'latin1'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return files;
}
