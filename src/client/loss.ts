/** The ways a connection ends without the device wanting it, and what follows from each. */
import { unreachable } from '../assert.ts';
import { CLOSE_CODES } from '../protocol/close-codes.ts';

export type Loss =
  /** The server closed, or the network did: then `code` is 1006. */
  | { readonly kind: 'closed'; readonly code: number; readonly reason: string }
  /** The socket could not be opened or broke. Browsers give no reason. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Nothing came in time, of a connection or of an answer. */
  | { readonly kind: 'silent'; readonly waitedMs: number }
  /** What came is not SimplePush. */
  | { readonly kind: 'malformed'; readonly reason: string }
  /** The hello was answered with this status. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  /** One redirect more than a device follows. */
  | { readonly kind: 'redirects'; readonly hopsMax: number };

/** Why a device does not connect again by itself. */
export type StopReason =
  /** Another connection of the same device took over; connecting again would only take turns with it. */
  | 'replaced'
  /** The server wakes the device in another way, and it then calls connect(). */
  | 'asleep';

export type AfterLoss =
  | { readonly kind: 'stop'; readonly reason: StopReason }
  | { readonly kind: 'retry'; readonly atLeastMs: number };

/** A node that goes away needs a moment to be replaced by another. */
export const GOING_AWAY_WAIT_MS_MIN = 1_000;
/** A server that asks to be tried later is short of something that does not come back at once. */
export const TRY_LATER_WAIT_MS_MIN = 5_000;

const AFTER_CLOSE: ReadonlyMap<number, AfterLoss> = new Map<number, AfterLoss>([
  [CLOSE_CODES.goingAway, { kind: 'retry', atLeastMs: GOING_AWAY_WAIT_MS_MIN }],
  [CLOSE_CODES.tryAgainLater, { kind: 'retry', atLeastMs: TRY_LATER_WAIT_MS_MIN }],
  [CLOSE_CODES.replaced, { kind: 'stop', reason: 'replaced' }],
  [CLOSE_CODES.sleep, { kind: 'stop', reason: 'asleep' }],
]);

const RETRY: AfterLoss = { kind: 'retry', atLeastMs: 0 };
const RETRY_LATER: AfterLoss = { kind: 'retry', atLeastMs: TRY_LATER_WAIT_MS_MIN };

/** protocol.md, "Close codes". */
export function afterLoss(loss: Loss): AfterLoss {
  switch (loss.kind) {
    case 'closed':
      return AFTER_CLOSE.get(loss.code) ?? RETRY;
    case 'refused':
      return RETRY_LATER;
    case 'failed':
    case 'silent':
    case 'malformed':
    case 'redirects':
      return RETRY;
    default:
      return unreachable(loss);
  }
}

/** One clause for people. May quote the server: not escaped. */
export function lossInWords(loss: Loss): string {
  switch (loss.kind) {
    case 'closed':
      return `the connection was closed with ${loss.code}${quoted(loss.reason)}`;
    case 'failed':
      return `the connection failed${quoted(loss.reason)}`;
    case 'silent':
      return `nothing came from the server within ${loss.waitedMs / 1000} s`;
    case 'malformed':
      return `the server did not speak SimplePush: ${loss.reason}`;
    case 'refused':
      return `the server answered hello with ${loss.status}${quoted(loss.reason)}`;
    case 'redirects':
      return `the server redirected more than ${loss.hopsMax} times`;
    default:
      return unreachable(loss);
  }
}

function quoted(reason: string): string {
  return reason === '' ? '' : `: ${reason}`;
}
