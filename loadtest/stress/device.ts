/** One device: connects, says hello, registers what it has no endpoint of, and acknowledges each update at once. */
import { type ClientOptions, WebSocket } from 'ws';
import type { Channel } from './channel.ts';
import type { DeviceEvents } from './device-events.ts';
import type { Presence } from './ledger.ts';
import { parseServerMessage, type ServerMessage } from './server-message.ts';

type State =
  | { readonly kind: 'away' }
  | { readonly kind: 'connecting'; readonly socket: WebSocket }
  | { readonly kind: 'registering'; readonly socket: WebSocket }
  | { readonly kind: 'ready'; readonly socket: WebSocket };

const AWAY: State = { kind: 'away' };
const NORMAL_CLOSE = 1000;

export class Device {
  readonly index: number;
  readonly channels: Channel[] = [];
  readonly #events: DeviceEvents;
  #state: State = AWAY;
  #uaid = '';
  #presentSinceMs: number | undefined;
  #helloSentMs = 0;
  #priorEndMs = 0;
  #leftMs = 0;
  /** When it began to connect; of the current attempt. */
  #beganMs = 0;
  /** It has paused in this session, for which a server may end the connection. */
  #hasPaused = false;

  constructor(index: number, events: DeviceEvents) {
    this.index = index;
    this.#events = events;
  }

  get isAway(): boolean {
    return this.#state.kind === 'away';
  }

  /** Whether it has been without a connection for `ms` at least: the server has had the time to notice. */
  isAwayFor(ms: number): boolean {
    return this.isAway && performance.now() - this.#leftMs >= ms;
  }

  get isReady(): boolean {
    return this.#state.kind === 'ready';
  }

  get hasPaused(): boolean {
    return this.#hasPaused;
  }

  get presence(): Presence {
    return {
      presentSinceMs: this.#presentSinceMs,
      helloSentMs: this.#helloSentMs,
      priorEndMs: this.#priorEndMs,
    };
  }

  /** Whether it has been trying to become ready since before `nowMs` less `waitMs`. */
  isOverdue(nowMs: number, waitMs: number): boolean {
    const { kind } = this.#state;
    return (kind === 'connecting' || kind === 'registering') && nowMs - this.#beganMs > waitMs;
  }

