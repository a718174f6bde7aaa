/** The devices of one process: who is wanted, who is there, and how those who are not come back. */
import { randomUUID } from 'node:crypto';
import type { Random } from '../../test/support/random.ts';
import { isLoopback } from '../wire/target.ts';
import type { Channel } from './channel.ts';
import { CrowdCounts } from './crowd-counts.ts';
import { Device } from './device.ts';
import type { DeviceEvents, SessionEnd } from './device-events.ts';
import { Endpoints } from './endpoints.ts';
import type { Tally } from './faults.ts';
import { type Arrival, ChannelLedger, type LedgerNotes } from './ledger.ts';
import { type Member, newMember } from './member.ts';
import type { Plan } from './plan.ts';
import { sourceAddress } from './source-address.ts';

export interface CrowdDeps {
  readonly plan: Plan;
  /** The devices of this process: from this index on, so many. */
  readonly firstIndex: number;
  readonly devices: number;
  readonly tally: Tally;
  readonly notes: LedgerNotes;
  readonly random: Random;
  /** Called for each version that arrives for the first time. */
  readonly onArrival: (arrival: Arrival, device: Device) => void;
  /** The run cannot go on: PUTs would go where they may not. */
  readonly onImpossible: (reason: string) => void;
}

/** Connections of one process that may be on their way at once. */
const CONNECTING_MAX = 256;
/** Sockets from one loopback address: half of what the strictest known server allows by default. */
const SOCKETS_PER_ADDRESS = 5000;
/** A hello and its registers must be answered within this time, or the device tries anew. */
const ATTEMPT_MS_MAX = 10_000;
const RETRY_MS_MIN = 200;
const RETRY_MS_MAX = 2000;
const REDIRECTS_MAX = 3;
const LARGEST_MESSAGE_BYTES = 16 * 1024 * 1024;

export class Crowd {
  readonly counts = new CrowdCounts();
  readonly #deps: CrowdDeps;
  readonly #members: readonly Member[];
  readonly #byDevice = new Map<Device, Member>();
  readonly #queue: Member[] = [];
  /** Wait for their next attempt. */
  #later: { readonly member: Member; readonly atMs: number }[] = [];
  readonly #connecting = new Set<Member>();
  readonly #endpoints: Endpoints;

