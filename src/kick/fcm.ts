/**
 * Wakes devices through Firebase Cloud Messaging, HTTP v1, over one HTTP/2 connection. Access tokens are bought in the background
 * (fcm/access-tokens.ts); what an answer means is data (fcm/answers.ts).
 */
import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { type AccessToken, AccessTokens, type TokenGrant } from './fcm/access-tokens.ts';
import { adviceOnRefusals, DOUBT_ADVICE, type Doubt } from './fcm/advice.ts';
import { type FcmMeaning, readFcmAnswer } from './fcm/answers.ts';
import { toFcmAnswer } from './fcm/http-answer.ts';
import { type FcmMessageRules, type FcmTarget, toFcmCheck, toFcmRequest } from './fcm/request.ts';
import type { ServiceAccount } from './fcm/service-account.ts';
import { TimeLimits } from './fcm/time-limits.ts';
import { createTokenExchange } from './fcm/token-exchange.ts';
import { Http2Client, type Http2Limits } from './http2-client.ts';
import type { Http2Result, UnsentCause } from './http2-exchange.ts';
import type { KickProvider, Wake, WakeOutcome } from './provider.ts';

export interface FcmLimits {
  /** Messages without an answer at once. */
  readonly inFlightMax: number;
  /** Wakes that may wait besides, for a stream or for an access token; one more is told `later` at once. */
  readonly waitingMax: number;
  /** How long one wake may take, from the call to its outcome; also how long one exchange for an access token may. */
  readonly requestTimeoutMs: number;
}

export interface FcmProviderDeps extends FcmMessageRules {
  readonly serviceAccount: ServiceAccount;
  /** `https://host[:port][/path]`, what comes before `/v1/projects/…`; absent: Google's own. */
  readonly sendUrl?: string;
  readonly limits: FcmLimits;
  /** PEM of the only authorities to trust, for both URLs; absent: those that Node.js comes with. */
  readonly ca?: string;
  readonly clock: Clock;
  readonly log: Log;
}

export const FCM_URL = 'https://fcm.googleapis.com';

/** How often one wake is sent at most: once more, with another access token, when the first one was not taken. */
const SENDS_MAX = 2;
const FULL: WakeOutcome = {
  kind: 'later',
  scope: 'provider',
  retryAfterMs: 1000,
  reason: 'too many wakes wait',
};
const NO_TOKEN_IN_TIME: WakeOutcome = {
  kind: 'later',
  scope: 'provider',
  reason: 'no access token came in time',
};

/** One per process. No I/O before the first wake or check. */
export function createFcmProvider(deps: FcmProviderDeps): KickProvider<FcmTarget> {
  return new FcmProvider(deps);
}

class FcmProvider implements KickProvider<FcmTarget> {
  readonly name = 'fcm';
  readonly #deps: FcmProviderDeps;
  readonly #path: string;
  readonly #client: Http2Client;
  readonly #tokens: AccessTokens;
  readonly #timeLimits: TimeLimits;
  readonly #closeExchange: () => Promise<void>;
  readonly #doubtsTold = new Set<Doubt>();
  #inHand = 0;
  /** Whether FCM has taken a wake since the start: then the project is the right one. */
  #isProven = false;

