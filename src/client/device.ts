/**
 * The device's side of SimplePush, for browsers and Node. Keeps one WebSocket to a push server, registers channels, hands over
 * each new version once the program has done its work acknowledges it, and comes back by itself after whatever happens to
 * the connection.
 */
import { unreachable } from '../assert.ts';
import type { KickTarget } from '../protocol/connect.ts';
import { type DeviceId, newChannelId, parseChannelId } from '../protocol/ids.ts';
import { Acks } from './acks.ts';
import type { Registration } from './channel.ts';
import type { ServerReply } from './codec.ts';
import { createEmit, type DeviceEvent, type DeviceState, type Emit } from './events.ts';
import { Link, PING_INTERVAL_MS_MIN } from './link.ts';
import { type DeviceMemory, EMPTY_MEMORY, parseMemory } from './memory.ts';
import { Registrations } from './registrations.ts';
import { refusedRequest } from './request.ts';
import { systemTimers, type Timers } from './timers.ts';
import { UpdateInbox, type UpdateListener } from './update-inbox.ts';
import { type OpenSocket, platformSocket } from './web-socket.ts';

/** Often enough to find a dead connection, seldom enough for a battery. */
export const PING_INTERVAL_MS_DEFAULT = 300_000;

export interface DeviceOptions {
  /** A ws or wss URL. */
  readonly server: string;
  /**
   * Is given each update, one at a time. Acknowledged is what it returned from, or its promise resolved for; when it throws, the
   * server sends the update again. An update waits for the one before it: a promise that never settles stops them all.
   */
  readonly onUpdate: UpdateListener;
  /** What else happens: see DeviceEvent. */
  readonly onEvent?: (event: DeviceEvent) => void;
  /** What `Device.memory` gave in an earlier life, also after JSON. Without it the server sees a new device. */
  readonly memory?: unknown;
  /** Gives `onUpdate` also versions not newer than the last of their channel. For test suites. */
  readonly everyUpdate?: boolean;
  /** Where the server may wake the device while it is not connected; null withdraws it. */
  readonly kickTarget?: KickTarget | null;
  /** 0, or at least PING_INTERVAL_MS_MIN. 0: only ping() pings. */
  readonly pingIntervalMs?: number;
  /** By default the platform's WebSocket. Node 20 has none: pass `openNodeSocket`. */
  readonly openSocket?: OpenSocket;
  readonly timers?: Timers;
  /** 0 to 1, 1 excluded: spreads reconnections. */
  readonly random?: () => number;
}

export interface Device {
  /** Begins to connect, and stays at it until close(). While waiting for the next attempt: attempts at once. */
  connect(): void;
  /** Acknowledges what is done, closes with 1000, and rejects what still waits. connect() may follow. */
  close(): void;
  /**
   * Registers a channel, a new one unless named, and resolves when the server has confirmed it; at once when it has before. May be
   * called before connect(), and waits through reconnections. Rejects with RequestError.
   */
  register(channelId?: string): Promise<Registration>;
  /** From the call on, no update of the channel reaches the program. Resolves when the server has confirmed. Rejects with RequestError. */
  unregister(channelId: string): Promise<void>;
  /**
   * Finds out whether the connection is alive, and ends it if not: after a change of network, say. Returns whether a ping was
   * sent: not when the device is not connected, nor sooner than PING_INTERVAL_MS_MIN after the last.
   */
  ping(): boolean;
  readonly state: DeviceState;
  /** Undefined until a server gave one. */
  readonly deviceId: DeviceId | undefined;
  /** The confirmed channels. */
  readonly channels: readonly Registration[];
  /** To be kept as JSON, and given to createDevice in the next life. The endpoints in it are secrets. */
  readonly memory: DeviceMemory;
}

