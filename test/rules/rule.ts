import { openTestServer, type TestServer, type TestServerOptions } from '../support/server.ts';
import type { Settings } from '../support/settings.ts';

/** The libraries that carry both sides of a server. */
export interface Transports {
  readonly socket: 'uws' | 'ws';
  readonly endpoint: 'node' | 'uws';
}

/** Each library once in each place that it may have. */
const ROUNDS: readonly Transports[] = [
  { socket: 'uws', endpoint: 'node' },
  { socket: 'ws', endpoint: 'uws' },
];

/** Starts a server on the transports of the round. */
export type OpenServer = (options?: TestServerOptions) => Promise<TestServer>;

/** Defines the tests of one rule of protocol.md, once for each round. They reach the server through its sockets alone. */
export function describeRule(
  title: string,
  define: (open: OpenServer, transports: Transports) => void,
): void {
  for (const transports of ROUNDS) {
    const { socket, endpoint } = transports;
    const chosen: Settings = { 'socket.transport': socket, 'endpoint.transport': endpoint };
    const open: OpenServer = (options = {}) =>
      openTestServer({ ...options, settings: { ...chosen, ...options.settings } });
    describe(`${title} (devices on ${socket}, app servers on ${endpoint})`, () =>
      define(open, transports));
  }
}
