/** How one piece of news comes from the mail server to the device: the id by which logs name it, and how long each stage took. */
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { newRequestId } from '../../protocol/ids.ts';
import type { AccountId } from '../account.ts';
import type { MailMetrics } from '../mail-metrics.ts';
import type { NotifyOutcome } from '../notifier.ts';

/** What made a watch look. */
export interface Sign {
  /**
   * `login`: it had just connected. `exists`: the server said that there is mail. `time`: a poll, the renewal of IDLE, or the end of a
   * wait. `answer`: the server's own answer that there is news, with ActiveSync.
   */
  readonly sign: 'login' | 'exists' | 'time' | 'answer';
  /** Monotonic. */
  readonly signAtMs: number;
}

export interface NewsTraceDeps {
  readonly metrics: Pick<MailMetrics, 'news' | 'found' | 'told'>;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
}

/** Made when the look that found the news has been answered; lives until the device was told of it. */
export class NewsTrace {
  /** Goes with every PUT of this news, so that the push side's log has it too. */
  readonly requestId = newRequestId();
  readonly #deps: NewsTraceDeps;
  readonly #sign: Sign['sign'];
  readonly #foundAtMs: number;
  readonly #foundMs: number;
  #tries = 0;

  constructor({ sign, signAtMs }: Sign, deps: NewsTraceDeps) {
    this.#deps = deps;
    this.#sign = sign;
    this.#foundAtMs = deps.clock.monotonicMs();
    this.#foundMs = this.#foundAtMs - signAtMs;
    deps.metrics.news[sign].count++;
    deps.metrics.found.observe(this.#foundMs);
  }

  /** The endpoint has answered one PUT of the news, or has not. */
  onAnswered(put: {
    readonly account: AccountId;
    readonly version: number;
    readonly outcome: NotifyOutcome['kind'];
  }): void {
    const { metrics, clock, log } = this.#deps;
    const toldMs = clock.monotonicMs() - this.#foundAtMs;
    if (put.outcome === 'accepted') metrics.told.observe(toldMs);
    this.#tries++;
    log.debug(
      {
        ...put,
        requestId: this.requestId,
        sign: this.#sign,
        foundMs: Math.round(this.#foundMs),
        toldMs: Math.round(toldMs),
        tries: this.#tries,
      },
      'mail.news.told',
    );
  }
}
