import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { TokenFailure, TokenReading } from './token-answers.ts';

/** One access token. Compared as an object: two exchanges may give the same text. */
export interface AccessToken {
  /** A secret. */
  readonly bearer: string;
  /** From then on, on the monotonic clock, a new one is fetched while this one is used. */
  readonly renewAtMs: number;
  /** Not used any more from then on. */
  readonly endsAtMs: number;
}

export type TokenGrant =
  | { readonly kind: 'granted'; readonly token: AccessToken }
  | { readonly kind: 'failed'; readonly failure: TokenFailure };

export interface AccessTokensDeps {
  /** Must not reject. */
  readonly exchange: () => Promise<TokenReading>;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long before its end a token is renewed: time for some tries, should the endpoint be away. At most half of its life. */
export const RENEW_AHEAD_MS = 300_000;
/** How long before its end it is not used any more, so that it is still good when the wake arrives. At most a quarter of its life. */
export const END_AHEAD_MS = 10_000;
/** An endpoint that failed is left alone for so long at least, whatever comes. */
export const PAUSE_AFTER_FAILURE_MS = 5_000;

interface Pause {
  readonly untilMs: number;
  readonly failure: TokenFailure;
}

/**
 * The access token of one account: fetched when first needed, kept until shortly before its end, renewed ahead of that while the old
 * one is used. One exchange is out at a time, however many wakes wait for it. An exchange that fails costs nothing while the old
 * token is good.
 */
export class AccessTokens {
  readonly #exchange: () => Promise<TokenReading>;
  readonly #clock: Clock;
  readonly #log: Log;
  #token: AccessToken | undefined;
  #underWay: Promise<TokenGrant> | undefined;
  #pause: Pause | undefined;

  constructor({ exchange, clock, log }: AccessTokensDeps) {
    this.#exchange = exchange;
    this.#clock = clock;
    this.#log = log;
  }

  /** The token to use now; undefined when it must be waited for. Begins to renew it when it is time. */
  current(): AccessToken | undefined {
    const nowMs = this.#clock.monotonicMs();
    const token = this.#token;
    if (token === undefined || nowMs >= token.endsAtMs) return undefined;
    if (nowMs >= token.renewAtMs && this.#pauseAt(nowMs) === undefined) void this.#renew();
    return token;
  }

  /** The token to use now, waited for when there is none. Never rejects. */
  wait(): Promise<TokenGrant> {
    const token = this.current();
    if (token !== undefined) return Promise.resolve({ kind: 'granted', token });
    const nowMs = this.#clock.monotonicMs();
    const pause = this.#pauseAt(nowMs);
    if (pause === undefined) return this.#renew();
    return Promise.resolve({ kind: 'failed', failure: leftOf(pause, nowMs) });
  }

  /** The token was not taken: it is not used again. Another one that came meanwhile stays. */
  refuse(token: AccessToken): void {
    if (this.#token === token) this.#token = undefined;
  }

  #pauseAt(nowMs: number): Pause | undefined {
    return this.#pause !== undefined && nowMs < this.#pause.untilMs ? this.#pause : undefined;
  }

  /** Never rejects. */
  #renew(): Promise<TokenGrant> {
    this.#underWay ??= this.#fetch().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #fetch(): Promise<TokenGrant> {
    // A token lives from when it was asked for: the answer may have been long on its way.
    const askedAtMs = this.#clock.monotonicMs();
    const reading = await this.#exchange();
    if (reading.kind === 'failed') return this.#onFailed(reading.failure);
    const { bearer, lifetimeMs } = reading;
    const endsAtMs = askedAtMs + lifetimeMs;
    const token: AccessToken = {
      bearer,
      renewAtMs: endsAtMs - Math.min(RENEW_AHEAD_MS, lifetimeMs / 2),
      endsAtMs: endsAtMs - Math.min(END_AHEAD_MS, lifetimeMs / 4),
    };
    this.#token = token;
    this.#pause = undefined;
    this.#log.debug({ lifetimeMs }, 'kick.fcm.access.renewed');
    return { kind: 'granted', token };
  }

  #onFailed(failure: TokenFailure): TokenGrant {
    const nowMs = this.#clock.monotonicMs();
    const askedForMs = failure.kind === 'later' ? (failure.retryAfterMs ?? 0) : 0;
    this.#pause = { untilMs: nowMs + Math.max(PAUSE_AFTER_FAILURE_MS, askedForMs), failure };
    const isStillGood = this.#token !== undefined && nowMs < this.#token.endsAtMs;
    this.#log.warn({ isStillGood, reason: failure.reason }, 'kick.fcm.access.failed');
    return { kind: 'failed', failure };
  }
}

/** The failure, as it is told to a wake that comes later. */
function leftOf({ failure, untilMs }: Pause, nowMs: number): TokenFailure {
  return failure.kind === 'later' ? { ...failure, retryAfterMs: untilMs - nowMs } : failure;
}
