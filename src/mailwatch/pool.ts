/**
 * Who may connect now. Mail providers count connections and logins of one address, and ban what comes too fast; our own memory has a
 * bound too. Waiting is in order of asking for each host, and a host that is full or slow holds up nobody who waits for another one.
 */
import type { Clock } from '../clock.ts';
import { TokenBucket } from '../token-bucket.ts';

export interface PoolLimits {
  /** Connections of this process. */
  readonly connectionsMax: number;
  /** Connections to one host name. */
  readonly connectionsPerHostMax: number;
  /** Logins a second, to one host name. */
  readonly loginsPerHostPerSecond: number;
  /** Logins a second, to all hosts. */
  readonly loginsPerSecond: number;
}

/** The right to hold one connection. */
export interface Slot {
  /** Gives it back. Harmless twice. */
  release(): void;
}

export interface Pool {
  /** Resolves in turn; to undefined as soon as `signal` is aborted. Never rejects. */
  acquire(host: string, signal: AbortSignal): Promise<Slot | undefined>;
  readonly size: number;
  /** How many wait; bounded by the number of accounts. */
  readonly waiting: number;
  /** How many hosts are remembered. */
  readonly hosts: number;
  /** From now on nobody is let through, until `resume`. Who holds a slot keeps it. */
  pause(): void;
  resume(): void;
  /** Ends the timer. Who waits is left to his signal. */
  stop(): void;
}

interface Waiter {
  readonly grant: (slot: Slot) => void;
}

/** How often the waiting are looked at, beside each release. */
export const POOL_INTERVAL_MS = 100;

interface Host {
  connections: number;
  readonly logins: TokenBucket;
  readonly queue: Set<Waiter>;
}

/** One per process. */
export function createPool(limits: PoolLimits, clock: Clock): Pool {
  return new HostPool(limits, clock);
}

class HostPool implements Pool {
  readonly #limits: PoolLimits;
  readonly #clock: Clock;
  readonly #logins: TokenBucket;
  /** Bounded by the connections, the waiting, and the hosts of the logins of the last second. */
  readonly #hosts = new Map<string, Host>();
  /** Hosts that somebody waits for, the one that was served longest ago first. */
  readonly #wanted = new Set<Host>();
  readonly #stop: () => void;
  #size = 0;
  #waiting = 0;
  #isPaused = false;

  constructor(limits: PoolLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#logins = createLogins(limits.loginsPerSecond, clock);
    this.#stop = clock.every(POOL_INTERVAL_MS, () => {
      this.#serve();
      this.#forget();
    });
  }

  get size(): number {
    return this.#size;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get hosts(): number {
    return this.#hosts.size;
  }

  acquire(name: string, signal: AbortSignal): Promise<Slot | undefined> {
    if (signal.aborted) return Promise.resolve(undefined);
    const host = this.#hostOf(name);
    return new Promise((resolve) => {
      const onAbort = () => {
        host.queue.delete(waiter);
        this.#waiting--;
        resolve(undefined);
      };
      const waiter: Waiter = {
        grant(slot) {
          signal.removeEventListener('abort', onAbort);
          resolve(slot);
        },
      };
      signal.addEventListener('abort', onAbort, { once: true });
      host.queue.add(waiter);
      this.#waiting++;
      this.#wanted.add(host);
      this.#serve();
    });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#serve();
  }

  stop(): void {
    this.#stop();
  }

  #hostOf(name: string): Host {
    const known = this.#hosts.get(name);
    if (known !== undefined) return known;
    const logins = createLogins(this.#limits.loginsPerHostPerSecond, this.#clock);
    const host: Host = { connections: 0, logins, queue: new Set() };
    this.#hosts.set(name, host);
    return host;
  }

  /**
   * One for each host in turn: who was served goes to the end of the set, which the loop comes to again, so a crowd at one host takes
   * no places from the others.
   */
  #serve(): void {
    if (this.#isPaused) return;
    for (const host of this.#wanted) {
      const [first] = host.queue;
      if (first === undefined) {
        this.#wanted.delete(host);
        continue;
      }
      if (this.#size >= this.#limits.connectionsMax || this.#logins.available() < 1) return;
      if (!this.#mayConnect(host)) continue;
      this.#wanted.delete(host);
      this.#wanted.add(host);
      host.queue.delete(first);
      this.#waiting--;
      first.grant(this.#take(host));
    }
  }

  #mayConnect({ connections, logins }: Host): boolean {
    return connections < this.#limits.connectionsPerHostMax && logins.available() >= 1;
  }

  #take(host: Host): Slot {
    this.#size++;
    host.connections++;
    host.logins.take(1);
    this.#logins.take(1);
    return createSlot(() => {
      this.#size--;
      host.connections--;
      this.#serve();
    });
  }

  /** A host that nobody uses and whose logins are long ago need not be remembered. */
  #forget(): void {
    const { loginsPerHostPerSecond: full } = this.#limits;
    for (const [name, { connections, queue, logins }] of this.#hosts) {
      const isIdle = connections === 0 && queue.size === 0;
      if (isIdle && logins.available() >= full) this.#hosts.delete(name);
    }
  }
}

/** Empty at first but for one, so that a restart is no burst. */
function createLogins(perSecond: number, clock: Clock): TokenBucket {
  return new TokenBucket(clock, { perSecond, tokensMax: perSecond, tokens: 1 });
}

function createSlot(onRelease: () => void): Slot {
  let isHeld = true;
  return {
    release() {
      if (!isHeld) return;
      isHeld = false;
      onRelease();
    },
  };
}