/** @throws TypeError or RangeError when an option is not what it should be. Does not connect. */
export function createDevice(options: DeviceOptions): Device {
  const openSocket = options.openSocket ?? platformSocket();
  if (!openSocket) throw new TypeError('there is no WebSocket here: openSocket must be given');
  const emit = createEmit(options.onEvent ?? (() => undefined));
  const timers = options.timers ?? systemTimers;
  const registrations = new Registrations(
    { timers, emit, ask: (text) => link.ask(text) },
    memoryOf(options),
  );
  const acks = new Acks({ timers, send: (text) => link.send(text) });
  const inbox = new UpdateInbox({
    listener: options.onUpdate,
    everyUpdate: options.everyUpdate ?? false,
    emit,
    findChannel: ({ channelId }) => registrations.find(channelId),
    onDone: (channel, { version }) => registrations.remember(channel, version),
    acknowledge: ({ channelId, version }) => acks.add(channelId, version),
  });
  const link: Link = new Link({
    server: serverOf(options),
    openSocket,
    timers,
    random: options.random ?? Math.random,
    pingIntervalMs: pingIntervalOf(options),
    hello: () => ({
      deviceId: registrations.deviceId,
      channelIds: registrations.confirmed.map(({ channelId }) => channelId),
      kickTarget: options.kickTarget,
    }),
    onState(state) {
      emit({ type: 'state', state });
      if (state.kind === 'closed') registrations.rejectAll({ kind: 'closed' });
    },
    onWelcome({ deviceId, kickRefused }) {
      if (kickRefused !== undefined) {
        emit({ type: 'problem', problem: { kind: 'kick-target-refused', reason: kickRefused } });
      }
      registrations.onWelcome(deviceId);
    },
    onReply: (reply) => onReply(reply, { registrations, inbox, emit }),
    onLost() {
      acks.clear();
      registrations.onLost();
    },
  });
  return toDevice({ link, registrations, acks, inbox });
}

interface Parts {
  readonly link: Link;
  readonly registrations: Registrations;
  readonly acks: Acks;
  readonly inbox: UpdateInbox;
}

function toDevice({ link, registrations, acks, inbox }: Parts): Device {
  return {
    connect: () => link.connect(),
    close() {
      acks.flush();
      inbox.clear();
      link.close();
    },
    register(written) {
      const channelId = written === undefined ? newChannelId() : parseChannelId(written);
      if (channelId === undefined) return refusedRequest({ kind: 'bad-channel-id' });
      if (isOver(link.state)) return refusedRequest({ kind: 'closed' });
      return registrations.register(channelId);
    },
    unregister(written) {
      const channelId = parseChannelId(written);
      if (channelId === undefined) return refusedRequest({ kind: 'bad-channel-id' });
      if (isOver(link.state)) return refusedRequest({ kind: 'closed' });
      return registrations.unregister(channelId);
    },
    ping: () => link.ping(),
    get state() {
      return link.state;
    },
    get deviceId() {
      return registrations.deviceId;
    },
    get channels() {
      return registrations.confirmed;
    },
    get memory() {
      return registrations.memory;
    },
  };
}

/** Whether it was connected, and will not be again by itself. */
function isOver(state: DeviceState): boolean {
  return state.kind === 'closed' && state.why !== 'not-connected-yet';
}

function onReply(
  reply: ServerReply,
  { registrations, inbox, emit }: Omit<Parts, 'link' | 'acks'> & { readonly emit: Emit },
): void {
  switch (reply.type) {
    case 'registered':
      registrations.onRegistered(reply);
      break;
    case 'unregistered':
      registrations.onUnregistered(reply.channelId);
      break;
    case 'notification':
      if (reply.skippedCount > 0) {
        const problem = { kind: 'elements-skipped', count: reply.skippedCount } as const;
        emit({ type: 'problem', problem });
      }
      registrations.onExpired(reply.expired);
      inbox.push(reply.updates);
      break;
    case 'error':
      registrations.onError(reply);
      break;
    case 'welcome':
    case 'redirect':
    case 'hello-refused':
    case 'pong':
    case 'unknown':
      // Hello is said once, a pong has done its work by arriving, and newer servers may send more than we know.
      break;
    default:
      unreachable(reply);
  }
}

function serverOf({ server }: DeviceOptions): string {
  const protocol = URL.canParse(server) ? new URL(server).protocol : '';
  if (protocol === 'ws:' || protocol === 'wss:') return server;
  throw new TypeError('server must be a ws or wss URL');
}

function pingIntervalOf({ pingIntervalMs = PING_INTERVAL_MS_DEFAULT }: DeviceOptions): number {
  if (pingIntervalMs === 0 || pingIntervalMs >= PING_INTERVAL_MS_MIN) return pingIntervalMs;
  throw new RangeError(`pingIntervalMs must be 0 or at least ${PING_INTERVAL_MS_MIN}`);
}

function memoryOf({ memory }: DeviceOptions): DeviceMemory {
  const parsed = memory === undefined ? EMPTY_MEMORY : parseMemory(memory);
  if (parsed) return parsed;
  throw new TypeError('memory is not what a device remembered');
}
