import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import { Http2Client, type Http2Limits } from '../http2-client.ts';
import { signAssertion } from './assertion.ts';
import { toFcmAnswer } from './http-answer.ts';
import type { ServiceAccount } from './service-account.ts';
import { readTokenAnswer, type TokenReading } from './token-answers.ts';

export interface TokenExchangeDeps {
  readonly account: ServiceAccount;
  /** PEM of the only authorities to trust; undefined: those that Node.js comes with. */
  readonly ca: string | undefined;
  /** How long one exchange may take. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Buys access tokens of Google. */
export interface TokenExchange {
  /** Asks for a new token. Settles within the timeout and never rejects. */
  exchange(): Promise<TokenReading>;
  /** Lets go of the connection; an exchange in flight fails. */
  close(): Promise<void>;
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const HEADERS = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };

/** One per account. */
export function createTokenExchange(deps: TokenExchangeDeps): TokenExchange {
  const { account, clock } = deps;
  const { origin, pathname, search } = new URL(account.tokenUrl);
  const client = new Http2Client({
    origin,
    ...(deps.ca === undefined ? {} : { ca: deps.ca }),
    limits: limitsOf(deps.timeoutMs),
    opensNarrow: false,
    effectOf: () => 'none',
    clock,
  });
  const never = new AbortController().signal;

  return {
    async exchange() {
      const assertion = await signAssertion(account, clock.nowMs());
      const body = new URLSearchParams({ grant_type: GRANT_TYPE, assertion }).toString();
      const request = { method: 'POST', path: pathname + search, headers: HEADERS, body } as const;
      const result = await client.request(request, never);
      switch (result.kind) {
        case 'answered':
          return readTokenAnswer(toFcmAnswer(result.answer), clock.nowMs());
        // Asking twice does no harm: the wakes that wait were not sent in either case.
        case 'unsent':
        case 'unanswered':
          return failed(`the token endpoint does not answer: ${result.reason}`);
        default:
          return unreachable(result);
      }
    },
    close: () => client.close(),
  };
}

/** One exchange at a time; a second one may begin while the first is on its way out. */
function limitsOf(timeoutMs: number): Http2Limits {
  return { inFlightMax: 2, waitingMax: 2, requestTimeoutMs: timeoutMs, pingIntervalMs: timeoutMs };
}

function failed(reason: string): TokenReading {
  return { kind: 'failed', failure: { kind: 'later', scope: 'provider', reason } };
}
