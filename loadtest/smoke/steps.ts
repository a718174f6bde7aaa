/** What several checks of the smoke test do: come back, PUT, wait for an update. */
import { randomUUID } from 'node:crypto';
import { assert } from '../../src/assert.ts';
import { type WireChannel, WireDevice, type WireUpdate } from '../wire/device.ts';
import { WireError } from '../wire/errors.ts';
import { exchange } from '../wire/http.ts';
import type { CheckContext, Knowledge } from './check.ts';

/** App servers count in seconds since 1970, and so do versions that a server makes by itself. */
const FIRST_VERSION = 1_700_000_000;

let lastVersion = FIRST_VERSION;

/**
 * The same device on a new connection, which lists its channel; the older connection, if any, is cut. A device that is given a new id
 * has lost everything, and with it whatever else could be asked of the old one.
 */
export async function reconnect({ target, load, known }: CheckContext): Promise<WireDevice> {
  leave(known);
  const device = await WireDevice.open(target, load);
  known.device = device;
  const channelIDs = known.channel === undefined ? [] : [known.channel.channelID];
  const uaid = of(known, 'uaid');
  const given = await device.hello(uaid, channelIDs);
  if (plain(given) === plain(uaid)) return device;
  delete known.uaid;
  throw new WireError(`the device was given a new id: ${given}`);
}

/** Cuts the connection of the device, if there is one. */
export function leave(known: Knowledge): void {
  known.device?.destroy();
  delete known.device;
}

/** Waits until the server has read all that was sent before. */
export async function fence(device: WireDevice): Promise<void> {
  const { channelID } = await device.register(randomUUID());
  await device.unregister(channelID);
}

/** Acknowledges and returns whatever has come. */
export async function drain(device: WireDevice): Promise<readonly WireUpdate[]> {
  await fence(device);
  const updates = device.takeUpdates();
  if (updates.length > 0) await device.ack(updates);
  return updates;
}

/** Resolves to the status. @throws WireError when it was not taken */
export async function put(
  context: CheckContext,
  channel: WireChannel,
  body: string,
): Promise<number> {
  const { status } = await exchange(channel.endpoint, { body }, context);
  requireTaken(status);
  return status;
}

/** @throws WireError when a PUT was not taken */
export function requireTaken(status: number): void {
  if (status < 200 || status >= 300) throw new WireError(`a PUT was answered ${status}`);
}

/** The notification of `version`; older ones of the channel that come before are passed over, for updates may come more than once. */
export async function expectUpdate(
  device: WireDevice,
  { channelID }: WireChannel,
  version: number,
): Promise<WireUpdate> {
  for (;;) {
    const update = await device.nextUpdate(`the notification of version ${version}`);
    if (plain(update.channelID) !== plain(channelID)) {
      throw new WireError('an update came for a channel without a PUT');
    }
    if (Number(update.version) >= version) {
      requireVersion(update, version);
      return update;
    }
  }
}

/** @throws WireError when another version came */
export function requireVersion(update: WireUpdate, version: number): void {
  if (Number(update.version) !== version) {
    throw new WireError(`version ${version} was PUT and ${update.version} came`);
  }
}

/** Some servers write ids without dashes, or in another case. */
export function plain(id: string): string {
  return id.replaceAll('-', '').toLowerCase();
}

/** Higher than every version before, on any channel. */
export function newVersion(): number {
  lastVersion++;
  return lastVersion;
}

/** What an earlier check has found out and the check says that it needs. */
export function of<Name extends keyof Knowledge>(
  known: Knowledge,
  name: Name,
): NonNullable<Knowledge[Name]> {
  const value = known[name];
  assert(value !== undefined, 'a check runs only when what it needs is known');
  return value;
}
