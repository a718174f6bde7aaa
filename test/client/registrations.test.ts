import { expect } from 'chai';
import type { DeviceEvent } from '../../src/client/events.ts';
import { CHANNELS_MAX, type DeviceMemory, EMPTY_MEMORY } from '../../src/client/memory.ts';
import {
  REQUEST_MS_MAX,
  REQUESTS_IN_FLIGHT_MAX,
  REQUESTS_WAITING_MAX,
  Registrations,
} from '../../src/client/registrations.ts';
import { RequestError, type RequestFailure } from '../../src/client/request.ts';
import { type ChannelId, deviceIdFromRandom, newChannelId } from '../../src/protocol/ids.ts';
import { ManualTimers } from '../support/manual-timers.ts';
import { endpointOf } from '../support/scripted-server.ts';
import { version } from '../support/versions.ts';

const DEVICE = deviceIdFromRandom(new Uint8Array(16).fill(1));
const OTHER_DEVICE = deviceIdFromRandom(new Uint8Array(16).fill(2));
const A = newChannelId();
const B = newChannelId();
const HOLDS_A: DeviceMemory = {
  deviceId: DEVICE,
  channels: [{ channelId: A, endpoint: endpointOf(A), lastVersion: version(7) }],
};

/** The outcome of a request as a value. */
function outcomeOf(request: Promise<unknown>): Promise<unknown> {
  return request.catch((error: unknown) => {
    if (!(error instanceof RequestError)) throw error;
    return error.failure;
  });
}

