/** What the two rims of the device side share: what they are given, and what they give. */
import type { Clock } from '../clock.ts';
import type { Admission } from './admission.ts';
import type { Connection } from './connection.ts';
import type { DeviceSocket } from './device-socket.ts';

export interface DeviceListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  /** The one path that devices connect to. */
  readonly path: string;
  /** Sockets open at once, but for REFUSALS_IN_HAND_MAX more; below the limit of file descriptors. */
  readonly socketsMax: number;
  /** File descriptors that sockets may take, those among them that have been closed by one side alone. Infinity where nobody says. */
  readonly descriptorsMax: number;
  /** Largest message, in bytes; one byte more closes with 1009. */
  readonly messageBytesMax: number;
  /** Bytes that may wait for a device that reads slowly. */
  readonly sendBufferBytesMax: number;
  /** Silence after which a peer is taken for dead; pings go out before. */
  readonly idleTimeoutSecs: number;
  /** Allowed values of Origin; empty allows all, and a request without Origin is always allowed: devices are no browsers. */
  readonly origins: readonly string[];
  readonly tls: DeviceListenerTls | undefined;
}

/** A certificate and its key, checked; uWebSockets.js wants the files, node:https their text. */
export interface DeviceListenerTls {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly minVersion: '1.2' | '1.3';
}

export interface DeviceListenerDeps {
  readonly clock: Clock;
  readonly admission: Admission;
  /** Makes the conversation of a socket that has just opened. */
  readonly connect: (socket: DeviceSocket) => Connection;
  /** The public answers for load balancers, by path: status and JSON body. */
  readonly probe: (path: string) => { readonly status: number; readonly body: string } | undefined;
}

export interface DeviceListener {
  /** Which library serves, for /status. */
  readonly transport: 'uws' | 'ws';
  /** The port in use. */
  readonly port: number;
  /** Stops taking connections; open ones go on. */
  stopListening(): void;
  /** Ends every connection that is still open and lets go of the port. */
  close(): Promise<void>;
}

export const SUBPROTOCOL = 'push-notification';

/** The sub-protocol to echo: ours when it was offered, else none (protocol.md, "Connecting"). */
export function chooseSubprotocol(offered: string): string {
  return offered.split(',').some((name) => name.trim() === SUBPROTOCOL) ? SUBPROTOCOL : '';
}

/** `origin` is the header as sent, '' when there is none; `origins` are in lower case, and empty allows all. */
export function isOriginAllowed(origins: readonly string[], origin: string): boolean {
  return origins.length === 0 || origin === '' || origins.includes(origin.toLowerCase());
}

/** Connections beyond `socketsMax` that may be open while they are told that there is no room; one more ends without an answer. */
export const REFUSALS_IN_HAND_MAX = 64;

/** Seconds that a refused device should wait before it tries again. */
export const RETRY_AFTER_SECS = 5;

/** The HTTP answer to a socket that is not let in (protocol.md, "Connecting"). */
export const REFUSED_STATUS = {
  full: '503 Service Unavailable',
  draining: '503 Service Unavailable',
  before_hello: '503 Service Unavailable',
  rate: '503 Service Unavailable',
  address: '429 Too Many Requests',
  origin: '403 Forbidden',
} as const;
