import { assert } from '../assert.ts';
import type { DeviceId } from '../protocol/ids.ts';
import type { Session } from './session.ts';

/**
 * Which session is the device's one on this node. The newer wins: `join` answers the session it took the place of, and the
 * caller closes that with 4000.
 */
export class Registry {
  readonly #sessions = new Map<DeviceId, Session>();

  /** Devices connected here. */
  get size(): number {
    return this.#sessions.size;
  }

  find(deviceId: DeviceId): Session | undefined {
    return this.#sessions.get(deviceId);
  }

  /** Every session here, in no particular order; for the drain. */
  all(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** Returns the older session of the same device, which is no longer found from now on. */
  join(deviceId: DeviceId, session: Session): Session | undefined {
    const older = this.#sessions.get(deviceId);
    assert(older !== session, 'a session joins once');
    this.#sessions.set(deviceId, session);
    return older;
  }

  /** Takes the session out, unless a newer one has its place already. */
  leave(deviceId: DeviceId, session: Session): void {
    if (this.#sessions.get(deviceId) === session) this.#sessions.delete(deviceId);
  }
}
