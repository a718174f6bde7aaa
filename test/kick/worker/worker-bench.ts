import { createKickMetrics } from '../../../src/kick/kick-metrics.ts';
import type { KickProvider, Wake, WakeOutcome } from '../../../src/kick/provider.ts';
import type { KickSettings, KickWorkerDeps } from '../../../src/kick/worker/worker-deps.ts';
import { KickWorker } from '../../../src/kick/worker.ts';
import { type Log, quietLog } from '../../../src/log.ts';
import type { KickTarget } from '../../../src/protocol/connect.ts';
import {
  type ChannelId,
  type DeviceId,
  deviceIdFromRandom,
  newChannelId,
  toVersion,
  type Version,
} from '../../../src/protocol/ids.ts';
import type { Store } from '../../../src/storage/store.ts';
import { openMemoryStore } from '../../support/memory-store.ts';
import { StoppableStore } from '../../support/stoppable-store.ts';
import { HandTime, quiet } from './hand-time.ts';
import { MemoryQueue } from './memory-queue.ts';

/** Short enough to read, and none the same as another. */
export const SETTINGS: KickSettings = {
  wakeIntervalMs: 10_000,
  attemptsMax: 4,
  backoff: { minMs: 1000, maxMs: 8000 },
  breakerFailuresMax: 3,
  breakerPause: { minMs: 2000, maxMs: 16_000 },
  haltPause: { minMs: 30_000, maxMs: 120_000 },
  inFlightMax: 8,
  ratePerSecondMax: 1000,
};

/** One wake-up that reached the provider. */
export interface SentWake extends Wake {
  readonly atMs: number;
  readonly signal: AbortSignal;
}

type Answer = (wake: SentWake) => WakeOutcome | Promise<WakeOutcome>;

/** A provider that answers what a test says. */
export class ScriptedProvider implements Pick<KickProvider, 'name' | 'wake'> {
  readonly name = 'fcm';
  readonly wakes: SentWake[] = [];
  answer: Answer = () => ({ kind: 'woken' });
  readonly #time: HandTime;

  constructor(time: HandTime) {
    this.#time = time;
  }

  /** Answers so until told otherwise. */
  answers(outcome: WakeOutcome): void {
    this.answer = () => outcome;
  }

  /** Holds every answer back until `release` is called, or the signal is aborted. */
  holds(): { release(outcome: WakeOutcome): void } {
    let release: (outcome: WakeOutcome) => void = () => {};
    const released = new Promise<WakeOutcome>((resolve) => {
      release = resolve;
    });
    this.answer = ({ signal }) =>
      Promise.race([
        released,
        new Promise<WakeOutcome>((resolve) => {
          signal.addEventListener('abort', () =>
            resolve({ kind: 'unanswered', reason: 'aborted' }),
          );
        }),
      ]);
    return { release: (outcome) => release(outcome) };
  }

  async wake(wake: Wake, signal: AbortSignal): Promise<WakeOutcome> {
    const sent = { ...wake, atMs: this.#time.monotonicMs(), signal };
    this.wakes.push(sent);
    return this.answer(sent);
  }
}

/** A device that gave a target for the scripted provider. */
export interface BenchDevice {
  readonly deviceId: DeviceId;
  readonly channelId: ChannelId;
  readonly token: string;
}

/** Everything around a worker, with time that stands still. */
export class WorkerBench {
  readonly time = new HandTime();
  readonly queue: MemoryQueue;
  readonly otherQueue: MemoryQueue;
  readonly store: StoppableStore;
  readonly engine: Store;
  readonly provider: ScriptedProvider;
  readonly metrics = createKickMetrics({ count: 0 });
  readonly logged: { level: string; event: string; fields: object }[] = [];
  readonly worker: KickWorker;
  #devices = 0;
  #version = 0;

  constructor(
    settings: Partial<KickSettings> = {},
    { collapses = false, ...deps }: Partial<KickWorkerDeps> & { collapses?: boolean } = {},
  ) {
    this.queue = new MemoryQueue(this.time, { collapses });
    this.otherQueue = new MemoryQueue(this.time);
    this.engine = openMemoryStore({}, this.time);
    this.store = new StoppableStore(this.engine);
    this.provider = new ScriptedProvider(this.time);
    this.worker = new KickWorker({
      provider: this.provider,
      queue: this.queue,
      queueOf: (name) => (name === 'apns' ? this.otherQueue : undefined),
      store: this.store,
      settings: { ...SETTINGS, ...settings },
      clock: this.time,
      sleep: this.time.sleep,
      random: () => 0.5,
      metrics: this.metrics,
      log: recordingLog(this.logged),
      ...deps,
    });
  }

  /** A device with a target and one channel. */
  async addDevice(target?: KickTarget): Promise<BenchDevice> {
    this.#devices += 1;
    const deviceId = deviceIdFromRandom(new Uint8Array(16).fill(this.#devices));
    const channelId = newChannelId();
    const token = `token-${this.#devices}`;
    await this.engine.registerChannel(deviceId, { channelId, written: channelId });
    await this.engine.writeTarget(
      deviceId,
      target ?? { type: 'fcm', token },
      this.time.nowMs() - 1,
    );
    return { deviceId, channelId, token };
  }

  async addDevices(count: number): Promise<readonly BenchDevice[]> {
    const devices: BenchDevice[] = [];
    while (devices.length < count) devices.push(await this.addDevice());
    return devices;
  }

  /** Stores an update and enqueues its kick, as a PUT does. Resolves to the version. */
  async put({ deviceId, channelId }: BenchDevice): Promise<Version> {
    this.#version += 1;
    const version = toVersion(this.#version);
    if (version === undefined) throw new Error('more versions than numbers');
    await this.engine.putUpdate(deviceId, channelId, version);
    const storedAtMs = this.time.nowMs();
    await this.queue.enqueue({ deviceId, channelId, version, storedAtMs });
    await quiet();
    return version;
  }

  async ack({ deviceId, channelId }: BenchDevice): Promise<void> {
    const throughVersion = toVersion(this.#version);
    if (throughVersion !== undefined)
      await this.engine.ackUpdates(deviceId, [{ channelId, throughVersion }]);
  }

  eventsAt(level: string): readonly string[] {
    return this.logged.filter((line) => line.level === level).map(({ event }) => event);
  }

  async close(): Promise<void> {
    const stopped = this.worker.stop(0);
    await this.time.pass(1);
    await stopped;
    await this.engine.close();
  }
}

function recordingLog(lines: { level: string; event: string; fields: object }[]): Log {
  const writer = (level: string) => (fields: object, event: string) => {
    lines.push({ level, event, fields });
  };
  return {
    ...quietLog,
    error: writer('error'),
    warn: writer('warn'),
    info: writer('info'),
    debug: writer('debug'),
  };
}
