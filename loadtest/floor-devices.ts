/**
 * The device side of both floors: hello, register, ack, and a Map from token to session. It keeps nothing, checks nothing and limits
 * nothing, so that no server which does can be cheaper; but it reads each message as JSON, because any server must.
 */

import { App, type TemplatedApp, us_socket_local_port, type WebSocket } from 'uWebSockets.js';
import { randomBytes } from 'node:crypto';

interface FloorSession {
  token: string;
  channelId: string;
  pendingVersion: number;
  socket: WebSocket<FloorSession> | undefined;
}

interface FloorMessage {
  readonly messageType?: string;
  readonly channelID: string;
  readonly updates: readonly [{ readonly version: number }];
}

/** Devices listen here; PUTs come from whoever holds this object. */
export interface FloorDevices {
  readonly url: string;
  /** Sends `version` to the device that registered `token`; false when there is none. */
  notify(token: string, version: string): boolean;
}

/** Listens for devices on a free port; `endpointUrl` is asked at each register and ends with a slash. */
export function listenForDevices(endpointUrl: () => string): FloorDevices {
  const sessions = new Map<string, FloorSession>();

  function answer(session: FloorSession, message: FloorMessage): string {
    if (message.messageType === 'hello') {
      const uaid = randomBytes(16).toString('hex');
      return `{"messageType":"hello","uaid":"${uaid}","status":200}`;
    }
    if (message.messageType !== 'register') return '{}';
    session.channelId = message.channelID;
    session.token = randomBytes(24).toString('base64url');
    sessions.set(session.token, session);
    return `{"messageType":"register","status":200,"channelID":"${session.channelId}","pushEndpoint":"${endpointUrl()}${session.token}"}`;
  }

  const app = App().ws<FloorSession>('/*', {
    idleTimeout: 300,
    open(socket) {
      Object.assign(socket.getUserData(), { token: '', channelId: '', pendingVersion: 0, socket });
    },
    message(socket, bytes) {
      const session = socket.getUserData();
      const message = JSON.parse(Buffer.from(bytes).toString('latin1')) as FloorMessage;
      if (message.messageType !== 'ack') socket.send(answer(session, message));
      else if (message.updates[0].version >= session.pendingVersion) session.pendingVersion = 0;
    },
    close(socket) {
      sessions.delete(socket.getUserData().token);
    },
  });

  return {
    url: `ws://127.0.0.1:${listenOnFreePort(app)}/`,
    notify(token, version) {
      const session = sessions.get(token);
      if (session?.socket === undefined) return false;
      session.pendingVersion = Number(version);
      session.socket.send(
        `{"messageType":"notification","updates":[{"channelID":"${session.channelId}","version":${version}}]}`,
      );
      return true;
    },
  };
}

/** Returns the port. Loopback only. */
export function listenOnFreePort(app: TemplatedApp): number {
  let port = 0;
  app.listen('127.0.0.1', 0, (socket) => {
    if (!socket) throw new Error('no free port to listen on');
    port = us_socket_local_port(socket);
  });
  return port;
}
