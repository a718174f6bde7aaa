/**
 * The kick queue as a folder of this machine, shared by any number of processes. Each step of an entry is one rename of its file, which
 * the file system does or does not do: see spool/entry.ts for the names, and docs/decisions/kick-queue.md for what survives what.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { KickQueue, QueueDepth } from './queue.ts';
import { Consumer } from './spool/consumer.ts';
import { DEAD_RECORD_BYTES, DeadLetters } from './spool/dead-letters.ts';
import { parseEntryName, parseHeldName, Stamps, stampMs } from './spool/entry.ts';
import { PLACES, type Place, SpoolFolder, type SpoolStep } from './spool/folder.ts';
import { InHand } from './spool/in-hand.ts';
import { Producer } from './spool/producer.ts';
import { type Amount, Tally } from './spool/tally.ts';
import { createFolderWatch, type WatchFolder } from './spool/watch.ts';

export interface SpoolOptions {
  /** Made when missing, for its owner alone. On a local disk. */
  readonly path: string;
  /** Entries that are not dead; one more is refused. */
  readonly entriesMax: number;
  /** Bytes of names and dead entries; what would pass them is refused. */
  readonly bytesMax: number;
  /** Dead entries kept; the oldest goes when one more comes. */
  readonly deadMax: number;
  readonly leaseMs: number;
  /** How long an enqueue or a check may wait for the disk. */
  readonly timeoutMs: number;
  /** Enqueues that may wait for the disk at once; one more is refused. */
  readonly enqueuesInHandMax: number;
  /** How often the folders are looked at, whatever the watcher says. */
  readonly rescanMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Told each step of the file system; tests end the process in one. */
  readonly onStep?: (step: SpoolStep) => void;
  /** How changes are noticed; tests have one that notices nothing. */
  readonly watch?: WatchFolder;
  /** Devices whose newest entry is remembered to be renewed; some 10 MB for the default. */
  readonly devicesRememberedMax?: number;
}

const WRITER_BYTES = 8;
const DEVICES_REMEMBERED_MAX = 20_000;

/** @throws SpoolFolderError when the folder is not ours alone; else what the file system says. */
export async function openSpool(options: SpoolOptions): Promise<KickQueue> {
  const { path, onStep = () => undefined } = options;
  const spool = new Spool(options, new SpoolFolder({ path, onStep }));
  try {
    await spool.takeStock();
    await spool.tidy();
    return spool;
  } catch (error) {
    await spool.close();
    throw error;
  }
}

class Spool implements KickQueue {
  readonly driver = 'spool';
  readonly #folder: SpoolFolder;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #stamps: Stamps;
  readonly #tally: Tally;
  readonly #inHand: InHand;
  readonly #producer: Producer;
  readonly #consumer: Consumer;
  readonly #dead: DeadLetters;
  readonly #stopRecounts: () => void;
  #recounting: Promise<void> | undefined;
  #hasToldOfStrangers = false;

