import type { FcmTarget } from '../../../src/kick/fcm/request.ts';
import type { Wake } from '../../../src/kick/provider.ts';
import { type ChannelId, channelIdOf } from '../../../src/protocol/ids.ts';
import { registrationToken } from '../../support/fake-fcm.ts';
import { version } from '../../support/versions.ts';

export const TTL_SECS = 60;
export const COLLAPSE_KEY = 'reveille';
const CHANNEL: ChannelId = channelIdOf(Buffer.alloc(16, 7), 0);

/** A wake of the device with this name. */
export function wakeOf(device: string, { version: number = 7 } = {}): Wake<FcmTarget> {
  return {
    target: { type: 'fcm', token: registrationToken(device) },
    channelId: CHANNEL,
    version: version(number),
  };
}
