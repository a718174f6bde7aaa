import type { KickTarget } from '../../src/protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../../src/protocol/ids.ts';
import {
  type Ack,
  type DeviceView,
  type KickView,
  type PutOutcome,
  type RegisterOutcome,
  type Store,
  StoreUnavailableError,
  type WakeClaim,
} from '../../src/storage/store.ts';

export type StoreOperation = Exclude<keyof Store, 'driver' | 'close'>;

/** Answers that a test holds back. */
export interface Held {
  /** Resolves when the first call has been made, and answered by the engine. */
  readonly reached: Promise<void>;
  /** Lets the answers go, and those of later calls. */
  release(): void;
}

interface Hold {
  readonly released: Promise<void>;
  readonly onReached: () => void;
}

/** A store whose engine goes away, or takes its time, when a test says so. */
export class StoppableStore implements Store {
  readonly driver: Store['driver'];
  readonly #engine: Store;
  readonly #holds = new Map<StoreOperation, Hold>();
  readonly #calls = new Map<StoreOperation, number>();
  #failing: readonly StoreOperation[] | 'all' = [];
  #failure: Error | undefined;

  constructor(engine: Store) {
    this.#engine = engine;
    this.driver = engine.driver;
  }

  /** From now on these operations reject as drivers do, or all; the engine is not asked. */
  fail(...operations: readonly StoreOperation[]): void {
    this.#failing = operations.length === 0 ? 'all' : operations;
    this.#failure = new StoreUnavailableError('the test stopped the store');
  }

  /** From now on every operation rejects with an error that no driver may reject with. */
  breakDown(failure: Error): void {
    this.#failing = 'all';
    this.#failure = failure;
  }

  heal(): void {
    this.#failing = [];
  }

  /** From now on the engine does `operation` at once, and its answers wait. */
  hold(operation: StoreOperation): Held {
    let release = () => {};
    let onReached = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      onReached = resolve;
    });
    this.#holds.set(operation, { released, onReached });
    return {
      reached,
      release: () => {
        this.#holds.delete(operation);
        release();
      },
    };
  }

  /** How often `operation` was asked for. */
  callsOf(operation: StoreOperation): number {
    return this.#calls.get(operation) ?? 0;
  }

  readDevice(deviceId: DeviceId, listed: readonly ChannelId[]): Promise<DeviceView> {
    return this.#run('readDevice', () => this.#engine.readDevice(deviceId, listed));
  }

  registerChannel(deviceId: DeviceId, channel: WrittenChannel): Promise<RegisterOutcome> {
    return this.#run('registerChannel', () => this.#engine.registerChannel(deviceId, channel));
  }

  unregisterChannel(deviceId: DeviceId, channelId: ChannelId): Promise<void> {
    return this.#run('unregisterChannel', () =>
      this.#engine.unregisterChannel(deviceId, channelId),
    );
  }

  dropDevice(deviceId: DeviceId): Promise<void> {
    return this.#run('dropDevice', () => this.#engine.dropDevice(deviceId));
  }

  putUpdate(deviceId: DeviceId, channelId: ChannelId, version: Version): Promise<PutOutcome> {
    return this.#run('putUpdate', () => this.#engine.putUpdate(deviceId, channelId, version));
  }

  ackUpdates(deviceId: DeviceId, acks: readonly Ack[]): Promise<void> {
    return this.#run('ackUpdates', () => this.#engine.ackUpdates(deviceId, acks));
  }

  writeTarget(deviceId: DeviceId, target: KickTarget | undefined, nowMs: number): Promise<void> {
    return this.#run('writeTarget', () => this.#engine.writeTarget(deviceId, target, nowMs));
  }

  noteConnected(deviceId: DeviceId, nowMs: number): Promise<void> {
    return this.#run('noteConnected', () => this.#engine.noteConnected(deviceId, nowMs));
  }

  readTargetType(deviceId: DeviceId): Promise<KickTarget['type'] | undefined> {
    return this.#run('readTargetType', () => this.#engine.readTargetType(deviceId));
  }

  readKick(deviceId: DeviceId): Promise<KickView> {
    return this.#run('readKick', () => this.#engine.readKick(deviceId));
  }

  claimWake(...call: Parameters<Store['claimWake']>): Promise<WakeClaim> {
    return this.#run('claimWake', () => this.#engine.claimWake(...call));
  }

  releaseWake(...call: Parameters<Store['releaseWake']>): Promise<void> {
    return this.#run('releaseWake', () => this.#engine.releaseWake(...call));
  }

  dropTarget(...call: Parameters<Store['dropTarget']>): Promise<boolean> {
    return this.#run('dropTarget', () => this.#engine.dropTarget(...call));
  }

  check(): Promise<void> {
    return this.#run('check', () => this.#engine.check());
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  async #run<T>(operation: StoreOperation, ask: () => Promise<T>): Promise<T> {
    this.#calls.set(operation, this.callsOf(operation) + 1);
    if (this.#failing === 'all' || this.#failing.includes(operation)) throw this.#failure;
    const answer = await ask();
    const hold = this.#holds.get(operation);
    hold?.onReached();
    await hold?.released;
    return answer;
  }
}
