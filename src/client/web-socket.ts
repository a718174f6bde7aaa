/** What the device's library uses of a WebSocket: browsers, Node 22 and the `ws` package all have it. */
export interface WebSocketLike {
  addEventListener(type: 'open', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: 'error', listener: (event: object) => void): void;
  send(text: string): void;
  /** Also ends an attempt to connect. */
  close(code: number, reason: string): void;
}

/** Begins to connect. May throw on a URL that the platform refuses. */
export type OpenSocket = (url: string, protocol: string) => WebSocketLike;

/** The sub-protocol of SimplePush (protocol.md, "Connecting"). */
export const SUB_PROTOCOL = 'push-notification';

/**
 * Characters of the longest frame a device reads; a longer one ends the connection. Twice what 200 updates take when each
 * carries the 4096 bytes of data that a server accepts.
 */
export const FRAME_CHARACTERS_MAX = 2 * 1024 * 1024;

type SocketConstructor = new (url: string, protocol: string) => WebSocketLike;

/** The platform's own WebSocket; undefined where there is none, as in Node 20. */
export function platformSocket(): OpenSocket | undefined {
  const { WebSocket: Socket } = globalThis as { readonly WebSocket?: SocketConstructor };
  return Socket && ((url, protocol) => new Socket(url, protocol));
}