  constructor(deps: FcmProviderDeps) {
    const { serviceAccount, clock, log, ca } = deps;
    const { origin, pathname } = new URL(deps.sendUrl ?? FCM_URL);
    const { requestTimeoutMs } = deps.limits;
    const exchange = createTokenExchange({
      account: serviceAccount,
      timeoutMs: requestTimeoutMs,
      ca,
      clock,
    });
    this.#deps = deps;
    this.#path = `${pathname.replace(/\/$/, '')}/v1/projects/${serviceAccount.projectId}/messages:send`;
    this.#client = new Http2Client({
      origin,
      ...(ca === undefined ? {} : { ca }),
      limits: limitsOf(deps.limits),
      opensNarrow: false,
      effectOf: () => 'none',
      clock,
    });
    this.#tokens = new AccessTokens({ exchange: () => exchange.exchange(), clock, log });
    this.#timeLimits = new TimeLimits(clock);
    this.#closeExchange = () => exchange.close();
  }

  async wake(wake: Wake<FcmTarget>, signal: AbortSignal): Promise<WakeOutcome> {
    const { inFlightMax, waitingMax } = this.#deps.limits;
    if (this.#inHand >= inFlightMax + waitingMax) return FULL;
    this.#inHand++;
    try {
      return await this.#deliver(toFcmRequest(wake, this.#deps), signal);
    } finally {
      this.#inHand--;
    }
  }

  async checkCredentials(): Promise<readonly string[]> {
    const outcome = await this.#deliver(toFcmCheck(), new AbortController().signal);
    switch (outcome.kind) {
      // Google has looked at the message itself, so it has let everything else pass.
      case 'refused':
      case 'gone':
      case 'woken':
        return [];
      case 'halted':
        return [outcome.reason];
      case 'later':
      case 'unanswered':
        return [
          `FCM could not be asked whether kick.fcm.service_account_path is right: ${outcome.reason}.`,
        ];
      default:
        return unreachable(outcome);
    }
  }

  async close(): Promise<void> {
    this.#timeLimits.abortAll();
    await Promise.all([this.#client.close(), this.#closeExchange()]);
  }

  async #deliver(body: string, signal: AbortSignal): Promise<WakeOutcome> {
    const endsAtMs = this.#deps.clock.monotonicMs() + this.#deps.limits.requestTimeoutMs;
    const token = this.#tokens.current();
    // Nearly every wake: one step, with no timekeeping but the client's.
    const meaning = token === undefined ? undefined : await this.#send(body, token, signal);
    if (meaning?.kind === 'settled') return meaning.outcome;
    if (token !== undefined) this.#tokens.refuse(token);
    const sendsLeft = token === undefined ? SENDS_MAX : SENDS_MAX - 1;
    return this.#timeLimits.run({ signal, endsAtMs }, (limited) =>
      this.#deliverWithNewToken({ body, sendsLeft, signal: limited }),
    );
  }

  async #deliverWithNewToken({
    body,
    sendsLeft,
    signal,
  }: {
    readonly body: string;
    readonly sendsLeft: number;
    readonly signal: AbortSignal;
  }): Promise<WakeOutcome> {
    const grant = await unlessAborted(this.#tokens.wait(), signal);
    if (grant === undefined) return NO_TOKEN_IN_TIME;
    if (grant.kind === 'failed') return grant.failure;
    const meaning = await this.#send(body, grant.token, signal);
    if (meaning.kind === 'settled') return meaning.outcome;
    this.#tokens.refuse(grant.token);
    if (sendsLeft > 1) {
      return this.#deliverWithNewToken({ body, sendsLeft: sendsLeft - 1, signal });
    }
    return { kind: 'halted', reason: adviceOnRefusals(meaning.reason) };
  }

  async #send(body: string, token: AccessToken, signal: AbortSignal): Promise<FcmMeaning> {
    const headers = {
      authorization: `Bearer ${token.bearer}`,
      'content-type': 'application/json; charset=utf-8',
    };
    const request = { method: 'POST', path: this.#path, headers, body } as const;
    return this.#meaningOf(await this.#client.request(request, signal));
  }

  #meaningOf(result: Http2Result): FcmMeaning {
    switch (result.kind) {
      case 'answered':
        return this.#noted(readFcmAnswer(toFcmAnswer(result.answer), this.#deps.clock.nowMs()));
      case 'unsent':
        return { kind: 'settled', outcome: toLater(result.cause, result.reason) };
      case 'unanswered':
        return { kind: 'settled', outcome: { kind: 'unanswered', reason: result.reason } };
      default:
        return unreachable(result);
    }
  }

  /** Calls the operator, once for each doubt, when it may not be the device's fault. */
  #noted(meaning: FcmMeaning): FcmMeaning {
    if (meaning.kind !== 'settled') return meaning;
    const { outcome, doubt } = meaning;
    if (outcome.kind === 'woken') this.#isProven = true;
    if (doubt === undefined || outcome.kind !== 'refused') return meaning;
    const isSettledDoubt = doubt === 'wrong-project' && this.#isProven;
    if (isSettledDoubt || this.#doubtsTold.has(doubt)) return meaning;
    this.#doubtsTold.add(doubt);
    this.#deps.log.error(
      { reason: outcome.reason, advice: DOUBT_ADVICE[doubt] },
      'kick.fcm.doubtful',
    );
    return meaning;
  }
}

/** Of the connection. How many may wait is counted here, those that wait for an access token included. */
function limitsOf({ inFlightMax, waitingMax, requestTimeoutMs }: FcmLimits): Http2Limits {
  return {
    inFlightMax,
    waitingMax: inFlightMax + waitingMax,
    requestTimeoutMs,
    // A connection that died in silence is found out before a second load of wakes is overdue on it.
    pingIntervalMs: requestTimeoutMs / 2,
  };
}

/** What was surely not sent: whether it is the provider's fault. */
const SCOPE_OF: Readonly<Record<UnsentCause, 'device' | 'provider'>> = {
  aborted: 'device',
  closed: 'device',
  full: 'provider',
  unreachable: 'provider',
  refused: 'provider',
  overdue: 'provider',
};

function toLater(cause: UnsentCause, reason: string): WakeOutcome {
  return cause === 'full' ? FULL : { kind: 'later', scope: SCOPE_OF[cause], reason };
}

/** What the promise resolves to; undefined, at once, when the signal is aborted first. */
function unlessAborted(
  promise: Promise<TokenGrant>,
  signal: AbortSignal,
): Promise<TokenGrant | undefined> {
  return new Promise((resolve, reject) => {
    const onAbort = () => resolve(undefined);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    promise.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}
