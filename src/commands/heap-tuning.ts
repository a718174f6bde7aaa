import { setFlagsFromString } from 'node:v8';
import type { RoleName } from './role.ts';

/**
 * Keeps V8's nursery at the size that loading the program has given it, two spaces of 8 MiB. It would double once more under the garbage of
 * connecting devices, and would not be given back while they idle: with 15,000 devices that was a third of the memory each one cost (2.9
 * against 1.9 kB), for a gain in throughput that could not be measured. Unlike the size of the nursery itself, its growth is
 * read whenever it is about to happen, so it can be set from here and needs no flag on the command line.
 */
export function keepNurserySmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * V8's options for the process of a role, which `start` puts on its command line: the bound of the nursery, 16 MiB a space by default. 4
 * save some 5 MB of a process that has little to do. Push keeps the default: with 4 a PUT took a tenth more CPU time with the store in
 * memory and the slowest of a hundred several times as long, because what waits outlives so small a nursery and is
 * collected where that is dear. Its devices cost the same with either, as the nursery does not grow once they connect.
 */
export function flagsFor(role: RoleName): readonly string[] {
  return [`--max-semi-space-size=${SEMI_SPACE_MIB[role]}`];
}

const SEMI_SPACE_MIB: Readonly<Record<RoleName, number>> = {
  push: 16,
  kick: 4,
  'mail-gate': 4,
  mailwatch: 4,
};
