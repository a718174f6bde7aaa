/** Who the device of a hello is, and what is known of it (protocol.md, "Hello"). */
import { randomBytes } from 'node:crypto';
import type { ConnectRequest } from '../protocol/connect.ts';
import type { ChannelId, DeviceId } from '../protocol/ids.ts';
import type { DeviceView, Store } from '../storage/store.ts';
import type { MessageOf, SessionDeps } from './session-deps.ts';

/** A device that may stay. */
export interface Admitted {
  readonly deviceId: DeviceId;
  /** The id as the reply carries it: as the device wrote it, or the new one. */
  readonly writtenDeviceId: string;
  readonly view: DeviceView;
  /** False for a device with a new UAID: it knows without being told that its channels are gone. */
  readonly isKept: boolean;
  /** Why `connect` was not taken. */
  readonly connectReason: string | undefined;
}

type AdmitDeps = Pick<
  SessionDeps,
  'store' | 'registry' | 'tokens' | 'metrics' | 'channelsPerDeviceMax'
>;

const NOTHING_KEPT: DeviceView = { kind: 'known', channels: [] };
const RANDOM_BYTES = 16;

/**
 * Decides the device's id and joins the registry under it by `join`, which answers false when the socket has gone meanwhile; then so
 * does this, with undefined. The registry is joined before the pending versions are read: an update that is stored in between is
 * found by the one or told by the other. In the other order it would wait for the next hello.
 * @throws StoreUnavailableError: a store that fails is not a store that does not know, so no new id is ever given for it.
 */
export async function admitDevice(
  hello: MessageOf<'hello'>,
  deps: AdmitDeps,
  join: (deviceId: DeviceId) => boolean,
): Promise<Admitted | undefined> {
  const { store, tokens, metrics } = deps;
  const listed = hello.listed.map((channel) => channel.channelId);
  const known = await knownDeviceId(hello, listed, deps);
  const deviceId = known ?? tokens.newDeviceId(randomBytes(RANDOM_BYTES));
  if (!join(deviceId)) return undefined;
  const view = known === undefined ? NOTHING_KEPT : await store.readDevice(deviceId, listed);
  const connectReason = await takeConnect(store, deviceId, hello.connect);
  if (known !== undefined) metrics.hellos[view.kind === 'unknown' ? 'kept' : 'known'].count++;
  return {
    deviceId,
    writtenDeviceId: known === undefined ? deviceId : hello.writtenDeviceId,
    view,
    isKept: known !== undefined,
    connectReason,
  };
}

/** The id that the device may keep; undefined when it gets a new one. */
async function knownDeviceId(
  hello: MessageOf<'hello'>,
  listed: readonly ChannelId[],
  { store, registry, tokens, metrics, channelsPerDeviceMax }: AdmitDeps,
): Promise<DeviceId | undefined> {
  const { deviceId, listedCount } = hello;
  if (deviceId === undefined) {
    metrics.hellos.new.count++;
    return undefined;
  }
  if (listedCount > channelsPerDeviceMax) {
    await store.dropDevice(deviceId);
    registry.find(deviceId)?.giveWay();
    metrics.hellos.reset.count++;
    return undefined;
  }
  // Without channels there is nothing to lose; with our own MAC the id is ours though the store forgot it.
  if (listedCount === 0 || tokens.recognises(deviceId)) return deviceId;
  const view = await store.readDevice(deviceId, listed);
  if (view.kind !== 'unknown') return deviceId;
  metrics.hellos.new.count++;
  return undefined;
}

/** Stores, forgets or leaves where the device is kicked. Resolves to why it was not taken. @throws StoreUnavailableError */
export async function takeConnect(
  store: Store,
  deviceId: DeviceId,
  connect: ConnectRequest,
): Promise<string | undefined> {
  switch (connect.kind) {
    case 'absent':
      return undefined;
    case 'removed':
      await store.writeTarget(deviceId, undefined);
      return undefined;
    case 'given':
      await store.writeTarget(deviceId, connect.target);
      return undefined;
    case 'invalid':
      return connect.reason;
  }
}