  connect(url: string, options: ClientOptions): void {
    const socket = new WebSocket(url, { ...options, perMessageDeflate: false });
    this.#state = { kind: 'connecting', socket };
    this.#hasPaused = false;
    this.#beganMs = performance.now();
    socket.on('open', () => this.#onOpen(socket));
    socket.on('message', (bytes: Buffer) => this.#onMessage(socket, bytes));
    let reason = '';
    // 'close' follows in any case.
    socket.on('error', (error) => {
      reason = error.message;
    });
    socket.on('close', (code) => {
      if (!this.#has(socket)) return;
      const wasInSession = this.#state.kind !== 'connecting';
      this.#leaveWith(() => this.#events.onEnd(this, { code, wasInSession, reason }));
    });
  }

  /** Ends the session, with a close frame or without, and hears nothing more of it. */
  leave(how: 'close' | 'cut'): void {
    const state = this.#state;
    if (state.kind === 'away') return;
    this.#leaveWith(() => {
      if (how === 'cut') state.socket.terminate();
      else state.socket.close(NORMAL_CLOSE);
    });
  }

  /** Stops reading: what the server sends piles up on its side. */
  pause(): void {
    if (this.#state.kind !== 'ready' || this.#presentSinceMs === undefined) return;
    this.#hasPaused = true;
    this.#endPresence();
    this.#state.socket.pause();
  }

  resume(): void {
    if (this.#state.kind !== 'ready' || this.#presentSinceMs !== undefined) return;
    this.#presentSinceMs = performance.now();
    this.#state.socket.resume();
  }

  #has(socket: WebSocket): boolean {
    return this.#state.kind !== 'away' && this.#state.socket === socket;
  }

  #leaveWith(end: () => void): void {
    this.#endPresence();
    this.#leftMs = performance.now();
    this.#state = AWAY;
    end();
  }

  #endPresence(): void {
    if (this.#presentSinceMs === undefined) return;
    const nowMs = performance.now();
    for (const { ledger } of this.channels) ledger.onPresenceEnd(nowMs, this.presence);
    this.#presentSinceMs = undefined;
    this.#priorEndMs = nowMs;
  }

  #onOpen(socket: WebSocket): void {
    if (!this.#has(socket)) return;
    this.#helloSentMs = performance.now();
    const channelIDs = this.channels
      .filter(({ endpoint }) => endpoint !== undefined)
      .map(({ id }) => id);
    socket.send(JSON.stringify({ messageType: 'hello', uaid: this.#uaid, channelIDs }));
  }

  #onMessage(socket: WebSocket, bytes: Buffer): void {
    if (!this.#has(socket)) return;
    const message = parseServerMessage(bytes);
    switch (message?.kind) {
      case 'hello':
        this.#onHello(socket, message);
        return;
      case 'register':
        this.#onRegister(socket, message);
        return;
      case 'notification':
        this.#onNotification(socket, message);
        return;
      case 'other':
        return;
      case undefined:
        this.#events.onBadMessage(this);
    }
  }

  #onHello(socket: WebSocket, { status, uaid, redirect }: ServerMessage & { kind: 'hello' }): void {
    if (status === 307 && redirect !== undefined) {
      this.#leaveWith(() => socket.terminate());
      this.#events.onRedirect(this, redirect);
    } else if (status !== 200) {
      this.#refuse(socket, status);
    } else {
      if (this.#uaid !== '' && uaid !== this.#uaid) {
        this.#events.onUaidChanged(this);
        for (const channel of this.channels) channel.endpoint = undefined;
      }
      this.#uaid = uaid;
      this.#presentSinceMs = performance.now();
      this.#registerNext(socket);
    }
  }

  /** One at a time: a server may limit how many messages of a device wait. */
  #registerNext(socket: WebSocket): void {
    const channel = this.channels.find(({ endpoint }) => endpoint === undefined);
    if (channel !== undefined) {
      this.#state = { kind: 'registering', socket };
      socket.send(JSON.stringify({ messageType: 'register', channelID: channel.id }));
    } else if (this.#state.kind !== 'ready') {
      this.#state = { kind: 'ready', socket };
      this.#events.onReady(this);
    }
  }

  #onRegister(
    socket: WebSocket,
    { status, channelId, endpoint }: ServerMessage & { kind: 'register' },
  ): void {
    const channel = this.#channel(channelId);
    if (status !== 200 || channel === undefined) {
      this.#refuse(socket, status);
      return;
    }
    if (this.#events.onEndpoint(channel, endpoint)) this.#registerNext(socket);
    else this.leave('cut');
  }

  #onNotification(
    socket: WebSocket,
    { updates, expired }: ServerMessage & { kind: 'notification' },
  ): void {
    const nowMs = performance.now();
    const acked: { channelID: string; version: number }[] = [];
    for (const { channelId, version } of updates) {
      const channel = this.#channel(channelId);
      acked.push({ channelID: channelId, version });
      if (channel === undefined) {
        this.#events.onMisdelivered(this);
        continue;
      }
      const arrival = channel.ledger.onSeen(version, nowMs, this.presence);
      channel.ledger.onAcked(version, nowMs);
      if (arrival !== undefined) this.#events.onArrival(channel, arrival, this);
    }
    if (acked.length > 0) socket.send(JSON.stringify({ messageType: 'ack', updates: acked }));
    for (const id of expired) this.#onExpired(id);
    if (expired.length > 0) this.#registerNext(socket);
  }

  #onExpired(id: string): void {
    const channel = this.#channel(id);
    if (channel?.endpoint === undefined) return;
    this.#events.onExpired(channel);
    channel.endpoint = undefined;
  }

  #refuse(socket: WebSocket, status: number): void {
    this.#leaveWith(() => socket.terminate());
    this.#events.onRefused(this, status);
  }

  #channel(id: string): Channel | undefined {
    // Servers may write ids as they like.
    return this.channels.find((channel) => channel.id === id || isSameId(channel.id, id));
  }
}

function isSameId(ours: string, theirs: string): boolean {
  return theirs.replaceAll('-', '').toLowerCase() === ours.replaceAll('-', '');
}
