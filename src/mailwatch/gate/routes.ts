/** From a request to its answer, without a socket: routes, forms and tokens. What it cannot decide it asks the backend. */
import { BackendUnavailableError, type MailBackend } from '../rpc/methods.ts';
import { checkRequest, MAX_POLL_MS_MAX } from '../rpc/schemas.ts';
import {
  badRequest,
  type GateAnswer,
  methodNotAllowed,
  NOT_FOUND,
  ok,
  refusal,
  UNAUTHORIZED,
  unavailable,
} from './answers.ts';

/** A request whose body has been read. */
export interface GateRequest {
  /** Parsed JSON; undefined for GET. */
  readonly body: unknown;
  /** The Authorization header; empty when there is none. */
  readonly authorization: string;
}

/** What can be asked where. */
export interface Route {
  readonly method: 'GET' | 'POST';
  /** Whether strangers may ask it without limit of their own; all others are counted. */
  readonly isFree: boolean;
  /** Never rejects but by our own bug. */
  readonly answer: (request: GateRequest) => Promise<GateAnswer>;
}

export interface RoutesDeps {
  readonly backend: MailBackend;
  /** Told to a device whose call the backend could not answer. */
  readonly retryAfterMs: number;
}

/** The route of a path, or why there is none. */
export type FindRoute = (method: string, path: string) => Route | GateAnswer;

/** What a registration may leave out. */
const REGISTER_DEFAULTS = {
  protocol: 'imap',
  folders: [{ name: 'INBOX' }],
  waitMs: 0,
  maxPollMs: MAX_POLL_MS_MAX,
};

const BEARER = /^Bearer ([!-~]{1,128})$/i;

export function createRoutes({ backend, retryAfterMs }: RoutesDeps): FindRoute {
  const routes: Readonly<Record<string, Route>> = {
    '/mail/v1/register': post(async ({ body }) => {
      const checked = checkRequest('register', withDefaults(body));
      if (!checked.ok) return badRequest(checked.fields);
      const answer = await backend.register(checked.value);
      return answer.ok ? ok(answer.reply) : refusal(answer.refusal);
    }),
    '/mail/v1/defer': post(async ({ body, authorization }) => {
      const token = tokenIn(authorization);
      if (token === undefined) return UNAUTHORIZED;
      const checked = checkRequest('defer', { ...membersOf(body), token });
      if (!checked.ok) return badRequest(checked.fields);
      const answer = await backend.defer(checked.value);
      return answer.ok ? ok(answer.reply) : refusal(answer.refusal);
    }),
    '/mail/v1/stop': post(async ({ body, authorization }) => {
      const token = tokenIn(authorization);
      if (token === undefined) return UNAUTHORIZED;
      const checked = checkRequest('stop', { ...membersOf(body), token });
      if (!checked.ok) return badRequest(checked.fields);
      const answer = await backend.stop(checked.value);
      return answer.ok ? ok(answer.reply) : refusal(answer.refusal);
    }),
    '/mail/v1/status': get(async ({ authorization }) => {
      const token = tokenIn(authorization);
      if (token === undefined) return UNAUTHORIZED;
      const answer = await backend.status({ token });
      return answer.ok ? ok(answer.reply) : refusal(answer.refusal);
    }),
    '/mail/v1/key': get(async () => {
      const answer = await backend.key({});
      return answer.ok ? ok(answer.reply) : refusal(answer.refusal);
    }),
    '/mail/v1/alive': free(async () => {
      const answer = await backend.alive({});
      // How many watches there are is for operators, not for whoever asks.
      return answer.ok ? ok({ alive: true }) : refusal(answer.refusal);
    }),
  };
  return (method, path) => {
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return NOT_FOUND;
    if (route.method !== method) return methodNotAllowed(route.method);
    return { ...route, answer: (request) => answerWith(route, request, retryAfterMs) };
  };
}

async function answerWith(
  route: Route,
  request: GateRequest,
  retryAfterMs: number,
): Promise<GateAnswer> {
  try {
    return await route.answer(request);
  } catch (error) {
    if (!(error instanceof BackendUnavailableError)) throw error;
    return unavailable(retryAfterMs);
  }
}

function post(answer: Route['answer']): Route {
  return { method: 'POST', isFree: false, answer };
}

function get(answer: Route['answer']): Route {
  return { method: 'GET', isFree: false, answer };
}

function free(answer: Route['answer']): Route {
  return { method: 'GET', isFree: true, answer };
}

/** Only an object has defaults; anything else is refused as what it is. */
function withDefaults(body: unknown): unknown {
  return isMembers(body) ? { ...REGISTER_DEFAULTS, ...body } : body;
}

/** A body that is no object has no members; the check that follows then misses those it needs. */
function membersOf(body: unknown): object {
  return isMembers(body) ? body : {};
}

function isMembers(body: unknown): body is object {
  return typeof body === 'object' && body !== null && !Array.isArray(body);
}

function tokenIn(authorization: string): string | undefined {
  return BEARER.exec(authorization)?.[1];
}