describe('client/registrations', () => {
  let timers: ManualTimers;
  let events: DeviceEvent[];
  let asked: string[];
  let isOpen: boolean;
  let registrations: Registrations;

  function create(memory: DeviceMemory = EMPTY_MEMORY): Registrations {
    const ask = (text: string) => {
      if (!isOpen) return false;
      const { messageType, channelID } = JSON.parse(text);
      asked.push(`${messageType} ${channelID}`);
      return true;
    };
    return new Registrations({ timers, emit: (event) => events.push(event), ask }, memory);
  }

  function connect(deviceId = DEVICE): void {
    isOpen = true;
    registrations.onWelcome(deviceId);
  }

  function disconnect(): void {
    isOpen = false;
    registrations.onLost();
  }

  function confirm(channelId: ChannelId): void {
    registrations.onRegistered({ channelId, endpoint: endpointOf(channelId) });
  }

  function refuse(channelId: ChannelId | undefined, status: number): void {
    registrations.onError({ type: 'error', channelId, status, reason: '' });
  }

  /** Channels of a device that has just had `confirm` for each. */
  function registerAll(count: number): readonly ChannelId[] {
    const channelIds = Array.from({ length: count }, newChannelId);
    for (const channelId of channelIds) {
      void registrations.register(channelId);
      confirm(channelId);
    }
    return channelIds;
  }

  beforeEach(() => {
    timers = new ManualTimers();
    events = [];
    asked = [];
    isOpen = false;
    registrations = create();
  });

  describe('register', () => {
    it('asks once it is connected, and resolves to the endpoint', async () => {
      const request = registrations.register(A);
      expect(asked).to.deep.equal([]);
      connect();
      expect(asked).to.deep.equal([`register ${A}`]);
      confirm(A);
      expect(await request).to.deep.equal({ channelId: A, endpoint: endpointOf(A) });
      expect(registrations.confirmed).to.deep.equal([{ channelId: A, endpoint: endpointOf(A) }]);
      expect(timers.count).to.equal(0);
    });

    it('resolves at once for a channel that the server has confirmed', async () => {
      registrations = create(HOLDS_A);
      const registration = await registrations.register(A);
      expect(registration).to.deep.equal({ channelId: A, endpoint: endpointOf(A) });
    });

    it('is one request for callers who ask for the same channel', () => {
      connect();
      expect(registrations.register(A)).to.equal(registrations.register(A));
      expect(asked).to.have.length(1);
    });

    it('asks again after a reconnection', async () => {
      connect();
      const request = registrations.register(A);
      disconnect();
      connect();
      expect(asked).to.deep.equal([`register ${A}`, `register ${A}`]);
      confirm(A);
      expect(await request).to.have.property('endpoint', endpointOf(A));
    });

    it('rejects when it is not answered in time, connected or not', async () => {
      const request = outcomeOf(registrations.register(A));
      timers.advance(REQUEST_MS_MAX - 1);
      connect();
      timers.advance(1);
      expect(await request).to.deep.equal({ kind: 'late', waitedMs: REQUEST_MS_MAX });
      expect(registrations.find(A)).to.equal(undefined);
    });

    it('passes over the answer to a request that was given up', () => {
      connect();
      void registrations.register(A);
      timers.advance(REQUEST_MS_MAX);
      confirm(A);
      expect(registrations.confirmed).to.deep.equal([]);
    });

    it('rejects with what the server refused it with', async () => {
      connect();
      const request = outcomeOf(registrations.register(A));
      refuse(A, 429);
      expect(await request).to.deep.equal({ kind: 'refused', status: 429, reason: '' });
      expect(registrations.find(A)).to.equal(undefined);
    });

    it('waits for the next connection when the server failed', async () => {
      connect();
      const request = registrations.register(A);
      refuse(A, 503);
      expect(asked).to.have.length(1);
      disconnect();
      connect();
      confirm(A);
      expect(await request).to.have.property('endpoint', endpointOf(A));
    });

    it('does not end a process whose caller does not look at it', async () => {
      void registrations.register(A);
      registrations.rejectAll({ kind: 'closed' });
      await new Promise((resolve) => setImmediate(resolve));
    });

    it('takes as many channels as a device may have, and not one more', async () => {
      connect();
      const [first] = registerAll(CHANNELS_MAX);
      const full: RequestFailure = { kind: 'full', countMax: CHANNELS_MAX };
      expect(registrations.confirmed).to.have.length(CHANNELS_MAX);
      expect(await outcomeOf(registrations.register(A))).to.deep.equal(full);
      if (first) void registrations.unregister(first);
      void registrations.register(A);
      confirm(A);
      expect(registrations.confirmed).to.have.length(CHANNELS_MAX);
    });
  });

  describe('unregister', () => {
    it('forgets the channel at once, and resolves when the server has confirmed', async () => {
      registrations = create(HOLDS_A);
      connect();
      const request = registrations.unregister(A);
      expect(registrations.find(A)).to.equal(undefined);
      expect(registrations.memory.channels).to.deep.equal([]);
      expect(asked).to.deep.equal([`unregister ${A}`]);
      registrations.onUnregistered(A);
      expect(await request).to.equal(undefined);
      expect(timers.count).to.equal(0);
    });

    it('asks also for a channel that the device does not know', () => {
      connect();
      void registrations.unregister(A);
      expect(asked).to.deep.equal([`unregister ${A}`]);
    });

    it('is one request for callers who ask for the same channel', () => {
      expect(registrations.unregister(A)).to.equal(registrations.unregister(A));
    });

    it('begins the channel anew, should it be registered again', () => {
      registrations = create(HOLDS_A);
      const former = registrations.find(A);
      void registrations.unregister(A);
      void registrations.register(A);
      expect(registrations.find(A)).not.to.equal(former);
      expect(registrations.find(A)).to.have.property('lastVersion', undefined);
    });

    it('rejects when it is not answered in time', async () => {
      const request = outcomeOf(registrations.unregister(A));
      timers.advance(REQUEST_MS_MAX);
      expect(await request).to.deep.equal({ kind: 'late', waitedMs: REQUEST_MS_MAX });
    });

    it('supersedes a register that waits, and is asked after its answer', async () => {
      connect();
      const register = outcomeOf(registrations.register(A));
      const unregister = registrations.unregister(A);
      expect(await register).to.deep.equal({ kind: 'superseded' });
      expect(asked).to.deep.equal([`register ${A}`]);
      confirm(A);
      expect(asked).to.deep.equal([`register ${A}`, `unregister ${A}`]);
      registrations.onUnregistered(A);
      expect(await unregister).to.equal(undefined);
      expect(registrations.confirmed).to.deep.equal([]);
    });

    it('is superseded by a register, which is asked after its answer', async () => {
      registrations = create(HOLDS_A);
      connect();
      const unregister = outcomeOf(registrations.unregister(A));
      const register = registrations.register(A);
      expect(await unregister).to.deep.equal({ kind: 'superseded' });
      registrations.onUnregistered(A);
      expect(asked).to.deep.equal([`unregister ${A}`, `register ${A}`]);
      confirm(A);
      expect(await register).to.have.property('endpoint', endpointOf(A));
    });
  });

  describe('the bounds of waiting requests', () => {
    it('hold as many as may wait, and reject one more', async () => {
      for (let count = 0; count < REQUESTS_WAITING_MAX; count++) {
        void registrations.unregister(newChannelId());
      }
      const full: RequestFailure = { kind: 'full', countMax: REQUESTS_WAITING_MAX };
      expect(timers.count).to.equal(REQUESTS_WAITING_MAX);
      expect(await outcomeOf(registrations.unregister(A))).to.deep.equal(full);
      expect(await outcomeOf(registrations.register(A))).to.deep.equal(full);
      expect(timers.count).to.equal(REQUESTS_WAITING_MAX);
    });

    it('do not hinder a request that takes the place of another', () => {
      void registrations.unregister(A);
      for (let count = 1; count < REQUESTS_WAITING_MAX; count++) {
        void registrations.unregister(newChannelId());
      }
      void registrations.register(A);
      expect(registrations.find(A)).to.have.property('channelId', A);
    });

    it('send as many as may be in flight, and the next with each answer', () => {
      const channelIds = Array.from({ length: REQUESTS_IN_FLIGHT_MAX + 2 }, newChannelId);
      for (const channelId of channelIds) void registrations.register(channelId);
      connect();
      expect(asked).to.have.length(REQUESTS_IN_FLIGHT_MAX);
      const [first, second] = channelIds;
      if (first) confirm(first);
      expect(asked).to.have.length(REQUESTS_IN_FLIGHT_MAX + 1);
      if (second) refuse(second, 429);
      expect(asked).to.have.length(REQUESTS_IN_FLIGHT_MAX + 2);
    });
  });

  describe('a server that has forgotten', () => {
    it('channels, is asked to register these again, and the last versions stay', () => {
      registrations = create(HOLDS_A);
      connect();
      expect(asked).to.deep.equal([]);
      registrations.onExpired([A, B]);
      expect(asked).to.deep.equal([`register ${A}`]);
      expect(events).to.deep.include({ type: 'expired', channelIds: [A] });
      confirm(A);
      expect(events).to.deep.include({
        type: 'registered',
        channelId: A,
        endpoint: endpointOf(A),
      });
      expect(registrations.memory).to.deep.equal(HOLDS_A);
    });

    it('the device, is asked to register all channels again, and versions begin anew', () => {
      registrations = create(HOLDS_A);
      void registrations.register(B);
      const former = registrations.find(A);
      connect(OTHER_DEVICE);
      expect(events).to.deep.include({ type: 'reset', deviceId: OTHER_DEVICE });
      expect(asked).to.have.members([`register ${A}`, `register ${B}`]);
      expect(registrations.confirmed).to.deep.equal([]);
      expect(registrations.memory).to.deep.equal({
        deviceId: OTHER_DEVICE,
        channels: [{ channelId: A }],
      });
      expect(registrations.find(A)).not.to.equal(former);
    });

    it('nothing, is asked nothing', () => {
      registrations = create(HOLDS_A);
      connect();
      expect({ asked, events }).to.deep.equal({ asked: [], events: [] });
    });

    it('and now refuses a channel, is asked again on the next connection only', () => {
      registrations = create(HOLDS_A);
      connect();
      registrations.onExpired([A]);
      refuse(A, 429);
      const problem = { kind: 'request-refused', channelId: A, status: 429, reason: '' };
      expect(events).to.deep.include({ type: 'problem', problem });
      expect(asked).to.have.length(1);
      disconnect();
      connect();
      expect(asked).to.have.length(2);
    });
  });

  it('reports no reset to a device that was new', () => {
    void registrations.register(A);
    connect();
    expect(events).to.deep.equal([{ type: 'memory' }]);
    expect(registrations.deviceId).to.equal(DEVICE);
  });

  it('remembers no channel before the server has confirmed it', () => {
    void registrations.register(A);
    expect(registrations.memory).to.deep.equal(EMPTY_MEMORY);
  });

  it('remembers the newest version', () => {
    registrations = create(HOLDS_A);
    const channel = registrations.find(A);
    for (const number of [9, 8]) if (channel) registrations.remember(channel, version(number));
    expect(registrations.memory.channels[0]).to.have.property('lastVersion', 9);
    expect(events).to.deep.equal([{ type: 'memory' }]);
  });

  it('reports a refusal that is about no request', () => {
    refuse(undefined, 401);
    refuse(A, 401);
    expect(events.map(({ type }) => type)).to.deep.equal(['problem', 'problem']);
  });

  it('tells every caller when the device is closed, and keeps what was confirmed', async () => {
    registrations = create(HOLDS_A);
    const requests = [registrations.register(B), registrations.unregister(newChannelId())];
    registrations.rejectAll({ kind: 'closed' });
    const outcomes = await Promise.all(requests.map(outcomeOf));
    expect(outcomes).to.deep.equal([{ kind: 'closed' }, { kind: 'closed' }]);
    expect(registrations.memory).to.deep.equal(HOLDS_A);
    expect(timers.count).to.equal(0);
  });
});
