import type { ChannelId, DeviceId, Version } from '../protocol/ids.ts';
import {
  type Channel,
  createChannel,
  isInFlight,
  type Registration,
  recallChannel,
  toRemembered,
  type Wish,
} from './channel.ts';
import { encodeRegister, encodeUnregister, type ServerReply } from './codec.ts';
import type { Emit } from './events.ts';
import { CHANNELS_MAX, type DeviceMemory } from './memory.ts';
import { createRequest, type Request, type RequestFailure, refusedRequest } from './request.ts';
import type { Timers } from './timers.ts';

/** From the call to its answer, reconnections included. */
export const REQUEST_MS_MAX = 30_000;

/** Calls waiting for an answer, connected or not: every channel once, and some that are on their way out. */
export const REQUESTS_WAITING_MAX = 256;

/** Requests sent and not answered. Well below the frames that a server lets wait, which acknowledgements share. */
export const REQUESTS_IN_FLIGHT_MAX = 8;

export interface RegistrationsDeps {
  readonly timers: Timers;
  readonly emit: Emit;
  /** Whether the request was sent. */
  ask(text: string): boolean;
}

/**
 * The channels a device wants, against those the server has confirmed. What differs is asked for whenever the link is open, so that
 * a lost request, reply or connection needs no handling of its own.
 */
export class Registrations {
  readonly #deps: RegistrationsDeps;
  readonly #channels = new Map<ChannelId, Channel>();
  #deviceId: DeviceId | undefined;

  constructor(deps: RegistrationsDeps, memory: DeviceMemory) {
    this.#deps = deps;
    this.#deviceId = memory.deviceId;
    for (const remembered of memory.channels) this.#put(recallChannel(remembered));
  }

  get deviceId(): DeviceId | undefined {
    return this.#deviceId;
  }

