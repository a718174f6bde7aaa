/** WebSockets for Node versions that have none of their own. Not for browsers: the only file of the client that needs a package. */
import { WebSocket } from 'ws';
import { FRAME_CHARACTERS_MAX, type OpenSocket } from './web-socket.ts';

const SOCKET_OPTIONS = {
  perMessageDeflate: false,
  /** UTF-8 needs at most three bytes for what JavaScript counts as one character. */
  maxPayload: 3 * FRAME_CHARACTERS_MAX,
  /** Milliseconds a server has to answer a close frame before the connection is cut; a program that ends waits for it. */
  closeTimeout: 2_000,
};

/** To be given to createDevice as `openSocket`. A longer message ends the connection before it is read whole. */
export const openNodeSocket: OpenSocket = (url, protocol) =>
  new WebSocket(url, protocol, SOCKET_OPTIONS);
