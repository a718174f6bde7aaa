/**
 * One device's conversation, from its first message to its close (protocol.md, "Device side"). Knows no socket and no text: it takes
 * messages and gives messages to its outlet. connection.ts never calls `onMessage` twice at once; `deliver`, `onResendDue` and
 * `onClose` come at any time between the awaits.
 */
import { unreachable } from '../assert.ts';
import type { ChannelId, DeviceId, Version, WrittenChannel } from '../protocol/ids.ts';
import type { ClientMessage, LiveOutcome, Update } from '../protocol/messages.ts';
import { type Ack, StoreUnavailableError } from '../storage/store.ts';
import { type Admitted, admitDevice, takeConnect } from './admit-device.ts';
import { ChannelNotes, writtenOf } from './channel-notes.ts';
import { CLOSES } from './closes.ts';
import { heldChannels, notHeld, pendingOf } from './pending.ts';
import { placeDevice } from './placement.ts';
import type { MessageOf, Outlet, SessionDeps } from './session-deps.ts';
import { SessionError } from './session-error.ts';
import {
  NOTHING_UNACKED,
  type Sent,
  sentOf,
  withoutAcked,
  withoutChannel,
  withSent,
} from './unacked.ts';

/** Ready is where nearly all sessions are nearly all the time, so it holds no more than it must. */
type State =
  | { readonly kind: 'unidentified' }
  /** Joined to the registry, the hello not answered yet. `missed`: an update came meanwhile; it is in the store. */
  | { readonly kind: 'joining'; readonly deviceId: DeviceId; missed: boolean }
  | { readonly kind: 'ready'; readonly deviceId: DeviceId; readonly writtenDeviceId: string }
  | { readonly kind: 'left' };

const UNIDENTIFIED: State = { kind: 'unidentified' };
const LEFT: State = { kind: 'left' };

export class Session {
  readonly #deps: SessionDeps;
  readonly #outlet: Outlet;
  #state: State = UNIDENTIFIED;
  #unacked: readonly Sent[] = NOTHING_UNACKED;
  /** Something may be pending that this session never sent: found at the next ack, or at the next resend. */
  #mayHaveUnsent = false;
  /** Whether it is among `resends`. Kept here, since it is asked at every update. */
  #isWatched = false;
  #lastPingAtMs: number | undefined;
  /** Made when there is something to note; most sessions have none. */
  #notes: ChannelNotes | undefined;

  constructor(deps: SessionDeps, outlet: Outlet) {
    this.#deps = deps;
    this.#outlet = outlet;
  }

  /** The device, once its hello was answered. */
  get deviceId(): DeviceId | undefined {
    return this.#state.kind === 'ready' ? this.#state.deviceId : undefined;
  }

  /**
   * Acts on one message and gives the replies to the outlet, in order. Undefined when it is done already: a promise less for each ping.
   * @throws SessionError when protocol.md does not allow `message` in this state.
   * @throws StoreUnavailableError when the store cannot answer; the device may try again.
   */
  onMessage(message: ClientMessage): Promise<void> | undefined {
    this.#deps.sleepers.onHeard(this);
    switch (message.type) {
      case 'ack':
        return this.#onAck(message, this.#ready(message));
      case 'ping':
        this.#onPing(message);
        return undefined;
      case 'hello':
        return this.#onHello(message);
      case 'register':
        return this.#onRegister(message, this.#ready(message));
      case 'unregister':
        return this.#onUnregister(message, this.#ready(message));
      case 'purge':
        return undefined;
      default:
        return unreachable(message);
    }
  }

  /** Whether nothing is on its way to the device, nor waits for its ack. */
  get isIdle(): boolean {
    return this.#state.kind === 'ready' && this.#unacked.length === 0 && !this.#mayHaveUnsent;
  }

  /** The device may sleep: closes with 4774. From now on a PUT kicks it. */
  sleep(): void {
    this.#outlet.close(CLOSES.sleep);
  }

