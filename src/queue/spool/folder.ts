/** The folders of one spool, and every call of the file system that touches them. */
import { closeSync, fsync, openSync } from 'node:fs';
import { access, opendir, rename, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ifNew, ifThere, unlessUnavailable } from './files.ts';
import { makeFolder } from './own-folder.ts';
import { ReasonFiles } from './reason-files.ts';
import { Seed } from './seed.ts';

/** Where an entry can lie: one folder each. */
export const PLACES = ['ready', 'leased', 'delayed', 'dead'] as const;
export type Place = (typeof PLACES)[number];

/** What is done to an entry, each by one change of a folder. */
export type SpoolAct =
  | 'create'
  | 'renew'
  | 'sync'
  | 'claim'
  | 'promote'
  | 'expire'
  | 'remove'
  | 'delay'
  | 'explain'
  | 'bury'
  | 'forget'
  | 'revive'
  | 'purge';

/** A moment at which a process can die: right before or right after an act. */
export type SpoolStep = `${'before' | 'after'} ${SpoolAct}`;

/** A file in one of the folders. */
export interface SpoolFile {
  readonly place: Place;
  readonly name: string;
}

export interface SpoolFolderDeps {
  /** Made when missing, for its owner alone. */
  readonly path: string;
  /** Told each step; tests end the process in it. */
  readonly onStep: (step: SpoolStep) => void;
}

/** Names read in one call: some 200 kB. */
const NAMES_READ_AT_ONCE = 1000;
/** Stands beside the places, so that nobody takes it for an entry. */
const PROBE = 'probe';
const REASONS = 'reasons';

const syncDescriptor = promisify(fsync);

/** Every method but the opening rejects with QueueUnavailableError when the disk does not do what it is told. */
export class SpoolFolder {
  readonly path: string;
  readonly #onStep: (step: SpoolStep) => void;
  readonly #seed: Seed;
  readonly #reasons: ReasonFiles;
  /** Open as long as the spool is, for syncing. */
  readonly #descriptors: Readonly<Record<Place, number>>;

  /** @throws SpoolFolderError when the folder is not ours alone, or what mkdir and open throw. */
  constructor({ path, onStep }: SpoolFolderDeps) {
    this.path = resolve(path);
    this.#onStep = onStep;
    makeFolder(this.path);
    for (const place of PLACES) makeFolder(this.#pathOf(place));
    makeFolder(join(this.path, REASONS));
    this.#reasons = new ReasonFiles(join(this.path, REASONS));
    this.#seed = new Seed(this.path);
    this.#descriptors = {
      ready: openSync(this.#pathOf('ready'), 'r'),
      leased: openSync(this.#pathOf('leased'), 'r'),
      delayed: openSync(this.#pathOf('delayed'), 'r'),
      dead: openSync(this.#pathOf('dead'), 'r'),
    };
  }

  /** The folder of a place, for a watcher. */
  pathOf(place: Place): string {
    return this.#pathOf(place);
  }

  /** A new entry in ready/; not on the disk before a sync. */
  create(name: string): Promise<void> {
    return this.#act('create', () => this.#seed.name(join(this.#pathOf('ready'), name)));
  }

  /** Resolves to whether it was still there to be moved. Of several who move one file, one does. */
  move(act: SpoolAct, from: SpoolFile, to: SpoolFile): Promise<boolean> {
    return this.#act(act, async () => {
      if (await ifThere(rename(this.#fileOf(from), this.#fileOf(to)))) return true;
      // Else a folder that somebody took away would look like a file that somebody took.
      await access(this.#pathOf(to.place));
      return false;
    });
  }

  /** Resolves to whether it was still there to be removed. */
  remove(act: SpoolAct, file: SpoolFile): Promise<boolean> {
    return this.#act(act, () => ifThere(unlink(this.#fileOf(file))));
  }

  /** Whatever was made in or moved into the place before survives a loss of power. */
  async sync(place: Place): Promise<void> {
    await this.#act('sync', () => syncDescriptor(this.#descriptors[place]));
  }

  /** Puts the reason of a death onto the disk, in the place of what was there; `text` always of the same length. */
  explain(id: string, text: Buffer): Promise<void> {
    return this.#act('explain', () => this.#reasons.write(id, text));
  }

  /** The first `bytesMax` bytes of a reason; undefined when there is none. */
  readReason(id: string, bytesMax: number): Promise<Buffer | undefined> {
    return unlessUnavailable(this.path, () => this.#reasons.read(id, bytesMax));
  }

  /** Removes a reason, if there is one. */
  forget(id: string): Promise<void> {
    return this.#act('forget', () => this.#reasons.remove(id));
  }

  /** The files of reasons that were written before a moment, by the clock of the file system. */
  reasonsBefore(beforeMs: number): Promise<readonly string[]> {
    return unlessUnavailable(this.path, () => this.#reasons.writtenBefore(beforeMs));
  }

  /** Calls `onName` for each file of a place, in no order, and `onStranger` for what is no plain file. */
  list(place: Place, onName: (name: string) => void, onStranger: () => void): Promise<void> {
    return unlessUnavailable(this.path, async () => {
      const folder = await opendir(this.#pathOf(place), { bufferSize: NAMES_READ_AT_ONCE });
      for await (const file of folder) {
        if (file.isFile()) onName(file.name);
        else onStranger();
      }
    });
  }

  /** Does once what an enqueue does, beside the entries. */
  async probe(): Promise<void> {
    await unlessUnavailable(this.path, async () => {
      const path = join(this.path, PROBE);
      // Of two who probe at once, one finds the other's.
      await ifNew(this.#seed.name(path));
      await syncDescriptor(this.#descriptors.ready);
      await ifThere(unlink(path));
    });
  }

  close(): void {
    for (const place of PLACES) closeSync(this.#descriptors[place]);
  }

  async #act<T>(act: SpoolAct, run: () => Promise<T>): Promise<T> {
    this.#onStep(`before ${act}`);
    const result = await unlessUnavailable(this.path, run);
    this.#onStep(`after ${act}`);
    return result;
  }

  #fileOf({ place, name }: SpoolFile): string {
    return join(this.#pathOf(place), name);
  }

  #pathOf(place: Place): string {
    return join(this.path, place);
  }
}
