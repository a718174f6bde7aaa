import type { Close } from '../protocol/close-codes.ts';

/** What became of a text given to a socket. `dropped`: the device does not read and its send buffer is full; nothing went out. */
export type SendResult = 'sent' | 'queued' | 'dropped';

/**
 * One device's WebSocket as the rest of this folder sees it; implemented once per library (uws-socket.ts, ws-socket.ts). Every method
 * may be called at any time, also after the socket has closed: then nothing happens and `send` answers `dropped`.
 */
export interface DeviceSocket {
  /** Sends one text frame, in order. Never blocks; the buffer behind it is bounded by `socket.send_buffer_bytes_max`. */
  send(text: string): SendResult;
  /** Sends a close frame after what was sent before it (RFC 6455, section 7.1.2), then ends the connection. */
  close(close: Close): void;
  /** Ends the connection at once, without a close frame: for a peer that reads nothing any more. */
  terminate(): void;
}