  /** Sends an update that was stored just now, whatever its version: clients ignore an old one. */
  deliver(update: Update): LiveOutcome {
    const state = this.#state;
    if (state.kind === 'joining') {
      // Before the hello reply nothing goes out. The pending versions may have been read already, so they are read once more.
      state.missed = true;
      return 'later';
    }
    if (state.kind !== 'ready') return 'later';
    const { channelId, version, data } = update;
    if (this.#notes?.isUnregistered(channelId)) return 'unregistered';
    const result = this.#outlet.sendUpdate({
      written: writtenOf(this.#notes, channelId),
      version,
      data,
    });
    if (result === 'dropped') {
      this.#mayHaveUnsent = true;
      return 'later';
    }
    this.#noteSent(channelId, version, true);
    this.#deps.metrics.updatesSent.count++;
    return 'sent';
  }

  /** A newer connection of the device has this one's place: closes with 4000. */
  giveWay(): void {
    this.#outlet.close(CLOSES.replaced);
  }

  /** The node drains: closes with 1001, and the device comes back to another one. */
  goAway(): void {
    this.#outlet.close(CLOSES.goingAway);
  }

  /** The socket is gone. Idempotent. */
  onClose(): void {
    const state = this.#state;
    this.#state = LEFT;
    if (state.kind === 'joining' || state.kind === 'ready') {
      this.#deps.registry.leave(state.deviceId, this);
    }
    this.#deps.resends.delete(this);
    this.#deps.sleepers.delete(this);
    if (state.kind === 'ready' && this.#unacked.length > 0) this.#kickForUnacked(state.deviceId);
    this.#unacked = NOTHING_UNACKED;
  }

  /**
   * The socket of a phone that sleeps takes updates until somebody finds it dead. They are pending still, and the device is not here: as
   * if they came now. Only of those that were sent as they came, or a device that never acknowledges would be kicked for ever.
   */
  #kickForUnacked(deviceId: DeviceId): void {
    const { registry, kickUnacked } = this.#deps;
    const lost = this.#unacked.find((sent) => sent.isLive);
    if (lost === undefined || registry.find(deviceId) !== undefined) return;
    kickUnacked(deviceId, { channelId: lost.channelId, version: lost.highest });
  }

  /** `resend_interval_ms` may have passed since something was sent and not acknowledged. @throws StoreUnavailableError */
  async onResendDue(): Promise<void> {
    const { resends, resendIntervalMs } = this.#deps;
    this.#isWatched = false;
    if (this.#state.kind !== 'ready' || this.#unacked.length === 0) return;
    const oldestMs = Math.min(...this.#unacked.map((sent) => sent.sentAtMs));
    if (oldestMs + resendIntervalMs <= resends.nowMs) {
      await this.#sendPending(
        'updatesResent',
        (sent) => sent === undefined || sent.sentAtMs + resendIntervalMs <= resends.nowMs,
      );
      // Due and not sent again: the store has nothing of it any more, so there is nothing to wait for.
      this.#unacked = this.#unacked.filter(
        (sent) => sent.sentAtMs + resendIntervalMs > resends.nowMs,
      );
    }
    this.watchForAcks();
  }

  #ready(message: MessageOf<'ack' | 'register' | 'unregister'>): State & { kind: 'ready' } {
    if (this.#state.kind !== 'ready')
      throw new SessionError(401, 'hello must come first', message.received);
    return this.#state;
  }

