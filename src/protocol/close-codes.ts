/**
 * Every way a session's socket is closed by us (protocol.md, "Close codes"). RFC 6455, section 7.4: 4000-4999 are the
 * application's own.
 */
export const CLOSE_CODES = {
  normal: 1000,
  goingAway: 1001,
  notAnObject: 1003,
  policy: 1008,
  tooLarge: 1009,
  tryAgainLater: 1013,
  replaced: 4000,
  /** Only to a device that gave a UDP wake-up address and may sleep: it then waits for the datagram. */
  sleep: 4774,
} as const;

export type CloseCause = keyof typeof CLOSE_CODES;

/** What a close frame may carry beside its code: 125 bytes of control frame less two (RFC 6455, section 5.5). */
export const CLOSE_REASON_BYTES_MAX = 123;

/** The order to close a session's socket. `reason` is one of our own sentences, of at most CLOSE_REASON_BYTES_MAX ASCII characters. */
export interface Close {
  readonly cause: CloseCause;
  readonly reason: string;
}
