/**
 * Wakes devices by one UDP datagram, as historic SimplePush servers did (`wakeup_hostport`). A datagram has no answer: when it has left
 * this machine, the device counts as woken.
 *
 * Any device can give any address, so a datagram goes only where the operator's list of networks allows. `mobilenetwork` is not used: it
 * named the operator whose gateway would send the datagram, in a service that no longer exists.
 */
import type { Log } from '../log.ts';
import type { KickTarget } from '../protocol/connect.ts';
import type { KickProvider, Wake, WakeOutcome } from './provider.ts';
import { type Networks, plainAddress } from './udp/networks.ts';
import { type Family, Sender } from './udp/sender.ts';

export type UdpTarget = Extract<KickTarget, { type: 'udp' }>;

export interface UdpProviderDeps {
  readonly networks: Networks;
  readonly limits: {
    /** Datagrams handed to the system and not yet taken; one more is told `later` at once. */
    readonly inFlightMax: number;
  };
  /** Whether the datagram carries channel and version, as JSON; else it is empty. */
  readonly sendsUpdate: boolean;
  readonly log: Log;
}

/** One per process. Opens a socket for IPv4 and one for IPv6 when a wake first needs it; neither keeps the process alive. */
export function createUdpProvider(deps: UdpProviderDeps): KickProvider<UdpTarget> {
  return new UdpProvider(deps);
}

const NOTHING = Buffer.alloc(0);
const CLOSED: WakeOutcome = { kind: 'later', scope: 'device', reason: 'closed by us' };
const NOT_ALLOWED: WakeOutcome = { kind: 'refused', reason: 'AddressNotAllowed' };
/** Enough for the system to take what it was handed. */
const FULL: WakeOutcome = {
  kind: 'later',
  scope: 'provider',
  retryAfterMs: 1000,
  reason: 'too many datagrams wait',
};

class UdpProvider implements KickProvider<UdpTarget> {
  readonly name = 'udp';
  readonly #deps: UdpProviderDeps;
  readonly #senders = new Map<Family, Sender>();
  #inFlight = 0;
  #isClosed = false;

  constructor(deps: UdpProviderDeps) {
    this.#deps = deps;
  }

  async wake(wake: Wake<UdpTarget>, signal: AbortSignal): Promise<WakeOutcome> {
    const { networks, limits } = this.#deps;
    const address = plainAddress(wake.target.ip);
    // Looked at here and not when the device gave it: the list may have changed since.
    if (address === undefined || !networks.allow(address)) return NOT_ALLOWED;
    if (this.#isClosed || signal.aborted) return CLOSED;
    if (this.#inFlight >= limits.inFlightMax) return FULL;
    this.#inFlight++;
    try {
      const datagram = { address, port: wake.target.port, payload: this.#payloadOf(wake) };
      return await this.#senderTo(address).send(datagram, signal);
    } finally {
      this.#inFlight--;
    }
  }

  /** There are none. */
  checkCredentials(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#senders.values(), (sender) => sender.close()));
  }

  #payloadOf({ channelId, version }: Wake<UdpTarget>): Buffer {
    if (!this.#deps.sendsUpdate) return NOTHING;
    return Buffer.from(JSON.stringify({ channelID: channelId, version }));
  }

  #senderTo(address: string): Sender {
    const family = address.includes(':') ? 'udp6' : 'udp4';
    let sender = this.#senders.get(family);
    if (sender === undefined) {
      // Another one takes its place at the next wake.
      const onFailed = () => this.#senders.delete(family);
      sender = new Sender({ family, onFailed, log: this.#deps.log });
      this.#senders.set(family, sender);
    }
    return sender;
  }
}