  constructor(deps: CrowdDeps) {
    this.#deps = deps;
    this.#endpoints = new Endpoints(deps.plan);
    const events = this.#events();
    this.#members = Array.from({ length: deps.devices }, (_, offset) => {
      const device = new Device(deps.firstIndex + offset, events);
      for (let index = 0; index < deps.plan.channels; index++) {
        device.channels.push(this.#newChannel(device, index));
      }
      const member = newMember(device, deps.plan.url);
      this.#byDevice.set(device, member);
      return member;
    });
  }

  get devices(): readonly Device[] {
    return this.#members.map(({ device }) => device);
  }

  /** Those that have said hello and have all endpoints. */
  get ready(): number {
    return this.#members.reduce((sum, { device }) => sum + (device.isReady ? 1 : 0), 0);
  }

  /** Nobody is on the way any more: all that are wanted are there, or given up. */
  get isSettled(): boolean {
    return this.#queue.length === 0 && this.#later.length === 0 && this.#connecting.size === 0;
  }

  get owed(): number {
    return this.#members.reduce(
      (sum, { device }) =>
        sum + device.channels.reduce((owed, { ledger }) => owed + ledger.owed, 0),
      0,
    );
  }

  /** The device is to be there, from now on. */
  come(device: Device): void {
    const member = this.#memberOf(device);
    if (member.isWanted && !device.isAway) return;
    member.isWanted = true;
    member.dueMs = performance.now();
    member.redirects = 0;
    member.url = this.#deps.plan.url;
    this.#enqueue(member);
  }

  leave(device: Device, how: 'close' | 'cut'): void {
    const member = this.#memberOf(device);
    member.isWanted = false;
    this.#connecting.delete(member);
    device.leave(how);
  }

  /** Opens what there is room for; to be called often. */
  pump(): void {
    while (this.#connecting.size < CONNECTING_MAX) {
      const member = this.#queue.shift();
      if (member === undefined) return;
      member.isQueued = false;
      if (member.isWanted && member.device.isAway) this.#connect(member);
    }
  }

  /** Ends attempts that take too long and begins those that have waited; to be called now and then. */
  sweep(nowMs: number): void {
    for (const member of this.#connecting) {
      if (!member.device.isOverdue(nowMs, ATTEMPT_MS_MAX)) continue;
      member.device.leave('cut');
      this.#onFailedAttempt(member, 'no hello in time');
    }
    const due = this.#later.filter(({ atMs }) => atMs <= nowMs);
    this.#later = this.#later.filter(({ atMs }) => atMs > nowMs);
    for (const { member } of due) this.#enqueue(member);
  }

  /** Decides every channel; nothing more is to come. */
  end(): void {
    for (const { device } of this.#members) {
      for (const { ledger } of device.channels) ledger.end(device.presence);
    }
  }

  #enqueue(member: Member): void {
    if (member.isQueued || this.#connecting.has(member)) return;
    member.isQueued = true;
    this.#queue.push(member);
  }

  #connect(member: Member): void {
    this.#connecting.add(member);
    const { index } = member.device;
    const place = { deviceIndex: index, perAddress: SOCKETS_PER_ADDRESS };
    const localAddress = sourceAddress(member.url, place);
    member.device.connect(member.url, {
      handshakeTimeout: ATTEMPT_MS_MAX,
      maxPayload: LARGEST_MESSAGE_BYTES,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
  }

  #onFailedAttempt(member: Member, reason: string): void {
    this.counts.onConnectFailure(reason);
    this.#connecting.delete(member);
    if (!member.isWanted) return;
    const nowMs = performance.now();
    if (nowMs - member.dueMs < this.#deps.plan.connectWaitMs) {
      const waitMs = RETRY_MS_MIN + this.#deps.random.fraction() * (RETRY_MS_MAX - RETRY_MS_MIN);
      this.#later.push({ member, atMs: nowMs + waitMs });
    } else if (!member.isGivenUp) {
      member.isGivenUp = true;
      this.#deps.tally.count('unreachable', () => nameOf(member.device));
    }
  }

  #onSessionEnd(member: Member, { code }: SessionEnd): void {
    const { device } = member;
    if (device.hasPaused) this.counts.slowCloses++;
    else {
      this.counts.onClose(code);
      this.#deps.tally.count('closed', () => `${nameOf(device)}, close code ${code}`);
    }
    member.dueMs = performance.now();
    this.#connecting.delete(member);
    this.#enqueue(member);
  }

  #onRedirect(member: Member, url: string): void {
    this.counts.redirects++;
    member.redirects++;
    const { plan } = this.#deps;
    const mayFollow = plan.allowRemote || isLoopback(new URL(url));
    if (member.redirects > REDIRECTS_MAX || !mayFollow) {
      this.#onFailedAttempt(member, 'a redirect that may not be followed');
    } else {
      member.url = url;
      this.#connecting.delete(member);
      this.#enqueue(member);
    }
  }

  #events(): DeviceEvents {
    const { tally } = this.#deps;
    return {
      onReady: (device) => {
        const member = this.#memberOf(device);
        // Also after channels were registered again amid a session.
        if (!this.#connecting.delete(member)) return;
        this.counts.sessions++;
        this.counts.readyTimes.record(performance.now() - member.dueMs);
      },
      onEndpoint: (channel, url) => this.#onEndpoint(channel, url),
      onArrival: (_, arrival, device) => this.#deps.onArrival(arrival, device),
      onUaidChanged: (device) => tally.count('uaidChanged', () => nameOf(device)),
      onExpired: ({ device }) => tally.count('forgotten', () => nameOf(device)),
      onMisdelivered: (device) => tally.count('misdelivered', () => `to ${nameOf(device)}`),
      onBadMessage: (device) => tally.count('badMessage', () => `to ${nameOf(device)}`),
      onRefused: (device, status) => {
        if (status !== 429 && status !== 503) {
          tally.count('refusedMessage', () => `${nameOf(device)}, status ${status}`);
        }
        this.#onFailedAttempt(this.#memberOf(device), `answered with status ${status}`);
      },
      onEnd: (device, end) => {
        const member = this.#memberOf(device);
        if (end.wasInSession) this.#onSessionEnd(member, end);
        else this.#onFailedAttempt(member, end.reason || `closed with ${end.code}`);
      },
      onRedirect: (device, url) => this.#onRedirect(this.#memberOf(device), url),
    };
  }

  #onEndpoint(channel: Channel, url: string): boolean {
    const read = this.#endpoints.read(url);
    if (read.kind === 'refused') {
      this.#deps.onImpossible(read.reason);
      return false;
    }
    channel.endpoint = read.endpoint;
    return true;
  }

  #newChannel(device: Device, index: number): Channel {
    const { plan, tally, notes } = this.#deps;
    const rules = { graceMs: plan.graceMs, ackRaceMs: plan.ackRaceMs };
    const name = () => `${nameOf(device)}, channel ${index + 1}`;
    const ledger = new ChannelLedger({ rules, tally, notes, name });
    return { id: randomUUID(), device, ledger, endpoint: undefined };
  }

  #memberOf(device: Device): Member {
    const member = this.#byDevice.get(device);
    if (member === undefined) throw new Error('a device of another crowd');
    return member;
  }
}

/** Never by its UAID: whoever has that can take over its session. */
function nameOf({ index }: Device): string {
  return `device ${index + 1}`;
}