  /** The channels that the server has confirmed. */
  get confirmed(): readonly Registration[] {
    return this.#wanted().flatMap(({ channelId, endpoint }) =>
      endpoint === undefined ? [] : [{ channelId, endpoint }],
    );
  }

  get memory(): DeviceMemory {
    const channels = this.#wanted()
      .filter(({ isHeld }) => isHeld)
      .map(toRemembered);
    return this.#deviceId === undefined ? { channels } : { deviceId: this.#deviceId, channels };
  }

  /** Undefined when the device does not want the channel. */
  find(channelId: ChannelId): Channel | undefined {
    const channel = this.#channels.get(channelId);
    return channel?.wish.kind === 'registered' ? channel : undefined;
  }

  register(channelId: ChannelId): Promise<Registration> {
    const known = this.find(channelId);
    if (known?.endpoint !== undefined) {
      return Promise.resolve({ channelId, endpoint: known.endpoint });
    }
    if (known?.wish.kind === 'registered' && known.wish.request) return known.wish.request.promise;
    if (!known && this.#wanted().length >= CHANNELS_MAX) {
      return refusedRequest({ kind: 'full', countMax: CHANNELS_MAX });
    }
    if (this.#isFullBut(channelId)) {
      return refusedRequest({ kind: 'full', countMax: REQUESTS_WAITING_MAX });
    }
    const request = this.#createRequest<Registration>(channelId);
    this.#wishFor(channelId, { kind: 'registered', request });
    return request.promise;
  }

  unregister(channelId: ChannelId): Promise<void> {
    const known = this.#channels.get(channelId);
    if (known?.wish.kind === 'unregistered' && known.wish.request) {
      return known.wish.request.promise;
    }
    if (this.#isFullBut(channelId)) {
      return refusedRequest({ kind: 'full', countMax: REQUESTS_WAITING_MAX });
    }
    if (known?.isHeld) {
      this.#put({ ...createChannel(channelId), wish: known.wish, progress: known.progress });
      this.#deps.emit({ type: 'memory' });
    }
    const request = this.#createRequest<void>(channelId);
    this.#wishFor(channelId, { kind: 'unregistered', request });
    return request.promise;
  }

  /** The link is open, for this id. */
  onWelcome(deviceId: DeviceId): void {
    if (deviceId !== this.#deviceId) this.#startAnew(deviceId);
    this.#askForWhatDiffers();
  }

  /** The link is not open any more: what was asked must be asked again. */
  onLost(): void {
    for (const channel of this.#channels.values()) channel.progress = 'idle';
  }

  onRegistered({ channelId, endpoint }: Registration): void {
    const channel = this.#channels.get(channelId);
    if (channel?.progress !== 'registering') return;
    channel.progress = 'idle';
    if (channel.wish.kind === 'registered') {
      channel.endpoint = endpoint;
      channel.isHeld = true;
      channel.wish.request?.resolve({ channelId, endpoint });
      channel.wish.request = undefined;
      this.#deps.emit({ type: 'registered', channelId, endpoint });
      this.#deps.emit({ type: 'memory' });
    }
    this.#askForWhatDiffers();
  }

  onUnregistered(channelId: ChannelId): void {
    const channel = this.#channels.get(channelId);
    if (channel?.progress !== 'unregistering') return;
    channel.progress = 'idle';
    if (channel.wish.kind === 'unregistered') {
      channel.wish.request?.resolve();
      this.#channels.delete(channelId);
    }
    this.#askForWhatDiffers();
  }

  /** The server does not hold these although the device listed them. */
  onExpired(listed: readonly ChannelId[]): void {
    const expired = this.#wanted().filter(
      ({ channelId, endpoint }) => endpoint !== undefined && listed.includes(channelId),
    );
    if (expired.length === 0) return;
    for (const channel of expired) channel.endpoint = undefined;
    this.#deps.emit({ type: 'expired', channelIds: expired.map(({ channelId }) => channelId) });
    this.#deps.emit({ type: 'memory' });
    this.#askForWhatDiffers();
  }

  onError({ channelId, status, reason }: ServerReply & { type: 'error' }): void {
    const channel = channelId === undefined ? undefined : this.#channels.get(channelId);
    const asked = channel && isInFlight(channel) ? channel : undefined;
    if (asked) asked.progress = 'refused';
    // A server that failed may do better on the next connection; one that refused will refuse again.
    if (asked?.wish.request && status < 500) {
      asked.wish.request.reject({ kind: 'refused', status, reason });
      this.#giveUp(asked);
    } else {
      this.#deps.emit({
        type: 'problem',
        problem: { kind: 'request-refused', channelId, status, reason },
      });
    }
    this.#askForWhatDiffers();
  }

  /** Every caller who still waits is told. */
  rejectAll(failure: RequestFailure): void {
    for (const channel of this.#channels.values()) {
      channel.wish.request?.reject(failure);
      this.#giveUp(channel);
    }
  }

  /** `version` has been given to the program. */
  remember(channel: Channel, version: Version): void {
    if (channel.lastVersion !== undefined && channel.lastVersion >= version) return;
    channel.lastVersion = version;
    this.#deps.emit({ type: 'memory' });
  }

  #wanted(): readonly Channel[] {
    return Array.from(this.#channels.values()).filter(({ wish }) => wish.kind === 'registered');
  }

  /** Whether no request may be added, not counting the one that `channelId` has and would lose. */
  #isFullBut(channelId: ChannelId): boolean {
    const waiting = Array.from(this.#channels.values()).filter(
      (channel) => channel.wish.request && channel.channelId !== channelId,
    );
    return waiting.length >= REQUESTS_WAITING_MAX;
  }

  #createRequest<T>(channelId: ChannelId): Request<T> {
    const request = createRequest<T>({
      timers: this.#deps.timers,
      waitMsMax: REQUEST_MS_MAX,
      onLate: () => {
        const channel = this.#channels.get(channelId);
        if (channel && Object.is(channel.wish.request, request)) this.#giveUp(channel);
      },
    });
    return request;
  }

  #wishFor(channelId: ChannelId, wish: Wish): void {
    const channel = this.#channels.get(channelId) ?? this.#put(createChannel(channelId));
    channel.wish.request?.reject({ kind: 'superseded' });
    channel.wish = wish;
    if (channel.progress === 'refused') channel.progress = 'idle';
    this.#askForWhatDiffers();
  }

  /** No caller waits for the channel any more. */
  #giveUp(channel: Channel): void {
    channel.wish.request = undefined;
    if (!channel.isHeld) this.#channels.delete(channel.channelId);
  }

  #put(channel: Channel): Channel {
    this.#channels.set(channel.channelId, channel);
    return channel;
  }

  /** Another device id: the server holds nothing for it, and its channels may count their versions from any number. */
  #startAnew(deviceId: DeviceId): void {
    const isReset = this.#deviceId !== undefined;
    this.#deviceId = deviceId;
    for (const { channelId, wish, isHeld } of Array.from(this.#channels.values())) {
      this.#put({ ...createChannel(channelId), wish, isHeld });
    }
    if (isReset) this.#deps.emit({ type: 'reset', deviceId });
    this.#deps.emit({ type: 'memory' });
  }

  #askForWhatDiffers(): void {
    let inFlightCount = Array.from(this.#channels.values()).filter(isInFlight).length;
    for (const channel of this.#channels.values()) {
      if (inFlightCount >= REQUESTS_IN_FLIGHT_MAX) return;
      if (channel.progress === 'idle' && this.#ask(channel)) inFlightCount++;
    }
  }

  /** Whether there was something to ask and it was sent. */
  #ask(channel: Channel): boolean {
    const { channelId, wish, endpoint } = channel;
    if (wish.kind === 'registered' && endpoint !== undefined) return false;
    const isRegister = wish.kind === 'registered';
    const text = isRegister ? encodeRegister(channelId) : encodeUnregister(channelId);
    if (!this.#deps.ask(text)) return false;
    channel.progress = isRegister ? 'registering' : 'unregistering';
    return true;
  }
}