  constructor(options: SpoolOptions, folder: SpoolFolder) {
    const { clock, log, rescanMs, timeoutMs, enqueuesInHandMax } = options;
    this.#folder = folder;
    this.#clock = clock;
    this.#log = log;
    this.#stamps = new Stamps(() => clock.nowMs());
    this.#tally = new Tally(options);
    const parts = { folder, clock, log, tally: this.#tally, stamps: this.#stamps };
    this.#inHand = new InHand({ clock, timeoutMs, worksMax: enqueuesInHandMax });
    this.#producer = new Producer({
      ...parts,
      writer: randomBytes(WRITER_BYTES).toString('hex'),
      devicesRememberedMax: options.devicesRememberedMax ?? DEVICES_REMEMBERED_MAX,
    });
    this.#consumer = new Consumer({
      ...parts,
      rescanMs,
      leaseMs: options.leaseMs,
      watch: options.watch ?? createFolderWatch(log),
      onStranger: (count) => this.#onStrangers(count),
    });
    this.#dead = new DeadLetters({ ...parts, deadMax: options.deadMax });
    this.#stopRecounts = clock.every(rescanMs, () => this.#recountInBackground());
  }

  /** Counts what is there, and learns the newest stamp: what is made from now on is newer. */
  async takeStock(): Promise<void> {
    await this.#tally.recount(() => this.#countAmount((stamp) => this.#stamps.passBy(stamp)));
  }

  /** Removes what processes that were killed have left behind. */
  tidy(): Promise<void> {
    return this.#dead.tidy();
  }

  enqueue: KickQueue['enqueue'] = (kick) => this.#inHand.run(() => this.#producer.enqueue(kick));

  lease: KickQueue['lease'] = (wanted) => this.#consumer.lease(wanted);

  done: KickQueue['done'] = (kick) => this.#consumer.done(kick);

  retryLater: KickQueue['retryLater'] = (kick, retry) => this.#consumer.retryLater(kick, retry);

  bury: KickQueue['bury'] = async (kick, reason) => {
    const file = this.#consumer.fileOf(kick);
    if (file !== undefined) await this.#dead.bury(file, reason);
  };

  listDead: KickQueue['listDead'] = (max) => this.#dead.list(max);

  retryDead: KickQueue['retryDead'] = (id) => this.#dead.retry(id);

  purgeDead: KickQueue['purgeDead'] = (id) => this.#dead.purge(id);

  /** Whether the disk takes and syncs a file. A queue that is full is alive. */
  check: KickQueue['check'] = () => this.#inHand.run(() => this.#folder.probe());

  /** Exact, but for what changes while it counts. */
  async depth(): Promise<QueueDepth> {
    const counts = { ready: 0, leased: 0, delayed: 0, dead: 0 };
    let oldest: string | undefined;
    for (const place of PLACES) {
      await this.#forEachEntry(place, (_name, stamp) => {
        counts[place] += 1;
        if (place === 'ready' && (oldest === undefined || stamp < oldest)) oldest = stamp;
      });
    }
    const ageMs = oldest === undefined ? 0 : this.#clock.nowMs() - stampMs(oldest);
    return { ...counts, oldestReadyMs: Math.max(0, ageMs) };
  }

  async close(): Promise<void> {
    this.#consumer.close();
    this.#stopRecounts();
    await this.#inHand.close();
    await this.#recounting;
    this.#folder.close();
  }

  async #countAmount(onStamp: (stamp: string) => void): Promise<Amount> {
    let entries = 0;
    let bytes = (await this.#dead.count()) * DEAD_RECORD_BYTES;
    for (const place of PLACES) {
      await this.#forEachEntry(place, (name, stamp) => {
        if (place !== 'dead') entries += 1;
        bytes += name.length;
        onStamp(stamp);
      });
    }
    return { entries, bytes };
  }

  async #forEachEntry(place: Place, onEntry: (name: string, stamp: string) => void): Promise<void> {
    let strangers = 0;
    const onName = (file: string) => {
      const name = place === 'ready' ? file : parseHeldName(file)?.name;
      const stamp = parseEntryName(name ?? '')?.stamp;
      if (stamp === undefined) strangers += 1;
      else onEntry(file, stamp);
    };
    await this.#folder.list(place, onName, () => {
      strangers += 1;
    });
    this.#onStrangers(strangers);
  }

  /** What others have taken out makes room; one that adds nothing does not need to know. */
  #recountInBackground(): void {
    if (!this.#tally.wasAsked || this.#recounting !== undefined) return;
    this.#recounting = this.takeStock()
      // Whoever enqueues next is told what is wrong with the disk.
      .catch((error: unknown) => this.#log.debug({ err: error }, 'queue.recount.failed'))
      .finally(() => {
        this.#recounting = undefined;
      });
  }

  /** They are left alone, and told of once. */
  #onStrangers(count: number): void {
    if (count === 0 || this.#hasToldOfStrangers) return;
    this.#hasToldOfStrangers = true;
    this.#log.warn({ path: this.#folder.path, count }, 'queue.spool.strangers');
  }
}
