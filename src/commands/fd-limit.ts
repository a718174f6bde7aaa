import { readFileSync } from 'node:fs';

/** Descriptors kept for the store, the logs, the other listeners and connections in the kernel's queue. */
export const FD_RESERVE = 256;

const LIMIT_LINE = /^Max open files\s+(\d+|unlimited)/m;

/** How many files and sockets this process may have open; Infinity where the system does not say. */
export function fdLimit(): number {
  try {
    const found = LIMIT_LINE.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return found === undefined || found === 'unlimited' ? Number.POSITIVE_INFINITY : Number(found);
  } catch {
    // Only Linux has this file. Elsewhere the operator's own limits are all there is.
    return Number.POSITIVE_INFINITY;
  }
}
