/**
 * The store in memcached servers that several nodes share. It keeps what memcached keeps: records survive our own death; those that
 * memcached forgets (restart, flush, want of memory) are unknown afterwards, never gone.
 *
 * All records of a device are on one server, found by its id: a server that is down fails its own devices and no others, and
 * commands for one device are done in the order in which they are sent. Every write to a record is a compare-and-set
 * (memcached/editor.ts), so that none is lost, not even to one that a sleeping server does an hour late.
 *
 * A memcached without memory deletes the record whose write it refuses (1.6.18, `ms` in every mode): it needs as much as the
 * records take.
 */
import { randomUUID } from 'node:crypto';
import { assert } from '../assert.ts';
import type { Clock } from '../clock.ts';
import { type Log, quietLog } from '../log.ts';
import type { KickTarget } from '../protocol/connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../protocol/ids.ts';
import { claimed, connected, dropped, given, type KickStep, released } from './kick-record.ts';
import { type MemcachedClient, openMemcachedClient } from './memcached/client.ts';
import {
  decideAck,
  decideDrop,
  decideKick,
  decideKickAtHello,
  decidePut,
  decideRegister,
  decideUnregister,
  type Moment,
} from './memcached/decisions.ts';
import type { Decide } from './memcached/edit.ts';
import { type Call, channelPlace, devicePlace, inSlices, type Tables } from './memcached/places.ts';
import { type ChannelRecord, LISTED_CHANNELS_MAX } from './memcached/records.ts';
import type { MemcachedServer, ServerAddress } from './memcached/server.ts';
import { createTables } from './memcached/tables.ts';
import { readDeviceView, readKickView, readTargetType } from './memcached/views.ts';
import {
  type Ack,
  type DeviceView,
  type KickView,
  type PutOutcome,
  type RegisterOutcome,
  type Store,
  type StoreLimits,
  StoreUnavailableError,
  type WakeClaim,
} from './store.ts';

export interface MemcachedStoreOptions {
  /** At least one; the same on every node, in any order. */
  readonly servers: readonly ServerAddress[];
  /** How long one call of the store may take, whatever happens. */
  readonly timeoutMs: number;
  /** Requests without a reply, of one server; one more fails at once. */
  readonly requestsInFlightMax: number;
  /** `channelsPerDeviceMax` at most LISTED_CHANNELS_MAX. */
  readonly limits: StoreLimits;
  readonly clock: Clock;
  readonly log?: Log;
}

/** Bytes that a server may be slow to take from us: a hundred times what a busy node sends at once. */
const UNSENT_BYTES_MAX = 16_777_216;

const CHECK_LIFE_SECONDS = 60;

/** How many times within a call's time its waiting is looked at. */
const TICKS_PER_TIMEOUT = 20;

/** Succeeds also while servers are down: calls then fail until they return. */
export async function openMemcachedStore(options: MemcachedStoreOptions): Promise<Store> {
  const { limits, timeoutMs, log = quietLog } = options;
  assert(limits.channelsPerDeviceMax <= LISTED_CHANNELS_MAX, 'the list of channels fits an item');
  const client = await openMemcachedClient({
    ...options,
    log,
    unsentBytesMax: UNSENT_BYTES_MAX,
    // A call starts no request in the second half of its time, and no request takes longer than a half.
    requestTimeoutMs: timeoutMs / 2,
  });
  return new MemcachedStore(client, createTables(options), timeoutMs);
}

class MemcachedStore implements Store {
  readonly driver = 'memcached';
  readonly #client: MemcachedClient;
  readonly #tables: Tables;
  readonly #beginWithinMs: number;
  readonly #stopTicks: () => void;
  /** Calls that are more than one edit. */
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(client: MemcachedClient, tables: Tables, timeoutMs: number) {
    this.#client = client;
    this.#tables = tables;
    this.#beginWithinMs = timeoutMs / 2;
    // An edit of a device that is part of an old call may come to wait for that of a younger one.
    const tick = () => tables.devices.rejectOverdue();
    this.#stopTicks = tables.clock.every(timeoutMs / TICKS_PER_TIMEOUT, tick);
  }

  readDevice(deviceId: DeviceId, listed: readonly ChannelId[]): Promise<DeviceView> {
    return this.#tracked(readDeviceView(this.#call(deviceId), new Set(listed), this.#tables));
  }

  registerChannel(
    deviceId: DeviceId,
    { channelId, written }: WrittenChannel,
  ): Promise<RegisterOutcome> {
    const spelling = written === channelId ? '' : written;
    return this.#edit(deviceId, channelId, (record, hasRoom) =>
      decideRegister(record, { spelling, hasRoom }, this.#moment()),
    );
  }

  unregisterChannel(deviceId: DeviceId, channelId: ChannelId): Promise<void> {
    return this.#edit(deviceId, channelId, () => decideUnregister(this.#moment()));
  }

