/** What the gate answers, as status, headers and JSON (docs/mail.md, "The API"). */
import { unreachable } from '../../assert.ts';
import type { FieldProblem, Refusal } from '../rpc/methods.ts';

/** One answer. */
export interface GateAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; 204 has none. */
  readonly body?: object;
}

const MS_PER_SECOND = 1000;

/** 200 */
export function ok(body: object): GateAnswer {
  return { status: 200, body };
}

/** 400: every field that is not as it must be. */
export function badRequest(fields: readonly FieldProblem[]): GateAnswer {
  return { status: 400, body: { error: 'fields are not as they must be', fields } };
}

export const UNAUTHORIZED: GateAnswer = {
  status: 401,
  headers: { 'WWW-Authenticate': 'Bearer' },
  body: { error: 'the token of the watch is needed, in the header Authorization: Bearer …' },
};
export const NOT_FOUND: GateAnswer = { status: 404, body: { error: 'there is nothing here' } };
const NO_WATCH: GateAnswer = { status: 404, body: { error: 'there is no such watch' } };
export const TOO_LARGE: GateAnswer = { status: 413, body: { error: 'the body is too large' } };
export const NOT_JSON: GateAnswer = {
  status: 415,
  body: { error: 'the body must be JSON, with Content-Type: application/json' },
};

/** 405 (RFC 9110, section 15.5.6) */
export function methodNotAllowed(allow: string): GateAnswer {
  return { status: 405, headers: { Allow: allow }, body: { error: `use ${allow}` } };
}

/** 429 and how long to wait. */
export function tooMany(retryAfterMs: number): GateAnswer {
  return { status: 429, headers: retryAfter(retryAfterMs), body: { error: 'too many requests' } };
}

/** 503 and how long to wait. */
export function unavailable(retryAfterMs: number): GateAnswer {
  const body = { error: 'the mail watch is away; try again later' };
  return { status: 503, headers: retryAfter(retryAfterMs), body };
}

/** What the backend has refused. */
export function refusal(refused: Refusal): GateAnswer {
  switch (refused.kind) {
    case 'unknown':
      return NO_WATCH;
    case 'unauthorized':
      return UNAUTHORIZED;
    case 'invalid':
      return badRequest(refused.fields);
    case 'throttled':
      return tooMany(refused.retryAfterMs);
    case 'unavailable':
      return unavailable(refused.retryAfterMs);
    default:
      return unreachable(refused);
  }
}

/** Whole seconds (RFC 9110, section 10.2.3), at least one. */
function retryAfter(waitMs: number): Readonly<Record<string, string>> {
  return { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / MS_PER_SECOND))) };
}
