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
 * Collects V8's old garbage each time the heap has grown by a fifth, where it would let it double. For a process that idles most of its
 * life with much in its memory: a thousand mailboxes leave 30 MB of garbage from their logins, and a fifth of the heap is reached
 * once in minutes afterwards. Read at each collection, so no flag on the command line is needed.
 */
export function collectEarly(): void {
  setFlagsFromString('--heap-growing-percent=20');
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

/** What glibc's allocator is told (mallopt(3)) in the environment of a role's process; what the operator has set himself stays. */
export function allocatorFor(role: RoleName): Readonly<Record<string, string>> {
  return role === 'mailwatch' ? { ...ONE_HEAP, ...FRESH_PAGES } : ONE_HEAP;
}

/** One heap of glibc for all threads saves some 5 MB (docs/decisions/embedded-store.md). */
const ONE_HEAP = { MALLOC_ARENA_MAX: '1' };

/**
 * Node.js keeps a buffer of 64 KiB for each TLS client and touches a tenth of it. Cut from pages that somebody has used before, all of it is
 * resident: with a thousand mailboxes two thirds of what one took. So what is so large has pages of its own, fresh from the kernel, and the
 * heap below keeps too little in reserve to serve it. At most 30,000 of them: the kernel allows a process 65,530 mappings, and V8
 * needs some. (docs/benchmarks.md, "Mail")
 */
const FRESH_PAGES = {
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TOP_PAD_: '16384',
  MALLOC_TRIM_THRESHOLD_: '65536',
  MALLOC_MMAP_MAX_: '30000',
};
