/** Which web pages may call the gate from a browser: the CORS protocol (Fetch Standard, section 3.3). Remembers nothing. */
import type { IncomingMessage } from 'node:http';
import type { GateAnswer } from './answers.ts';

/** What a list of origins says about requests. */
export interface Cors {
  /** Headers of every answer, whatever its status, to a request with this Origin; '' when it has none. */
  readonly headersFor: (origin: string) => Readonly<Record<string, string>>;
  /** The method that a browser asks leave for; undefined when the request is no preflight, or of an origin that is not allowed. */
  readonly methodAskedIn: (
    request: Pick<IncomingMessage, 'method' | 'headers'>,
  ) => string | undefined;
}

/** In the list: every origin, also that of a page which has none to tell. */
const ANY_ORIGIN = '*';

/** Beyond two hours Chromium believes no preflight. */
const PREFLIGHT_MAX_AGE_S = 7200;
const NOTHING = {};

/** Origins are compared as texts with what browsers send: the config has made sure that they are written so. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const allowed = new Set(allowedOrigins);
  const isAnyAllowed = allowed.has(ANY_ORIGIN);
  const isAllowed = (origin: string) => isAnyAllowed || allowed.has(origin);
  return {
    headersFor(origin) {
      if (allowed.size === 0) return NOTHING;
      if (isAnyAllowed) return allowHeaders(ANY_ORIGIN);
      // Also without an origin, or with another: what a cache keeps of one page is no answer for the next.
      const vary = { Vary: 'Origin' };
      return isAllowed(origin) ? { ...allowHeaders(origin), ...vary } : vary;
    },
    methodAskedIn({ method, headers }) {
      const { origin } = headers;
      const isAsked = method === 'OPTIONS' && origin !== undefined && isAllowed(origin);
      return isAsked ? headers['access-control-request-method'] : undefined;
    },
  };
}

/** 204: the page may ask with this method and the headers that the gate reads, and its browser need not ask again for a while. */
export function preflightAnswer(method: string): GateAnswer {
  return {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': method,
      // Authorization by name: no wildcard covers it.
      'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      'Access-Control-Max-Age': String(PREFLIGHT_MAX_AGE_S),
    },
  };
}

/** Never Access-Control-Allow-Credentials: the gate knows tokens, which a page must have itself, and no cookies. */
function allowHeaders(origin: string): Readonly<Record<string, string>> {
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Expose-Headers': 'Retry-After',
  };
}
