/** Memory and CPU time of the server's processes, read from Linux's /proc. */
import { readdirSync, readFileSync } from 'node:fs';

export interface Usage {
  readonly rssMiB: number;
  /** CPU time since the process began, in seconds. */
  readonly cpuSecs: number;
}

/** Descendants that are looked at; a server of more processes is shown in part. */
const PROCESSES_MAX = 256;
/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICKS_PER_SEC = 100;
const PAGES_PER_MIB = 2 ** 20 / 4096;

/** Of `pids` and all their descendants, as they are now. Undefined when none is there, or where there is no /proc. */
export function usageOf(pids: readonly number[]): Usage | undefined {
  const family = new Set<number>();
  for (const pid of pids) addFamily(pid, family);
  const usages = [...family].flatMap((pid) => readUsage(pid) ?? []);
  if (usages.length === 0) return undefined;
  return {
    rssMiB: usages.reduce((sum, { rssMiB }) => sum + rssMiB, 0),
    cpuSecs: usages.reduce((sum, { cpuSecs }) => sum + cpuSecs, 0),
  };
}

function addFamily(pid: number, family: Set<number>): void {
  if (family.has(pid) || family.size >= PROCESSES_MAX) return;
  family.add(pid);
  for (const child of childrenOf(pid)) addFamily(child, family);
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter((text) => text !== '')
        .map(Number),
    );
  } catch {
    // It ended while it was looked at, or this is no Linux: no children either way.
    return [];
  }
}

function readUsage(pid: number): Usage | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before may hold anything, a closing bracket too.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [userTicks, systemTicks, pages] = [fields[11], fields[12], fields[21]].map(Number);
    if (userTicks === undefined || systemTicks === undefined || pages === undefined)
      return undefined;
    return {
      rssMiB: pages / PAGES_PER_MIB,
      cpuSecs: (userTicks + systemTicks) / TICKS_PER_SEC,
    };
  } catch {
    // As above.
    return undefined;
  }
}
