import type { DeviceId } from '../../protocol/ids.ts';
import type { Kick } from '../queue.ts';
import { type Entry, entryName, type Stamps } from './entry.ts';
import type { SpoolFolder } from './folder.ts';
import { GroupSync } from './group-sync.ts';
import type { Tally } from './tally.ts';

export interface ProducerDeps {
  readonly folder: SpoolFolder;
  readonly stamps: Stamps;
  readonly tally: Tally;
  /** Part of the name of each entry made here. */
  readonly writer: string;
  /** Devices whose newest entry is remembered. For one that is forgotten an entry more is made. */
  readonly devicesRememberedMax: number;
}

/** What became of a kick: its entry, and whether that was there before. */
interface Placed {
  readonly entry: Entry;
  readonly outcome: 'queued' | 'collapsed';
}

/**
 * Puts kicks into ready/. A device that has an entry there, made by this process, is given no second one: the entry is renamed to tell the
 * newer update and when that was stored. The rename is the proof that nobody has leased it. It succeeds, and then the entry is leased
 * after it, thus after the update was stored, and its holder finds the update in the store. Or the entry is gone from ready/,
 * and a new one is made.
 *
 * A look whether the file is still there would not do. The entry would keep the moment of the older update, and a device that came and
 * went between the two updates would be taken for one that knows both.
 *
 * Both ways end with a sync of the folder that began after the change, so a collapsed kick is as durable as a queued one.
 */
export class Producer {
  readonly #folder: SpoolFolder;
  readonly #stamps: Stamps;
  readonly #tally: Tally;
  readonly #writer: string;
  readonly #devicesRememberedMax: number;
  readonly #sync: GroupSync;
  /** What is being done for a device, or was done last: one thing after the other. Undefined when it failed. */
  readonly #newest = new Map<DeviceId, Promise<Entry | undefined>>();

  constructor({ folder, stamps, tally, writer, devicesRememberedMax }: ProducerDeps) {
    this.#folder = folder;
    this.#stamps = stamps;
    this.#tally = tally;
    this.#writer = writer;
    this.#devicesRememberedMax = devicesRememberedMax;
    this.#sync = new GroupSync(() => folder.sync('ready'));
  }

  /** @throws QueueUnavailableError */
  async enqueue(kick: Kick): Promise<'queued' | 'collapsed'> {
    const placing = this.#place(kick, this.#newest.get(kick.deviceId));
    this.#remember(
      kick.deviceId,
      placing.then(
        ({ entry }) => entry,
        () => undefined,
      ),
    );
    const { outcome } = await placing;
    await this.#sync.wait();
    return outcome;
  }

  async #place(kick: Kick, last: Promise<Entry | undefined> | undefined): Promise<Placed> {
    const older = await last;
    const renewed = older === undefined ? undefined : await this.#renew(older, kick);
    if (renewed !== undefined) return { entry: renewed, outcome: 'collapsed' };
    return { entry: await this.#create(kick), outcome: 'queued' };
  }

  /** The entry as it is called now; undefined when it was not ready any more. */
  async #renew(older: Entry, { channelId, version, storedAtMs }: Kick): Promise<Entry | undefined> {
    const latestMs = Math.max(storedAtMs, older.storedAtMs);
    const newer = { ...older, channelId, version, storedAtMs: latestMs };
    const [from, to] = [entryName(older), entryName(newer)];
    const isReady = await this.#folder.move(
      'renew',
      { place: 'ready', name: from },
      { place: 'ready', name: to },
    );
    if (!isReady) return undefined;
    this.#tally.add({ entries: 0, bytes: to.length - from.length });
    return newer;
  }

  async #create(kick: Kick): Promise<Entry> {
    const { deviceId, channelId, version, storedAtMs } = kick;
    const identity = { stamp: this.#stamps.next(), writer: this.#writer };
    const entry = { deviceId, channelId, version, storedAtMs, attempts: 0, ...identity };
    const name = entryName(entry);
    this.#tally.reserve(name.length);
    try {
      await this.#folder.create(name);
    } catch (error) {
      this.#tally.add({ entries: -1, bytes: -name.length });
      throw error;
    }
    return entry;
  }

  /** Forgets who was kicked longest ago when there are too many. */
  #remember(deviceId: DeviceId, entry: Promise<Entry | undefined>): void {
    this.#newest.delete(deviceId);
    this.#newest.set(deviceId, entry);
    if (this.#newest.size <= this.#devicesRememberedMax) return;
    for (const longest of this.#newest.keys()) {
      this.#newest.delete(longest);
      return;
    }
  }
}
