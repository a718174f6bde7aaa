import { quietLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { createTokens } from '../../src/protocol/token.ts';
import type { Connection, ConnectionDeps } from '../../src/socket/connection.ts';
import { Deadlines } from '../../src/socket/deadlines.ts';
import { Registry } from '../../src/socket/registry.ts';
import type { Session } from '../../src/socket/session.ts';
import { Sleepers } from '../../src/socket/sleepers.ts';
import { HandClock } from '../storage/hand-clock.ts';
import { openMemoryStore } from './memory-store.ts';
import { StoppableStore } from './stoppable-store.ts';
import { newKeys } from './token-keys.ts';

/** What sessions and connections need, and a test moves. */
export interface QuietDeps extends ConnectionDeps {
  readonly store: StoppableStore;
  readonly clock: HandClock;
}

const CHANNELS_PER_DEVICE_MAX = 4;

/**
 * Dependencies of a session or connection that do what they should and nothing more: time that stands still, a store in memory, no
 * output, room for everybody. A test spreads over them what it is about.
 */
export function quietDeps(): QuietDeps {
  const clock = new HandClock();
  return {
    store: new StoppableStore(
      openMemoryStore({ channelsPerDeviceMax: CHANNELS_PER_DEVICE_MAX }, clock),
    ),
    registry: new Registry(),
    tokens: createTokens(newKeys()),
    endpointUrl: (token) => `http://push.test/update/${token}`,
    placement: () => ({ kind: 'here' }),
    resends: new Deadlines<Session>(clock, (session) => {
      session.onResendDue().catch(() => session.watchForAcks());
    }),
    sleepers: new Sleepers(clock, 10_000),
    helloDeadlines: new Deadlines<Connection>(clock, (connection) => connection.onHelloOverdue()),
    kickUnacked: () => {},
    clock,
    metrics: createMetrics(),
    log: quietLog,
    channelsPerDeviceMax: CHANNELS_PER_DEVICE_MAX,
    pingIntervalMinMs: 20_000,
    resendIntervalMs: 60_000,
    helloTimeoutMs: 30_000,
    inboxFramesMax: 3,
    inboxCharactersMax: 1000,
    longPongs: false,
  };
}
