import type { Device } from './device.ts';

/** A device as its crowd sees it: whether it is wanted, and how its connecting goes. */
export interface Member {
  readonly device: Device;
  isWanted: boolean;
  /** Since when it is to be there. */
  dueMs: number;
  isQueued: boolean;
  /** It was counted as unreachable, which is once. */
  isGivenUp: boolean;
  redirects: number;
  url: string;
}

/** Nobody wants it yet. */
export function newMember(device: Device, url: string): Member {
  return {
    device,
    isWanted: false,
    dueMs: 0,
    isQueued: false,
    isGivenUp: false,
    redirects: 0,
    url,
  };
}