  #onPing({ received }: MessageOf<'ping'>): void {
    const { clock, pingIntervalMinMs, longPongs } = this.#deps;
    if (pingIntervalMinMs > 0) {
      const nowMs = clock.monotonicMs();
      if (this.#lastPingAtMs !== undefined && nowMs - this.#lastPingAtMs < pingIntervalMinMs) {
        throw new SessionError(401, 'pings come too often', received);
      }
      this.#lastPingAtMs = nowMs;
    }
    this.#outlet.send({ type: 'pong', long: longPongs });
  }

  async #onHello(hello: MessageOf<'hello'>): Promise<void> {
    if (this.#state.kind === 'ready') return this.#onHelloAgain(hello, this.#state);
    // Decided before anything is dropped or replaced: a device that is sent elsewhere leaves no trace here.
    if (!placeDevice(hello, this.#deps, this.#outlet)) return;
    const admitted = await admitDevice(hello, this.#deps, (deviceId) => this.#join(deviceId));
    if (admitted === undefined || this.#left()) return;
    this.#welcome(hello, admitted);
    if (this.#mayHaveUnsent) await this.#sendMissed();
  }

  /** Same or no uaid: answered like the first hello, and what is pending is sent again. */
  async #onHelloAgain(hello: MessageOf<'hello'>, state: State & { kind: 'ready' }): Promise<void> {
    const { deviceId } = state;
    if (hello.writtenDeviceId !== '' && hello.deviceId !== deviceId) {
      throw new SessionError(503, 'this connection already has another uaid', hello.received);
    }
    const { store, metrics, clock } = this.#deps;
    const listed = hello.listed.map((channel) => channel.channelId);
    const helloAtMs = clock.nowMs();
    const view = await store.readDevice(deviceId, listed);
    const { connect } = hello;
    const contact = await takeConnect(store, deviceId, { connect, view, helloAtMs });
    if (this.#left()) return;
    metrics.hellos.again.count++;
    const writtenDeviceId = hello.writtenDeviceId || state.writtenDeviceId;
    this.#welcome(hello, { deviceId, writtenDeviceId, view, isKept: true, contact });
  }

  #join(deviceId: DeviceId): boolean {
    if (this.#left()) return false;
    this.#state = { kind: 'joining', deviceId, missed: false };
    this.#deps.registry.join(deviceId, this)?.giveWay();
    return true;
  }

  /** The hello reply, then what is pending: in one turn, so that no live update comes between. */
  #welcome(hello: MessageOf<'hello'>, admitted: Admitted): void {
    const { deviceId, writtenDeviceId, view, isKept, contact } = admitted;
    const missed = this.#state.kind === 'joining' && this.#state.missed;
    this.#mayHaveUnsent ||= missed;
    this.#state = { kind: 'ready', deviceId, writtenDeviceId };
    this.#deps.sleepers.watch(this, contact.targetType);
    const held = heldChannels(view);
    for (const channel of held) this.#noteSpelling(channel);
    for (const channel of hello.listed) this.#noteSpelling(channel);
    const connectReason = contact.refusal;
    this.#outlet.send({ type: 'hello', writtenDeviceId, status: 200, connectReason });
    const updates = pendingOf(held).filter((update) => !this.#isSuperseded(update));
    // A device with a new id knows without being told, and a driver that keeps nothing misses nothing.
    const expired = isKept && view.kind !== 'untracked' ? notHeld(hello.listed, held) : [];
    this.#notify(updates, expired);
    this.#deps.metrics.updatesFlushed.count += updates.length;
  }

  /** Sends what is pending and was never sent in this session. The message in hand is done with by now: a failure is no answer to it. */
  async #sendMissed(): Promise<void> {
    try {
      await this.#sendPending(
        'updatesFlushed',
        (sent, version) => sent === undefined || sent.highest < version,
      );
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#deps.metrics.storeErrors.message.count++;
      this.#outlet.close(CLOSES.storeAway);
    }
  }

  async #onRegister(
    { channel, received }: MessageOf<'register'>,
    state: State & { kind: 'ready' },
  ): Promise<void> {
    const { store, tokens, endpointUrl } = this.#deps;
    const outcome = await store.registerChannel(state.deviceId, channel);
    if (this.#left()) return;
    if (outcome === 'full') {
      this.#outlet.send({
        type: 'error',
        received,
        status: 429,
        reason: 'the device has too many channels',
      });
      return;
    }
    this.#notes?.takeBack(channel.channelId);
    this.#noteSpelling(channel);
    const token = tokens.seal({ deviceId: state.deviceId, channelId: channel.channelId });
    this.#outlet.send({
      type: 'register',
      writtenDeviceId: state.writtenDeviceId,
      written: channel.written,
      endpoint: endpointUrl(token),
    });
  }

  async #onUnregister(
    { channelId, written }: MessageOf<'unregister'>,
    state: State & { kind: 'ready' },
  ): Promise<void> {
    if (channelId !== undefined) {
      this.#note().unregister(channelId);
      this.#unacked = withoutChannel(this.#unacked, channelId);
      await this.#deps.store.unregisterChannel(state.deviceId, channelId);
      if (this.#left()) return;
    }
    this.#outlet.send({ type: 'unregister', written });
  }

  #onAck(
    { updates }: MessageOf<'ack'>,
    { deviceId }: State & { kind: 'ready' },
  ): Promise<void> | undefined {
    const acks: Ack[] = [];
    for (const { channelId, version } of updates) {
      const throughVersion = version ?? sentOf(this.#unacked, channelId)?.last;
      // Without a version, and nothing of the channel sent: there is nothing the device can mean.
      if (throughVersion !== undefined) acks.push({ channelId, throughVersion });
    }
    if (acks.length === 0) return this.#onAcked(acks);
    return this.#deps.store.ackUpdates(deviceId, acks).then(() => this.#onAcked(acks));
  }

  /** The store has it. */
  #onAcked(acks: readonly Ack[]): Promise<void> | undefined {
    if (this.#left()) return undefined;
    this.#deps.metrics.updatesAcked.count += acks.length;
    for (const { channelId, throughVersion } of acks) {
      this.#unacked = withoutAcked(this.#unacked, channelId, throughVersion);
    }
    return this.#mayHaveUnsent ? this.#sendMissed() : undefined;
  }

  /** Reads what is pending and sends those updates that `wanted` picks, oldest first. */
  async #sendPending(
    counter: 'updatesFlushed' | 'updatesResent',
    wanted: (sent: Sent | undefined, version: Version) => boolean,
  ): Promise<void> {
    if (this.#state.kind !== 'ready') return;
    // Cleared before the read: whatever is stored after the read was begun sets it again.
    this.#mayHaveUnsent = false;
    const view = await this.#deps.store.readDevice(this.#state.deviceId, []).catch((error) => {
      this.#mayHaveUnsent = true;
      throw error;
    });
    if (this.#left()) return;
    const updates = pendingOf(heldChannels(view)).filter(
      (update) =>
        !this.#isSuperseded(update) &&
        wanted(sentOf(this.#unacked, update.channelId), update.version),
    );
    this.#notify(updates, []);
    this.#deps.metrics[counter].count += updates.length;
  }

  /** What was read may be older than what happened since: a higher version was sent, or the channel unregistered. */
  #isSuperseded({ channelId, version }: Update): boolean {
    if (this.#notes?.isUnregistered(channelId)) return true;
    const sent = sentOf(this.#unacked, channelId);
    return sent !== undefined && sent.highest > version;
  }

  #notify(updates: readonly Update[], expired: readonly string[]): void {
    if (updates.length === 0 && expired.length === 0) return;
    const sent = updates.map(({ channelId, version }) => ({
      written: writtenOf(this.#notes, channelId),
      version,
    }));
    const result = this.#outlet.send({ type: 'notification', updates: sent, expired });
    if (result === 'dropped') {
      this.#mayHaveUnsent = true;
      return;
    }
    for (const { channelId, version } of updates) this.#noteSent(channelId, version, false);
  }

  #noteSent(channelId: ChannelId, version: Version, isLive: boolean): void {
    const sentAtMs = this.#deps.resends.nowMs;
    this.#unacked = withSent(this.#unacked, { channelId, version, sentAtMs, isLive });
    this.watchForAcks();
  }

  /** One entry per session that waits for acks; it is looked at when due and stays until then, so an ack costs nothing here. */
  watchForAcks(): void {
    const { resends, resendIntervalMs } = this.#deps;
    if (this.#isWatched || resendIntervalMs === 0 || this.#unacked.length === 0) return;
    this.#isWatched = true;
    const oldestMs = Math.min(...this.#unacked.map((sent) => sent.sentAtMs));
    resends.add(this, Math.max(oldestMs + resendIntervalMs, resends.nowMs));
  }

  #noteSpelling(channel: WrittenChannel): void {
    if (this.#notes === undefined && channel.written === channel.channelId) return;
    this.#note().spell(channel);
  }

  #note(): ChannelNotes {
    this.#notes ??= new ChannelNotes(this.#deps.channelsPerDeviceMax);
    return this.#notes;
  }

  #left(): boolean {
    return this.#state.kind === 'left';
  }
}
