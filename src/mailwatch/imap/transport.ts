/** The sockets of a connection to a mail server, and how much comes through them. */

import { connect as connectPlainly, type Socket } from 'node:net';
import { connect as connectSecurely, type SecureContext } from 'node:tls';
import { assert } from '../../assert.ts';

/** What the IMAP library says of a connection that it wants. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly servername?: string | undefined;
}

export interface TransportDeps {
  /** Certificates are held to this. */
  readonly trust: SecureContext;
  /** Called with the size of each piece that has come. */
  readonly onBytes: (count: number) => void;
}

/** For one connection of the IMAP library, which calls these. */
export function createTransport({ trust, onBytes }: TransportDeps) {
  let socket: Socket | undefined;
  const onData = (chunk: Buffer) => onBytes(chunk.length);
  // After the library has begun to read: whoever listens first would read in its place.
  const counted = (onReady: () => void) => () => {
    onReady();
    socket?.on('data', onData);
  };
  return {
    connect(to: Destination & { readonly secure: boolean }, onConnect: () => void): Socket {
      const { host, port, secure } = to;
      socket = secure
        ? connectSecurely({ ...nameOf(to), port, secureContext: trust }, counted(onConnect))
        : connectPlainly({ host, port }, counted(onConnect));
      return socket;
    },
    /** What comes after STARTTLS and before TLS is somebody else's, and the library looks for it. */
    prepareUpgrade(): void {
      socket?.off('data', onData);
    },
    upgrade(_plain: unknown, to: Destination, onSecure: () => void): Socket {
      assert(socket !== undefined, 'only what is connected is upgraded');
      const options = { ...nameOf(to), socket, secureContext: trust };
      socket = connectSecurely(options, counted(onSecure));
      return socket;
    },
  };
}

/** The host is what the certificate must prove when there is no name. */
function nameOf({ host, servername }: Destination) {
  return servername === undefined ? { host } : { host, servername };
}
