/** What a device keeps across restarts, as JSON: in a browser's localStorage, in a file. */
import {
  type ChannelId,
  type DeviceId,
  parseChannelId,
  parseDeviceId,
  toVersion,
  type Version,
} from '../protocol/ids.ts';

/** Channels of one device. Servers hold 200 unless configured otherwise, and a hello that lists more loses them all. */
export const CHANNELS_MAX = 200;

export interface RememberedChannel {
  readonly channelId: ChannelId;
  /** Absent while the channel is being registered again. */
  readonly endpoint?: string;
  /** The newest version that the program was told of. Absent when there was none. */
  readonly lastVersion?: Version;
}

export interface DeviceMemory {
  /** Absent until a server gave one. */
  readonly deviceId?: DeviceId;
  readonly channels: readonly RememberedChannel[];
}

export const EMPTY_MEMORY: DeviceMemory = { channels: [] };

/** Undefined when any part of it is not as `Device.memory` gives it, also after JSON; members it does not know are ignored. */
export function parseMemory(value: unknown): DeviceMemory | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { deviceId, channels } = value as { deviceId?: unknown; channels?: unknown };
  if (!Array.isArray(channels) || channels.length > CHANNELS_MAX) return undefined;
  const remembered = channels.map(parseChannel).filter((channel) => channel !== undefined);
  if (remembered.length < channels.length) return undefined;
  // Channels and endpoints are those of a device; without one they are nobody's.
  if (deviceId === undefined) return channels.length === 0 ? EMPTY_MEMORY : undefined;
  const parsed = typeof deviceId === 'string' ? parseDeviceId(deviceId) : undefined;
  return parsed === undefined ? undefined : { deviceId: parsed, channels: remembered };
}

function parseChannel(value: unknown): RememberedChannel | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { channelId, endpoint, lastVersion } = value as {
    channelId?: unknown;
    endpoint?: unknown;
    lastVersion?: unknown;
  };
  const parsed = typeof channelId === 'string' ? parseChannelId(channelId) : undefined;
  const version = toVersion(lastVersion);
  if (parsed === undefined) return undefined;
  if (endpoint !== undefined && typeof endpoint !== 'string') return undefined;
  if (lastVersion !== undefined && version === undefined) return undefined;
  return {
    channelId: parsed,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(version === undefined ? {} : { lastVersion: version }),
  };
}
