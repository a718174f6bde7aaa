import type { Close } from '../protocol/close-codes.ts';
import type { Received } from '../protocol/messages.ts';
import type { ErrorStatus } from '../protocol/statuses.ts';

/** A message that the session's state does not allow: echoed with `status` and `reason`, then the socket is closed with 1008. */
export class SessionError extends Error {
  override readonly name = 'SessionError';
  readonly status: ErrorStatus;
  readonly received: Received;

  /** `reason` is sent to the device: a sentence of ours that quotes nothing it wrote. */
  constructor(status: ErrorStatus, reason: string, received: Received) {
    super(reason);
    this.status = status;
    this.received = received;
  }

  get close(): Close {
    return { cause: 'policy', reason: this.message };
  }
}
