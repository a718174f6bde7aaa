/** What a session needs of the rest; each named by what it is used for, so that a test can give the least. */
import type { Clock } from '../clock.ts';
import type { Metrics } from '../metrics.ts';
import type { Close } from '../protocol/close-codes.ts';
import type { DeviceId } from '../protocol/ids.ts';
import type { ClientMessage, SentUpdate, ServerMessage, Update } from '../protocol/messages.ts';
import type { Tokens } from '../protocol/token.ts';
import type { Store } from '../storage/store.ts';
import type { Deadlines } from './deadlines.ts';
import type { SendResult } from './device-socket.ts';
import type { Placement } from './placement.ts';
import type { Registry } from './registry.ts';
import type { Session } from './session.ts';
import type { Sleepers } from './sleepers.ts';

/** One type of client message. */
export type MessageOf<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>;

/** Where a session's messages go. Any method may be called after the socket closed; then nothing happens. */
export interface Outlet {
  send(message: ServerMessage): SendResult;
  /** As `send` of a notification with this one update: the message of nearly every PUT, without the objects around it. */
  sendUpdate(update: SentUpdate): SendResult;
  close(close: Close): void;
}

export interface SessionDeps {
  readonly store: Store;
  readonly registry: Registry;
  readonly tokens: Tokens;
  /** The URL of a token, for the device to hand on. */
  readonly endpointUrl: (token: string) => string;
  readonly placement: () => Placement;
  /** Sessions that wait for acks, and when to send again. */
  readonly resends: Deadlines<Session>;
  /** Sessions that are closed when they have been silent, because a datagram wakes their devices. */
  readonly sleepers: Sleepers;
  /** Kicks a device whose session ended before it acknowledged this update. Never throws. */
  readonly kickUnacked: (deviceId: DeviceId, update: Update) => void;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly channelsPerDeviceMax: number;
  /** 0 allows pings at any rate. */
  readonly pingIntervalMinMs: number;
  /** 0 never sends again within a session. */
  readonly resendIntervalMs: number;
  readonly longPongs: boolean;
}
