import type { ChannelId, Version } from '../protocol/ids.ts';
import type { RememberedChannel } from './memory.ts';
import type { Request } from './request.ts';

export interface Registration {
  readonly channelId: ChannelId;
  /** The URL that an app server PUTs versions to. A secret: who has it can send. */
  readonly endpoint: string;
}

/** What the program wants of a channel, and the caller to tell when it is so. */
export type Wish =
  | { readonly kind: 'registered'; request: Request<Registration> | undefined }
  | { readonly kind: 'unregistered'; request: Request<void> | undefined };

/** What was asked of the server on this connection. What was `refused` is not asked again before the next. */
export type Progress = 'idle' | 'registering' | 'unregistering' | 'refused';

/** One channel. A new object when the server starts the channel anew, so that work begun for the old one can tell. */
export interface Channel {
  readonly channelId: ChannelId;
  wish: Wish;
  progress: Progress;
  /** Undefined until the server has confirmed the channel, and again when it has forgotten it. */
  endpoint: string | undefined;
  lastVersion: Version | undefined;
  /** Whether the program relies on it: a channel that never came about is given up when its request fails. */
  isHeld: boolean;
}

/** A channel that is wanted and that the server has not been asked for. */
export function createChannel(channelId: ChannelId): Channel {
  return {
    channelId,
    wish: { kind: 'registered', request: undefined },
    progress: 'idle',
    endpoint: undefined,
    lastVersion: undefined,
    isHeld: false,
  };
}

/** Whether the server has been asked and has not answered. */
export function isInFlight({ progress }: Channel): boolean {
  return progress === 'registering' || progress === 'unregistering';
}

/** A channel that the program has relied on since an earlier life. */
export function recallChannel({ channelId, endpoint, lastVersion }: RememberedChannel): Channel {
  return { ...createChannel(channelId), endpoint, lastVersion, isHeld: true };
}

/** What outlives the process. */
export function toRemembered({ channelId, endpoint, lastVersion }: Channel): RememberedChannel {
  return {
    channelId,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(lastVersion === undefined ? {} : { lastVersion }),
  };
}
