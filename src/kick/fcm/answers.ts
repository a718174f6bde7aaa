/**
 * What each answer of FCM means. The rows are data; test/kick/fcm/answers.test.ts has one case or more for each.
 *
 * A row must be sure of what it destroys. Only FCM's own word UNREGISTERED, with its own status, deletes a target. One device must not
 * be able to stop all others either: what a device brings about with the token that it gave never halts the provider.
 */
import { unreachable } from '../../assert.ts';
import type { WakeOutcome } from '../provider.ts';
import { type Doubt, MAY_NOT_SEND, WRONG_PROJECT, WRONG_URL } from './advice.ts';
import { type GoogleError, parseGoogleError } from './google-error.ts';
import { parseMembers } from './members.ts';
import { parseRetryAfter } from './retry-after.ts';

/** One answer to `messages:send`. */
export interface FcmAnswer {
  readonly status: number;
  /** As far as it was read; what is longer than the client's bound is as good as none. */
  readonly body: string;
  /** The header as it came. */
  readonly retryAfter: string | undefined;
}

export type FcmMeaning =
  | {
      readonly kind: 'settled';
      readonly outcome: WakeOutcome;
      /** Set where the fault may be the operator's as well as the device's. */
      readonly doubt?: Doubt;
    }
  /** The access token was not taken. Another one may be. */
  | { readonly kind: 'unauthenticated'; readonly reason: string };

type Verdict =
  | 'gone'
  | 'refused'
  | 'unauthenticated'
  /** Too many messages, for the project or for one device. */
  | 'quota'
  | 'device-later'
  | 'provider-later'
  | 'unanswered'
  | { readonly doubt: Doubt }
  | { readonly halted: string };

interface CodeRow {
  /** The status that goes with the code; with another one the status decides. */
  readonly status: number;
  readonly verdict: Verdict;
}

/** Least waits without Retry-After, as Google asks: 10 s after a 5xx, a minute after a 429. */
const UNAVAILABLE_WAIT_MS = 10_000;
const QUOTA_WAIT_MS = 60_000;

/** By FcmError.errorCode. */
const BY_CODE: Readonly<Record<string, CodeRow>> = {
  UNREGISTERED: { status: 404, verdict: 'gone' },
  // A bad token and a bad message of ours look alike.
  INVALID_ARGUMENT: { status: 400, verdict: 'refused' },
  // The token belongs to an app of another project. It can never work with this account; but if the account is the wrong one, every
  // token answers so, and deleting them would lose all devices to a wrong path in the config.
  SENDER_ID_MISMATCH: { status: 403, verdict: { doubt: 'wrong-project' } },
  // The project has no APNs key for this iOS device, or no web push key for this browser. Android devices do not need them.
  THIRD_PARTY_AUTH_ERROR: { status: 401, verdict: { doubt: 'no-third-party-key' } },
  QUOTA_EXCEEDED: { status: 429, verdict: 'quota' },
  // With one message at fault as likely as with all of them.
  INTERNAL: { status: 500, verdict: 'device-later' },
  UNAVAILABLE: { status: 503, verdict: 'provider-later' },
};

/** By HTTP status, when no row above fits. `foreign`: when the body is not Google's. */
const BY_STATUS: Readonly<Record<number, { readonly google: Verdict; readonly foreign: Verdict }>> =
  {
    400: { google: 'refused', foreign: 'provider-later' },
    401: { google: 'unauthenticated', foreign: 'unauthenticated' },
    403: { google: { halted: MAY_NOT_SEND }, foreign: { halted: MAY_NOT_SEND } },
    404: { google: { halted: WRONG_PROJECT }, foreign: { halted: WRONG_PROJECT } },
    408: { google: 'provider-later', foreign: 'provider-later' },
    413: { google: 'refused', foreign: 'refused' },
    429: { google: 'quota', foreign: 'quota' },
    500: { google: 'device-later', foreign: 'provider-later' },
    // Somebody behind the gateway may have taken it.
    504: { google: 'unanswered', foreign: 'unanswered' },
  };

/** What an answer means. `nowMs`: since the epoch, for a Retry-After that is a date. Never throws. */
export function readFcmAnswer(answer: FcmAnswer, nowMs: number): FcmMeaning {
  const { status } = answer;
  if (status === 200 && namesMessage(answer.body)) return settled({ kind: 'woken' });
  const error = parseGoogleError(answer.body);
  const reason = [String(status), ...(error?.words ?? [])].join(' ');
  const verdict = verdictOf(status, error);
  const retryAfterMs = parseRetryAfter(answer.retryAfter, nowMs);
  if (typeof verdict === 'object') {
    return 'doubt' in verdict
      ? { kind: 'settled', outcome: { kind: 'refused', reason }, doubt: verdict.doubt }
      : settled({ kind: 'halted', reason: `FCM answers ${reason}: ${verdict.halted}.` });
  }
  switch (verdict) {
    case 'unauthenticated':
      return { kind: 'unauthenticated', reason };
    case 'gone':
    case 'refused':
    case 'unanswered':
      return settled({ kind: verdict, reason });
    case 'quota':
      return later(scopeOf(error), retryAfterMs ?? QUOTA_WAIT_MS, reason);
    case 'device-later':
      return later('device', retryAfterMs ?? UNAVAILABLE_WAIT_MS, reason);
    case 'provider-later':
      return later('provider', retryAfterMs ?? UNAVAILABLE_WAIT_MS, reason);
    default:
      return unreachable(verdict);
  }
}

function verdictOf(status: number, error: GoogleError | undefined): Verdict {
  const row = error?.fcmCode === undefined ? undefined : BY_CODE[error.fcmCode];
  if (row?.status === status) return row.verdict;
  const verdict = verdictOfStatus(status, error !== undefined);
  // Credentials are refused before FCM looks at a message. What has a code of FCM's own concerns this one.
  const isAboutMessage = error?.fcmCode !== undefined;
  const isAboutAll = typeof verdict === 'object' || verdict === 'unauthenticated';
  return isAboutMessage && isAboutAll ? 'refused' : verdict;
}

function verdictOfStatus(status: number, isGoogles: boolean): Verdict {
  const row = BY_STATUS[status];
  if (row !== undefined) return isGoogles ? row.google : row.foreign;
  // A 2xx that names no message was written by somebody else.
  if (status < 300) return 'unanswered';
  if (status < 400) return { halted: WRONG_URL };
  return isGoogles && status < 500 ? 'refused' : 'provider-later';
}

/** Whether FCM has taken the message: then it answers with the name that it gave it. */
function namesMessage(body: string): boolean {
  return typeof parseMembers(body)?.['name'] === 'string';
}

/** The project's quota is told by google.rpc.ErrorInfo or not at all; a device's own by a QuotaFailure that names it. */
function scopeOf(error: GoogleError | undefined): 'device' | 'provider' {
  const isOfDevice = error?.quotas.some((text) => /\bdevice\b/i.test(text)) ?? false;
  return isOfDevice ? 'device' : 'provider';
}

function later(scope: 'device' | 'provider', retryAfterMs: number, reason: string): FcmMeaning {
  return settled({ kind: 'later', scope, retryAfterMs, reason });
}

function settled(outcome: WakeOutcome): FcmMeaning {
  return { kind: 'settled', outcome };
}