  dropDevice(deviceId: DeviceId): Promise<void> {
    return this.#tracked(this.#drop(this.#call(deviceId)));
  }

  putUpdate(deviceId: DeviceId, channelId: ChannelId, version: Version): Promise<PutOutcome> {
    return this.#edit(deviceId, channelId, (record, hasRoom) =>
      decidePut(record, { version, hasRoom }, this.#moment()),
    );
  }

  ackUpdates(deviceId: DeviceId, acks: readonly Ack[]): Promise<void> {
    const [first] = acks;
    if (first === undefined) return Promise.resolve();
    if (acks.length === 1) return this.#ack(deviceId, first);
    return inSlices(acks, (ack) => this.#ack(deviceId, ack)).then(() => {});
  }

  writeTarget(deviceId: DeviceId, target: KickTarget | undefined, nowMs: number): Promise<void> {
    return this.#editKickAtHello(deviceId, given(target, nowMs));
  }

  noteConnected(deviceId: DeviceId, nowMs: number): Promise<void> {
    return this.#editKickAtHello(deviceId, connected(nowMs));
  }

  readTargetType(deviceId: DeviceId): Promise<KickTarget['type'] | undefined> {
    return this.#tracked(readTargetType(this.#call(deviceId), this.#tables));
  }

  readKick(deviceId: DeviceId): Promise<KickView> {
    return this.#tracked(readKickView(this.#call(deviceId), this.#tables));
  }

  claimWake(
    deviceId: DeviceId,
    claim: { readonly nowMs: number; readonly intervalMs: number },
  ): Promise<WakeClaim> {
    return this.#editKick(deviceId, claimed(claim));
  }

  releaseWake(deviceId: DeviceId, claim: { readonly claimedAtMs: number }): Promise<void> {
    return this.#editKick(deviceId, released(claim));
  }

  dropTarget(
    deviceId: DeviceId,
    condition: { readonly unlessGivenAfterMs: number },
  ): Promise<boolean> {
    return this.#editKick(deviceId, dropped(condition));
  }

  check(): Promise<void> {
    const checks = this.#client.servers.map((server) => checkServer(server));
    return this.#tracked(Promise.all(checks).then(() => {}));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await Promise.all([this.#tables.channels.idle(), this.#tables.devices.idle()]);
    this.#stopTicks();
    await this.#client.close();
  }

  #ack(deviceId: DeviceId, { channelId, throughVersion }: Ack): Promise<void> {
    return this.#edit(deviceId, channelId, (record) =>
      decideAck(record, throughVersion, this.#moment()),
    );
  }

  async #drop(call: Call): Promise<void> {
    const { devices, channels } = this.#tables;
    const { record } = await devices.look(devicePlace(call));
    await inSlices(record?.channelIds ?? [], (id) =>
      channels.edit(channelPlace(call, id), (channel) => decideDrop(channel, this.#moment())),
    );
    await devices.edit(devicePlace(call), (device) =>
      decideKick(device, given(undefined, 0), this.#moment()),
    );
  }

  #editKickAtHello(deviceId: DeviceId, step: KickStep<void>): Promise<void> {
    return this.#tables.devices.edit(devicePlace(this.#call(deviceId)), (record) =>
      decideKickAtHello(record, step, this.#moment()),
    );
  }

  #editKick<A>(deviceId: DeviceId, step: KickStep<A>): Promise<A> {
    return this.#tables.devices.edit(devicePlace(this.#call(deviceId)), (record) =>
      decideKick(record, step, this.#moment()),
    );
  }

  #edit<A>(deviceId: DeviceId, channelId: ChannelId, decide: Decide<ChannelRecord, A>): Promise<A> {
    return this.#tables.channels.edit(channelPlace(this.#call(deviceId), channelId), decide);
  }

  #call(deviceId: DeviceId): Call {
    const beginByMs = this.#tables.clock.monotonicMs() + this.#beginWithinMs;
    return { server: this.#client.serverOf(deviceId), deviceId, beginByMs };
  }

  #moment(): Moment {
    return { nowMs: this.#tables.clock.nowMs(), limits: this.#tables.limits };
  }

  /** Lets close() wait for the call. */
  async #tracked<T>(call: Promise<T>): Promise<T> {
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }
}

/** A write and a read, as a PUT would need them. @throws StoreUnavailableError */
async function checkServer(server: MemcachedServer): Promise<void> {
  const value = randomUUID();
  const key = `h${value}`;
  // Commands of one connection are done in order: the read sees what was written.
  const [, { value: found }] = await Promise.all([
    server.set({ key, value, exptime: CHECK_LIFE_SECONDS }),
    server.get(key),
  ]);
  if (found !== value) {
    throw new StoreUnavailableError(`memcached ${server.name}: did not keep what was written`);
  }
}
