import { randomUUID } from 'node:crypto';
import type { RawDevice, RawMessage } from './raw-device.ts';
import type { TestServer } from './server.ts';

/** A connected device with one channel. */
export interface Subscription {
  readonly device: RawDevice;
  readonly uaid: string;
  readonly channelID: string;
  readonly endpoint: string;
}

/** Connects a device, new unless `uaid` names one, and registers a channel. */
export async function subscribe(
  server: Pick<TestServer, 'connect'>,
  { uaid = '', channelID = randomUUID() as string } = {},
): Promise<Subscription> {
  const device = await server.connect();
  const hello = await device.hello({ uaid });
  const { pushEndpoint } = await device.register(channelID);
  if (hello.uaid === undefined || pushEndpoint === undefined) {
    throw new Error(`no subscription: ${JSON.stringify(hello)}`);
  }
  return { device, uaid: hello.uaid, channelID, endpoint: pushEndpoint };
}

/** As `subscribe`, and the device has left again. */
export async function subscribeAndLeave(
  server: Pick<TestServer, 'connect'>,
  options: { readonly uaid?: string; readonly channelID?: string } = {},
): Promise<Subscription> {
  const subscription = await subscribe(server, options);
  await subscription.device.close();
  return subscription;
}

/** The notification of one update. */
export function notificationOf(channelID: string, version: number, data?: string): RawMessage {
  const update = data === undefined ? { channelID, version } : { channelID, version, data };
  return { messageType: 'notification', updates: [update] };
}
