/** Devices that come, leave, and come back when they are woken. */
import { randomUUID } from 'node:crypto';
import type { KickTarget } from '../../src/protocol/connect.ts';
import type { ChildServer } from '../support/child-server.ts';
import type { RawDevice } from '../support/raw-device.ts';

/** A device that is away, with one channel. */
export interface Sleeper {
  readonly uaid: string;
  readonly channelID: string;
  readonly endpoint: string;
}

/** Says hello with how to wake it, registers a channel, and leaves. */
export async function fallAsleep(
  server: Pick<ChildServer, 'connect'>,
  connect: KickTarget,
): Promise<Sleeper> {
  const { device, sleeper } = await arrive(server, connect);
  await device.close();
  return sleeper;
}

/** As `fallAsleep`, and stays connected. */
export async function arrive(
  server: Pick<ChildServer, 'connect'>,
  connect: KickTarget,
): Promise<{ readonly device: RawDevice; readonly sleeper: Sleeper }> {
  const device = await server.connect();
  const { uaid, ...hello } = await device.hello({ connect });
  if (uaid === undefined || hello.connect !== undefined) {
    throw new Error(`the hello was answered ${JSON.stringify(hello)}`);
  }
  const channelID = randomUUID();
  const { pushEndpoint } = await device.register(channelID);
  if (pushEndpoint === undefined) throw new Error('the channel was not registered');
  return { device, sleeper: { uaid, channelID, endpoint: pushEndpoint } };
}

/** Connects, takes what is pending, acknowledges it, and leaves. Resolves to the version; undefined when nothing was pending. */
export async function fetchPending(
  server: Pick<ChildServer, 'connect'>,
  { uaid, channelID }: Sleeper,
): Promise<number | undefined> {
  const device = await server.connect();
  const hello = await device.hello({ uaid, channelIDs: [channelID] });
  if (hello.uaid !== uaid) throw new Error('the device was given another id');
  // What is pending comes in one turn with the reply, hence before the pong.
  await device.ping();
  const [notification] = device
    .takeUnread()
    .map((text) => JSON.parse(text) as { readonly updates?: readonly { version: number }[] });
  const updates = notification?.updates;
  if (updates !== undefined) {
    device.send({ messageType: 'ack', updates });
    await device.ping();
  }
  await device.close();
  return updates?.[0]?.version;
}

/** A device token as Apple gives them; each number is another device. */
export function apnsToken(number: number): string {
  return `a9${number.toString(16).padStart(62, '0')}`;
}
