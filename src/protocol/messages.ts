/** The messages of the WebSocket as unions (protocol.md, "Messages"). The wire's names stop in codec.ts. */
import type { ConnectRequest } from './connect.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from './ids.ts';
import type { ErrorStatus } from './statuses.ts';

/** The object a device sent, kept for the echo of an error reply. Its size is bounded by the message limit. */
export type Received = Readonly<Record<string, unknown>>;

/** `code` and other members that clients add are ignored. */
export interface AckedUpdate {
  readonly channelId: ChannelId;
  /** Undefined: the version last sent in this session. */
  readonly version: Version | undefined;
}

export type ClientMessage =
  | { readonly type: 'ping'; readonly received: Received }
  | {
      readonly type: 'hello';
      readonly received: Received;
      /** Undefined when the device has none, or sent what is no id: it gets a new one. */
      readonly deviceId: DeviceId | undefined;
      /** The id as the device wrote it; the reply carries the same text. */
      readonly writtenDeviceId: string;
      /** How many elements `channelIDs` has, junk included. */
      readonly listedCount: number;
      /** Those elements that are channel ids. */
      readonly listed: readonly WrittenChannel[];
      readonly connect: ConnectRequest;
    }
  | { readonly type: 'register'; readonly received: Received; readonly channel: WrittenChannel }
  | {
      readonly type: 'unregister';
      readonly received: Received;
      /** Undefined when `channelID` is a string but no id: nothing to do, and still answered 200. */
      readonly channelId: ChannelId | undefined;
      readonly written: string;
    }
  | {
      readonly type: 'ack';
      readonly received: Received;
      readonly updates: readonly AckedUpdate[];
    }
  | { readonly type: 'purge' };

/** What became of a frame. */
export type Decoded =
  | { readonly kind: 'message'; readonly message: ClientMessage }
  /** An object that breaks a rule: echoed with status, error and `reason`, then closed with 1008. */
  | { readonly kind: 'refused'; readonly received: Received; readonly reason: string }
  /** Not a JSON object: closed with 1003, no reply. */
  | { readonly kind: 'malformed' };

/** One PUT on its way to a device. */
export interface Update {
  readonly channelId: ChannelId;
  readonly version: Version;
  /** Only live, only when the PUT carried one; never stored. */
  readonly data?: string | undefined;
}

/** What became of an update that was handed to a session. */
export type LiveOutcome =
  /** Written to the socket, or to its send buffer. */
  | 'sent'
  /** Not now: the session is between its hello and the reply, or reads too slowly. It is found in the store. */
  | 'later'
  /** The device unregistered the channel in this session: nothing of it goes out any more. */
  | 'unregistered';

/** An update as a notification carries it: the channel as its device wrote it. */
export interface SentUpdate {
  readonly written: string;
  readonly version: Version;
  readonly data?: string | undefined;
}

export type ServerMessage =
  | { readonly type: 'pong'; readonly long: boolean }
  | {
      readonly type: 'hello';
      readonly writtenDeviceId: string;
      readonly status: 200 | 429;
      /** Why `connect` was not taken; the hello itself succeeded. */
      readonly connectReason: string | undefined;
    }
  | { readonly type: 'redirect'; readonly writtenDeviceId: string; readonly url: string }
  | {
      readonly type: 'register';
      readonly writtenDeviceId: string;
      readonly written: string;
      readonly endpoint: string;
    }
  | { readonly type: 'unregister'; readonly written: string }
  | {
      readonly type: 'notification';
      readonly updates: readonly SentUpdate[];
      /** Channels the device listed and the server does not hold, as the device wrote them. */
      readonly expired: readonly string[];
    }
  | {
      readonly type: 'error';
      readonly received: Received;
      readonly status: ErrorStatus;
      /** A sentence of ours that quotes nothing of the input. */
      readonly reason: string;
    };
