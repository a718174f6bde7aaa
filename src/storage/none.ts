import type { Store } from './store.ts';

const UNTRACKED = Promise.resolve({ kind: 'untracked' } as const);
const REGISTERED = Promise.resolve('registered' as const);
const UNKEPT = Promise.resolve('unkept' as const);
const DONE = Promise.resolve();
const NO_TARGET = Promise.resolve(undefined);

/** Keeps nothing: updates reach connected devices and nobody else. Never rejects. */
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
    readTarget: () => NO_TARGET,
    check: () => DONE,
    close: () => DONE,
  };
}
