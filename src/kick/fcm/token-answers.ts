/** What the answers of a token endpoint mean (RFC 6749, section 5). */
import type { WakeOutcome } from '../provider.ts';
import { BAD_ACCOUNT, BAD_TOKEN_URL, TOKEN_ADVICE } from './advice.ts';
import type { FcmAnswer } from './answers.ts';
import { type Members, parseMembers } from './members.ts';
import { parseRetryAfter } from './retry-after.ts';

/** Why there is no access token, as the outcome of a wake that needed one. */
export type TokenFailure = Extract<WakeOutcome, { kind: 'later' | 'halted' }>;

export type TokenReading =
  | {
      readonly kind: 'given';
      /** A secret. */
      readonly bearer: string;
      readonly lifetimeMs: number;
    }
  | { readonly kind: 'failed'; readonly failure: TokenFailure };

/** Google gives an hour; what is kept longer than that could have been revoked long ago. */
const LIFETIME_SECS_MAX = 3600;
/** Also what may stand in a header. Google's are some 1000 characters. */
const BEARER = /^[\x21-\x7e]{1,4096}$/;
const ERROR_WORD = /^[a-z_]{1,64}$/;
const UNAVAILABLE_WAIT_MS = 10_000;

/** `nowMs`: since the epoch, for a Retry-After that is a date. Never throws, and never quotes what it read but for error words. */
export function readTokenAnswer(answer: FcmAnswer, nowMs: number): TokenReading {
  const { status } = answer;
  const members = parseMembers(answer.body);
  if (status === 200) return readGiven(members);
  const word = errorWord(members);
  if (status === 404 || (status >= 300 && status < 400)) return halted(`${status}`, BAD_TOKEN_URL);
  const isRefusal = status >= 400 && status < 500 && status !== 408 && status !== 429;
  if (isRefusal && word !== undefined) {
    return halted(`${status} ${word}`, TOKEN_ADVICE.get(word) ?? BAD_ACCOUNT);
  }
  const reason = `the token endpoint answers ${status}${word === undefined ? '' : ` ${word}`}`;
  return later(reason, parseRetryAfter(answer.retryAfter, nowMs) ?? UNAVAILABLE_WAIT_MS);
}

function readGiven(members: Members | undefined): TokenReading {
  const bearer = members?.['access_token'];
  const lifetimeSecs = members?.['expires_in'];
  const isUsable =
    typeof bearer === 'string' &&
    BEARER.test(bearer) &&
    typeof lifetimeSecs === 'number' &&
    lifetimeSecs > 0;
  if (!isUsable)
    return later('the token endpoint answers 200 without a token', UNAVAILABLE_WAIT_MS);
  return {
    kind: 'given',
    bearer,
    lifetimeMs: Math.min(lifetimeSecs, LIFETIME_SECS_MAX) * 1000,
  };
}

function errorWord(members: Members | undefined): string | undefined {
  const word = members?.['error'];
  return typeof word === 'string' && ERROR_WORD.test(word) ? word : undefined;
}

function halted(answered: string, advice: string): TokenReading {
  const reason = `The token endpoint answers ${answered}: ${advice}.`;
  return { kind: 'failed', failure: { kind: 'halted', reason } };
}

function later(reason: string, retryAfterMs: number): TokenReading {
  return { kind: 'failed', failure: { kind: 'later', scope: 'provider', retryAfterMs, reason } };
}
