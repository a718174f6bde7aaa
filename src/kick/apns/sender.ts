import { randomUUID } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import { Http2Client, type Http2Limits } from '../http2-client.ts';
import type { Http2Result } from '../http2-exchange.ts';
import type { Wake } from '../provider.ts';
import { type ApnsAnswer, apnsEffectOf, decodeApnsAnswer } from './answers.ts';
import type { ApnsApp, ApnsTarget } from './app.ts';
import { ProviderKeyError, ProviderTokens } from './provider-token.ts';
import { toApnsRequest } from './request.ts';

/** What became of one wake-up on its way to Apple. */
export type SendResult =
  | { readonly kind: 'answered'; readonly answer: ApnsAnswer }
  | Exclude<Http2Result, { kind: 'answered' }>
  /** The private key cannot sign: nothing was sent. */
  | { readonly kind: 'keyless'; readonly reason: string };

export interface ApnsSenderDeps {
  /** Whose origin, team and key are those of every app of this sender. */
  readonly app: ApnsApp;
  readonly limits: Http2Limits;
  readonly clock: Clock;
  readonly ca?: string;
}

/** One key of one team at one of Apple's hosts: its tokens and its connection, shared by all apps that have these in common. */
export class ApnsSender {
  readonly #tokens: ProviderTokens;
  readonly #client: Http2Client;
  readonly #clock: Clock;

  constructor({ app, limits, clock, ca }: ApnsSenderDeps) {
    this.#clock = clock;
    this.#tokens = new ProviderTokens({ ...app, clock });
    this.#client = new Http2Client({
      origin: app.origin,
      limits,
      clock,
      opensNarrow: true,
      effectOf: apnsEffectOf,
      ...(ca === undefined ? {} : { ca }),
    });
  }

  /**
   * Settles within the deadline of a request, or of two where Apple calls the provider token expired: then one more is sent with a
   * new token. Never rejects.
   */
  async send(app: ApnsApp, wake: Wake<ApnsTarget>, signal: AbortSignal): Promise<SendResult> {
    const id = randomUUID();
    const sendWith = async (providerToken: string): Promise<SendResult> => {
      const nowMs = this.#clock.nowMs();
      const request = toApnsRequest(app, wake, { id, providerToken, nowMs });
      const result = await this.#client.request(request, signal);
      if (result.kind !== 'answered') return result;
      return { kind: 'answered', answer: decodeApnsAnswer(result.answer) };
    };
    try {
      const providerToken = await this.#tokens.current();
      const result = await sendWith(providerToken);
      if (result.kind !== 'answered' || result.answer.meaning !== 'tokenExpired') return result;
      const replacement = await this.#tokens.replace(providerToken);
      return replacement === undefined ? result : await sendWith(replacement);
    } catch (error) {
      if (error instanceof ProviderKeyError) return { kind: 'keyless', reason: error.message };
      throw error;
    }
  }

  /** Wakes in flight settle as `unanswered`. */
  close(): Promise<void> {
    return this.#client.close();
  }
}
