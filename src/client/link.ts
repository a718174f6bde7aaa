import { unreachable } from '../assert.ts';
import { backoffMs } from './backoff.ts';
import { encodeHello, type Hello, PING_TEXT, type ServerReply } from './codec.ts';
import { Connection } from './connection.ts';
import type { DeviceState } from './events.ts';
import { afterLoss, type Loss } from './loss.ts';
import { cancelNothing, type Timers } from './timers.ts';
import type { OpenSocket } from './web-socket.ts';

/** Redirects followed one after another; one more, and the device begins again at its first server, later. */
export const REDIRECT_HOPS_MAX = 3;

/** A connection that lasted this long ends the series of failures before it. */
export const STABLE_MS_MIN = 60_000;

/**
 * Between two pings. Servers close the connection of a device that pings twice within 20 s; the second on top is for pings that
 * the network brings closer together.
 */
export const PING_INTERVAL_MS_MIN = 21_000;

export interface LinkDeps {
  /** The first server; every reconnection begins here. */
  readonly server: string;
  readonly openSocket: OpenSocket;
  readonly timers: Timers;
  readonly random: () => number;
  /** 0: the link pings only when told to. */
  readonly pingIntervalMs: number;
  hello(): Hello;
  onState(state: DeviceState): void;
  onWelcome(welcome: ServerReply & { type: 'welcome' }): void;
  /** Each reply after the welcome. */
  onReply(reply: ServerReply): void;
  /** The open connection, or the attempt at one, is gone. */
  onLost(): void;
}

interface Dialled {
  readonly url: string;
  /** Redirects that led here from the first server. */
  readonly hops: number;
}

/** Keeps one device connected: hello, redirects, pings, and connecting again after a loss. */
export class Link {
  readonly #deps: LinkDeps;
  #state: DeviceState = { kind: 'closed', why: 'not-connected-yet' };
  #connection: Connection | undefined;
  /** Of the next attempt while waiting, of the next ping while open. */
  #cancelTimer = cancelNothing;
  #attempt = 0;
  #openedAtMs = 0;
  #pingedAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Also cuts a wait short. Nothing when connecting or connected. */
  connect(): void {
    switch (this.#state.kind) {
      case 'closed':
        this.#attempt = 0;
        this.#begin();
        break;
      case 'waiting':
        this.#begin();
        break;
      case 'connecting':
      case 'open':
        break;
      default:
        unreachable(this.#state);
    }
  }

  close(): void {
    this.#leave('closed by the device');
    if (this.#state.kind !== 'closed') this.#become({ kind: 'closed', why: 'asked-to' });
  }

  /** Whether it was sent; it is not when the link is not open. */
  send(text: string): boolean {
    if (this.#state.kind !== 'open') return false;
    this.#connection?.send(text);
    return true;
  }

  /** As send; with no answer at all the connection counts as lost. */
  ask(text: string): boolean {
    if (this.#state.kind !== 'open') return false;
    this.#connection?.ask(text);
    return true;
  }

  /** Whether a ping was sent: not when the link is not open, nor sooner than servers allow after the last. */
  ping(): boolean {
    const nowMs = this.#deps.timers.monotonicMs();
    if (nowMs - this.#pingedAtMs < PING_INTERVAL_MS_MIN || !this.ask(PING_TEXT)) return false;
    this.#pingedAtMs = nowMs;
    return true;
  }

  #begin(): void {
    this.#dial({ url: this.#deps.server, hops: 0 });
  }

  #dial(to: Dialled): void {
    this.#cancelTimer();
    const connection = new Connection({
      url: to.url,
      openSocket: this.#deps.openSocket,
      timers: this.#deps.timers,
      onOpen: () => connection.ask(encodeHello(this.#deps.hello())),
      onReply: (reply) => this.#onReply(reply, to),
      onLoss: (loss) => this.#onLoss(loss),
    });
    this.#connection = connection;
    this.#become({ kind: 'connecting', url: to.url });
    connection.open();
  }

  #onReply(reply: ServerReply, from: Dialled): void {
    if (this.#state.kind === 'open') {
      this.#deps.onReply(reply);
    } else {
      this.#onFirstReply(reply, from);
    }
  }

  #onFirstReply(reply: ServerReply, from: Dialled): void {
    switch (reply.type) {
      case 'welcome':
        this.#onWelcome(reply, from.url);
        break;
      case 'redirect':
        this.#onRedirect(reply.url, from);
        break;
      case 'hello-refused':
        this.#giveUp({ kind: 'refused', status: reply.status, reason: reply.reason });
        break;
      case 'registered':
      case 'unregistered':
      case 'notification':
      case 'error':
      case 'pong':
      case 'unknown':
        this.#giveUp({ kind: 'malformed', reason: 'its first message was no hello reply' });
        break;
      default:
        unreachable(reply);
    }
  }

  #onWelcome(welcome: ServerReply & { type: 'welcome' }, url: string): void {
    this.#openedAtMs = this.#deps.timers.monotonicMs();
    this.#pingedAtMs = Number.NEGATIVE_INFINITY;
    this.#become({ kind: 'open', url });
    this.#schedulePing();
    this.#deps.onWelcome(welcome);
  }

  /** A device keeps the id it has: the one in a redirect may have been made up for it. */
  #onRedirect(target: string, from: Dialled): void {
    const loss = redirectLoss(target, from);
    if (loss) {
      this.#giveUp(loss);
    } else {
      this.#leave('redirected');
      this.#dial({ url: target, hops: from.hops + 1 });
    }
  }

  #giveUp(loss: Loss): void {
    this.#leave(loss.kind);
    this.#onLoss(loss);
  }

  #onLoss(loss: Loss): void {
    const { timers, random } = this.#deps;
    const lastedMs = timers.monotonicMs() - this.#openedAtMs;
    if (this.#state.kind === 'open' && lastedMs >= STABLE_MS_MIN) this.#attempt = 0;
    this.#leave(loss.kind);
    const after = afterLoss(loss);
    if (after.kind === 'stop') {
      this.#become({ kind: 'closed', why: after.reason });
      return;
    }
    const retryInMs = backoffMs({ attempt: this.#attempt, atLeastMs: after.atLeastMs, random });
    this.#attempt += 1;
    this.#cancelTimer = timers.after(retryInMs, () => this.#begin());
    this.#become({ kind: 'waiting', retryInMs, loss });
  }

  /** Ends what the link does now; the state is the caller's to set. */
  #leave(reason: string): void {
    this.#cancelTimer();
    this.#cancelTimer = cancelNothing;
    if (!this.#connection) return;
    this.#connection.close(reason);
    this.#connection = undefined;
    this.#deps.onLost();
  }

  #schedulePing(): void {
    const { timers, pingIntervalMs } = this.#deps;
    if (pingIntervalMs === 0) return;
    this.#cancelTimer = timers.after(pingIntervalMs, () => {
      this.ping();
      this.#schedulePing();
    });
  }

  #become(state: DeviceState): void {
    this.#state = state;
    this.#deps.onState(state);
  }
}

/** Why a redirect is not followed; undefined when it is. */
function redirectLoss(target: string, from: Dialled): Loss | undefined {
  if (from.hops >= REDIRECT_HOPS_MAX) return { kind: 'redirects', hopsMax: REDIRECT_HOPS_MAX };
  const isDowngrade = new URL(from.url).protocol === 'wss:' && new URL(target).protocol === 'ws:';
  return isDowngrade ? { kind: 'malformed', reason: 'it redirected from wss to ws' } : undefined;
}
