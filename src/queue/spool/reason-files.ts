import { constants } from 'node:fs';
import { type FileHandle, lstat, open, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, FILE_MODE, ifThere, syncFolder } from './files.ts';

/** Why dead entries died: a file for each in a folder, named like the entry's id. Rejects as the file system does. */
export class ReasonFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Puts it onto the disk, in the place of what was there, in one piece as long as all are of one length. */
  async write(id: string, text: Buffer): Promise<void> {
    await this.#withFile(id, constants.O_WRONLY | constants.O_CREAT, async (handle) => {
      await handle.write(text, 0, text.length, 0);
      await handle.sync();
    });
    await syncFolder(this.#folder);
  }

  /** The first `bytesMax` bytes; undefined when there is no such file. */
  async read(id: string, bytesMax: number): Promise<Buffer | undefined> {
    try {
      return await this.#withFile(id, constants.O_RDONLY, async (handle) => {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytesMax), 0, bytesMax, 0);
        return buffer.subarray(0, bytesRead);
      });
    } catch (error) {
      // A link that a stranger laid here is none of ours.
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ELOOP') return undefined;
      throw error;
    }
  }

  /** Removes it, if it is there. */
  async remove(id: string): Promise<void> {
    await ifThere(unlink(join(this.#folder, id)));
  }

  /** The names of those that were written before a moment, by the clock of the file system. */
  async writtenBefore(beforeMs: number): Promise<readonly string[]> {
    const old: string[] = [];
    for (const id of await readdir(this.#folder)) {
      if ((await this.#writtenMs(id)) < beforeMs) old.push(id);
    }
    return old;
  }

  /** Infinity when it is gone. */
  async #writtenMs(id: string): Promise<number> {
    try {
      return (await lstat(join(this.#folder, id))).mtimeMs;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return Number.POSITIVE_INFINITY;
      throw error;
    }
  }

  async #withFile<T>(
    id: string,
    flags: number,
    use: (handle: FileHandle) => Promise<T>,
  ): Promise<T> {
    // A link leads nowhere, and a pipe does not keep us waiting.
    const safely = flags | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const handle = await open(join(this.#folder, id), safely, FILE_MODE);
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  }
}
