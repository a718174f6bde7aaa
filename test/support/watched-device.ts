import type { Update } from '../../src/client/codec.ts';
import { createDevice, type Device, type DeviceOptions } from '../../src/client/device.ts';
import type { DeviceEvent, DeviceState, Problem } from '../../src/client/events.ts';
import { openNodeSocket } from '../../src/client/node-socket.ts';
import { Arrivals } from './arrivals.ts';
import { ManualTimers } from './manual-timers.ts';

/** A device whose time stands still, and all that it told its program. */
export interface WatchedDevice {
  readonly device: Device;
  readonly timers: ManualTimers;
  nextUpdate(): Promise<Update>;
  /** The next event of this type; earlier ones of other types stay. */
  nextEvent<Type extends DeviceEvent['type']>(
    type: Type,
  ): Promise<Extract<DeviceEvent, { type: Type }>>;
  nextState<Kind extends DeviceState['kind']>(
    kind: Kind,
  ): Promise<Extract<DeviceState, { kind: Kind }>>;
  nextProblem(): Promise<Problem>;
  takeUpdates(): readonly Update[];
  takeEvents(): readonly DeviceEvent[];
}

/** Not connected yet. Waits are half of their ceiling unless `options.random` says otherwise. */
export function watchDevice(
  server: string,
  options: Partial<Omit<DeviceOptions, 'server' | 'onEvent' | 'timers'>> = {},
): WatchedDevice {
  const timers = new ManualTimers();
  const updates = new Arrivals<Update>();
  const events = new Arrivals<DeviceEvent>();
  const { onUpdate = () => undefined, ...rest } = options;
  const device = createDevice({
    openSocket: openNodeSocket,
    random: () => 0.5,
    ...rest,
    server,
    timers,
    onUpdate(update) {
      updates.push(update);
      return onUpdate(update);
    },
    onEvent: (event) => events.push(event),
  });
  return {
    device,
    timers,
    nextUpdate: () => updates.next('an update'),
    nextEvent: (type) => events.next(type, isOfType(type)),
    nextState: async (kind) => {
      const isWanted = isOfState(kind);
      return (await events.next(`the state ${kind}`, isWanted)).state;
    },
    nextProblem: async () => (await events.next('a problem', isOfType('problem'))).problem,
    takeUpdates: () => updates.takeUnread(),
    takeEvents: () => events.takeUnread(),
  };
}

function isOfType<Type extends DeviceEvent['type']>(type: Type) {
  return (event: DeviceEvent): event is Extract<DeviceEvent, { type: Type }> => event.type === type;
}

function isOfState<Kind extends DeviceState['kind']>(kind: Kind) {
  return (
    event: DeviceEvent,
  ): event is DeviceEvent & { type: 'state'; state: Extract<DeviceState, { kind: Kind }> } =>
    event.type === 'state' && event.state.kind === kind;
}
