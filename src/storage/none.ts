import type { Store } from './store.ts';

const UNTRACKED = Promise.resolve({ kind: 'untracked' } as const);
const REGISTERED = Promise.resolve('registered' as const);
const UNKEPT = Promise.resolve('unkept' as const);
const DONE = Promise.resolve();
const NO_TARGET = Promise.resolve(undefined);
const NO_KICK = Promise.resolve({ hasPending: false } as const);
const ABSENT = Promise.resolve({ kind: 'absent' } as const);
const NOT_DROPPED = Promise.resolve(false);

/** Keeps nothing: updates reach connected devices and nobody else, and nobody is kicked. Never rejects. */
export function createNoneStore(): Store {
  return {
    driver: 'none',
    readDevice: () => UNTRACKED,
    registerChannel: () => REGISTERED,
    unregisterChannel: () => DONE,
    dropDevice: () => DONE,
    putUpdate: () => UNKEPT,
    ackUpdates: () => DONE,
    writeTarget: () => DONE,
    noteConnected: () => DONE,
    readTargetType: () => NO_TARGET,
    readKick: () => NO_KICK,
    claimWake: () => ABSENT,
    releaseWake: () => DONE,
    dropTarget: () => NOT_DROPPED,
    check: () => DONE,
    close: () => DONE,
  };
}
