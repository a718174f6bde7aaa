import { link, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, FILE_MODE, ifThere, syncFolder } from './files.ts';

/** The file of which entries are further names, and its successor. */
const SEED = 'seed';
const NEXT_SEED = 'seed.new';
/** A seed may be used up by others before we come to use it; hardly twice. */
const SEEDS_TRIED_MAX = 5;

/**
 * An empty file whose further names are the entries. Files of their own would need inodes of their own, and ext4 gives none out again for some
 * seconds after it was freed: it steps over each of those, at every creation. A queue that made and removed thousands of files a
 * second came down to 1500.
 */
export class Seed {
  readonly #folder: string;
  #sowing: Promise<void> | undefined;

  /** `folder`: where the file is, on the file system of its names. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes it, if it is not there already. Rejects as link does. */
  async name(path: string): Promise<void> {
    const seed = join(this.#folder, SEED);
    for (let tries = 1; ; tries += 1) {
      try {
        await link(seed, path);
        return;
      } catch (error) {
        // There is none yet, or it has as many names as the file system allows: 65,000 with ext4.
        const isUsedUp = codeOf(error) === 'ENOENT' || codeOf(error) === 'EMLINK';
        if (!isUsedUp || tries === SEEDS_TRIED_MAX) throw error;
        this.#sowing ??= this.#sow(seed).finally(() => {
          this.#sowing = undefined;
        });
        await this.#sowing;
      }
    }
  }

  async #sow(seed: string): Promise<void> {
    const next = join(this.#folder, NEXT_SEED);
    const handle = await open(next, 'w', FILE_MODE);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Another process may have been quicker with the same one.
    await ifThere(rename(next, seed));
    await syncFolder(this.#folder);
  }
}
