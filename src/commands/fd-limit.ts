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

/** What the two public listeners may hold, so that together they never take the last descriptor. */
export interface DescriptorShares {
  /** Open sockets of devices. */
  readonly socketsMax: number;
  /** Descriptors of those, and of sockets whose close was reported and whose peer does not end the connection. */
  readonly socketDescriptorsMax: number;
  /** Open connections of app servers. */
  readonly connectionsMax: number;
}

/**
 * What the config wants, or less where `limit` descriptors do not allow it. App servers keep connections and share them, so that a
 * tenth is plenty for them then; devices get the rest.
 */
export function shareDescriptors(
  wanted: { readonly socketsMax: number; readonly connectionsMax: number },
  limit: number,
): DescriptorShares {
  const available = limit - FD_RESERVE;
  const tenth = Math.min(wanted.connectionsMax, Math.floor(limit / 10));
  const socketsMax = Math.max(1, Math.min(wanted.socketsMax, available - tenth));
  const connectionsMax = Math.max(1, Math.min(wanted.connectionsMax, available - socketsMax));
  return { socketsMax, socketDescriptorsMax: available - connectionsMax, connectionsMax };
}
