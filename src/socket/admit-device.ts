/** Who the device of a hello is, and what is known of it (protocol.md, "Hello"). */
import { randomUUID } from 'node:crypto';
import { unreachable } from '../assert.ts';
import type { ConnectRequest, KickTarget } from '../protocol/connect.ts';
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
  readonly contact: Contact;
}

/** How the device is reached when it is not connected, after its hello. */
export interface Contact {
  readonly targetType: KickTarget['type'] | undefined;
  /** Why `connect` was not taken. */
  readonly refusal: string | undefined;
}

type AdmitDeps = Pick<
  SessionDeps,
  'store' | 'registry' | 'tokens' | 'metrics' | 'clock' | 'channelsPerDeviceMax'
>;

const NOTHING_KEPT: DeviceView = { kind: 'known', channels: [] };

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
  const { store, tokens, metrics, clock } = deps;
  const listed = hello.listed.map((channel) => channel.channelId);
  const known = await knownDeviceId(hello, listed, deps);
  const deviceId = known ?? tokens.newDeviceId(freshRandom());
  if (!join(deviceId)) return undefined;
  const helloAtMs = clock.nowMs();
  const view = known === undefined ? NOTHING_KEPT : await store.readDevice(deviceId, listed);
  const contact = await takeConnect(store, deviceId, { connect: hello.connect, view, helloAtMs });
  if (known !== undefined) metrics.hellos[view.kind === 'unknown' ? 'kept' : 'known'].count++;
  return {
    deviceId,
    writtenDeviceId: known === undefined ? deviceId : hello.writtenDeviceId,
    view,
    isKept: known !== undefined,
    contact,
  };
}

/** 16 bytes, 122 bits of them random. As an UUID, of which Node draws many at once: bytes drawn for each device took three times as long. */
function freshRandom(): Uint8Array {
  return Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
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

/**
 * Stores, forgets or leaves where the device is kicked, and notes that it is here; `helloAtMs` was taken before `view` was read. A
 * kick is skipped when its update had been stored before that moment: then the view has it. Taken any later, the moment could
 * pass for one at which the device was told of an update that was stored after the read. It is noted after the read, since a hello
 * whose read fails has told the device nothing.
 * @throws StoreUnavailableError
 */
export async function takeConnect(
  store: Store,
  deviceId: DeviceId,
  {
    connect,
    view,
    helloAtMs,
  }: {
    readonly connect: ConnectRequest;
    readonly view: DeviceView;
    readonly helloAtMs: number;
  },
): Promise<Contact> {
  switch (connect.kind) {
    case 'absent':
    case 'invalid': {
      const targetType = view.kind === 'known' ? view.targetType : undefined;
      if (targetType !== undefined) await store.noteConnected(deviceId, helloAtMs);
      return { targetType, refusal: connect.kind === 'invalid' ? connect.reason : undefined };
    }
    case 'removed':
      await store.writeTarget(deviceId, undefined, helloAtMs);
      return { targetType: undefined, refusal: undefined };
    case 'given':
      await store.writeTarget(deviceId, connect.target, helloAtMs);
      return { targetType: connect.target.type, refusal: undefined };
    default:
      return unreachable(connect);
  }
}
