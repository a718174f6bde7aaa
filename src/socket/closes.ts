import type { Close } from '../protocol/close-codes.ts';

/** Why a device's socket is closed by us, in the words that go with the code. An error reply brings its own. */
export const CLOSES = {
  redirected: { cause: 'normal', reason: 'another node has room' },
  full: { cause: 'tryAgainLater', reason: 'no node has room' },
  storeAway: { cause: 'tryAgainLater', reason: 'the store does not answer' },
  goingAway: { cause: 'goingAway', reason: 'the server is going away' },
  replaced: { cause: 'replaced', reason: 'another connection of this device took over' },
  sleep: { cause: 'sleep', reason: 'a datagram will wake this device' },
  malformed: { cause: 'notAnObject', reason: 'a message must be a JSON object' },
  tooLarge: { cause: 'tooLarge', reason: 'the message is too large' },
  inboxFull: { cause: 'policy', reason: 'too many messages wait for an answer' },
  helloMissing: { cause: 'policy', reason: 'no hello within the allowed time' },
  ownFault: { cause: 'policy', reason: 'the server made a mistake' },
} as const satisfies Record<string, Close>;
