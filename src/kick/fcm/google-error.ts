import { isMembers, type Members, membersOf, parseMembers } from './members.ts';

/** What an error of a Google API says (google.rpc.Status as JSON), as far as it is acted on. */
export interface GoogleError {
  /** Names the error, from the most exact to the least: FcmError.errorCode, ErrorInfo.reason, status. For logs; empty when there is none. */
  readonly words: readonly string[];
  /** The code of FCM's own extension, when there is one. */
  readonly fcmCode: string | undefined;
  /** What google.rpc.QuotaFailure says of the quotas that were used up: subjects and descriptions. */
  readonly quotas: readonly string[];
}

/** Error words are few and short; what is neither is not repeated in a log. */
const WORD = /^[A-Z][A-Z0-9_]{1,63}$/;
/** Google sends two or three. */
const DETAILS_MAX = 16;
const TYPES = 'type.googleapis.com/';

/**
 * Reads an error's body; undefined when Google's API did not write it. Its `message` is not taken: it is for people, changes, and may
 * quote what was sent.
 */
export function parseGoogleError(body: string): GoogleError | undefined {
  const error = parseMembers(body)?.['error'];
  if (!isMembers(error)) return undefined;
  const listed = error['details'];
  const details = Array.isArray(listed) ? listed.slice(0, DETAILS_MAX).map(membersOf) : [];
  const ofType = (type: string) => details.filter((detail) => detail['@type'] === TYPES + type);
  const fcmCode = firstWord(ofType('google.firebase.fcm.v1.FcmError'), 'errorCode');
  const reason = firstWord(ofType('google.rpc.ErrorInfo'), 'reason');
  const status = firstWord([error], 'status');
  const words = [fcmCode, reason, status].filter((word) => word !== undefined);
  return {
    words: [...new Set(words)],
    fcmCode,
    quotas: ofType('google.rpc.QuotaFailure').flatMap(quotasOf),
  };
}

function firstWord(details: readonly Members[], name: string): string | undefined {
  return details
    .map((detail) => detail[name])
    .find((word): word is string => typeof word === 'string' && WORD.test(word));
}

function quotasOf(failure: Members): readonly string[] {
  const violations = failure['violations'];
  if (!Array.isArray(violations)) return [];
  return violations
    .slice(0, DETAILS_MAX)
    .map(membersOf)
    .flatMap(({ subject, description }) => [subject, description])
    .filter((text) => typeof text === 'string');
}
