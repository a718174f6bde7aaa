/**
 * What the device of one account has been told, and what is kept of that. The PUT always comes before the baseline: a crash between the
 * two sends one more version, the other order would lose the mail.
 */
import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import { newRequestId } from '../../protocol/ids.ts';
import type { Account, Attention, WatchedFolder, WatchProgress } from '../account.ts';
import type { MailMetrics } from '../mail-metrics.ts';
import type { Notifier } from '../notifier.ts';
import { type FailureRules, putRetryMs } from './failure-policy.ts';
import { newsIn } from './look.ts';
import { nextVersion } from './news.ts';
import { NewsTrace, type Sign } from './news-trace.ts';

export interface LedgerDeps {
  readonly rules: FailureRules;
  readonly notifier: Pick<Notifier, 'notify'>;
  /** Durable when it resolves. Rejects when the accounts store fails. */
  readonly save: (progress: WatchProgress) => Promise<void>;
  /** Shared by all watches. */
  readonly metrics: Pick<MailMetrics, 'news' | 'found' | 'told'>;
  readonly clock: Clock;
  /** 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly log: Log;
}

/** What became of a look at the folders. */
export type Telling =
  /** There is nothing to tell, or nothing more. */
  | { readonly kind: 'nothing' }
  /** The device was told, and what it was told of is kept. */
  | { readonly kind: 'told' }
  /** Something has failed: look again after this long, and compare with what is kept. */
  | { readonly kind: 'later'; readonly waitMs: number }
  /** There is nobody to tell. */
  | { readonly kind: 'gone' };

const NOTHING: Telling = { kind: 'nothing' };
const TOLD: Telling = { kind: 'told' };

export class Ledger {
  readonly #account: Account;
  readonly #deps: LedgerDeps;
  #progress: WatchProgress;
  /** Of the news that the device was not told of yet. */
  #trace: NewsTrace | undefined;
  #failuresInRow = 0;
  /** Of the endpoint for states, apart: a dead one slows no news down. */
  #stateFailuresInRow = 0;
  #stateNotBeforeMs = 0;

  constructor(account: Account, deps: LedgerDeps) {
    this.#account = account;
    this.#deps = deps;
    this.#progress = account.progress;
  }

  /** What is kept. */
  get progress(): WatchProgress {
    return this.#progress;
  }

  /** Tells the device of what `seen` has of news. `sign`: what made the watch look; called as soon as the look is answered. */
  async tellNews(seen: readonly WatchedFolder[], sign: Sign): Promise<Telling> {
    const { notifier, clock } = this.#deps;
    switch (newsIn(this.#progress.folders, seen)) {
      case 'nothing':
        this.#trace = undefined;
        return NOTHING;
      case 'first':
        this.#trace = undefined;
        return (await this.#keep({ ...this.#progress, folders: seen })) ? NOTHING : this.#later();
      case 'news':
    }
    // What is told again is the same news, also where more has come since: one version announces it all.
    this.#trace ??= new NewsTrace(sign, this.#deps);
    const trace = this.#trace;
    const version = nextVersion(this.#progress.lastVersion, clock.nowMs());
    // Kept before it is sent: a process that dies in between leaves a gap, and never has the next one send the same version again.
    if (!(await this.#keep({ ...this.#progress, lastVersion: version }))) return this.#later();
    const outcome = await notifier.notify(this.#account.endpoint, version, trace.requestId);
    trace.onAnswered({ account: this.#account.id, version, outcome: outcome.kind });
    switch (outcome.kind) {
      case 'accepted':
        return await this.#keepNews(seen);
      case 'gone':
        return outcome;
      case 'later':
        return this.#later(outcome.retryAfterMs);
      default:
        return unreachable(outcome);
    }
  }

  /** The device looks itself now, so what is found from here on is other news, with a trace of its own. */
  forgetNews(): void {
    this.#trace = undefined;
  }

  /**
   * Tells the device what its user must act on, unless that is what it was last told: once for each episode, and once when it is over.
   * Resolves to how long to wait before the next try; 0 when there is nothing more to tell.
   */
  async tellAttention(attention: Attention): Promise<number> {
    if (attention === this.#progress.told) return 0;
    const leftMs = this.#stateNotBeforeMs - this.#deps.clock.monotonicMs();
    if (leftMs > 0) return leftMs;
    const { told, retryAfterMs } = await this.#notifyState(attention);
    if (told && (await this.#keep({ ...this.#progress, told: attention }))) {
      this.#stateFailuresInRow = 0;
      return 0;
    }
    this.#stateFailuresInRow++;
    const waitMs = Math.max(retryAfterMs, putRetryMs(this.#stateFailuresInRow, this.#deps));
    this.#stateNotBeforeMs = this.#deps.clock.monotonicMs() + waitMs;
    return waitMs;
  }

  /** Keeps since when the password is refused; undefined when it is not. */
  async noteRefusal(authFailingSinceMs: number | undefined): Promise<void> {
    const { authFailingSinceMs: known, ...progress } = this.#progress;
    if (authFailingSinceMs === known) return;
    await this.#keep(
      authFailingSinceMs === undefined ? progress : { ...progress, authFailingSinceMs },
    );
  }

  async #notifyState(
    attention: Attention,
  ): Promise<{ readonly told: boolean; readonly retryAfterMs: number }> {
    const { notifier, clock, log } = this.#deps;
    const { endpoint, stateEndpoint, id: account } = this.#account;
    if (stateEndpoint === undefined) return { told: true, retryAfterMs: 0 };
    const isShared = stateEndpoint === endpoint;
    // The time alone on an endpoint of its own: what was last told of is in no record, and states change by the hour.
    const version = nextVersion(isShared ? this.#progress.lastVersion : undefined, clock.nowMs());
    // On that of the news it must not be taken for the version of the next ones, so it is kept first, as theirs is.
    if (isShared && !(await this.#keep({ ...this.#progress, lastVersion: version }))) {
      return { told: false, retryAfterMs: 0 };
    }
    const requestId = newRequestId();
    const outcome = await notifier.notify(stateEndpoint, version, requestId);
    log.debug({ account, requestId, attention, version, outcome: outcome.kind }, 'mail.state.told');
    // A state endpoint that is gone is no reason to end the watch: there is nobody who wants to know.
    if (outcome.kind !== 'later') return { told: true, retryAfterMs: 0 };
    return { told: false, retryAfterMs: outcome.retryAfterMs ?? 0 };
  }

  async #keepNews(seen: readonly WatchedFolder[]): Promise<Telling> {
    const lastNewsAtMs = this.#deps.clock.nowMs();
    const news = { ...this.#progress, folders: seen, lastNewsAtMs };
    if (!(await this.#keep(news))) return this.#later();
    this.#failuresInRow = 0;
    this.#trace = undefined;
    return TOLD;
  }

  #later(retryAfterMs = 0) {
    this.#failuresInRow++;
    const waitMs = Math.max(retryAfterMs, putRetryMs(this.#failuresInRow, this.#deps));
    return { kind: 'later', waitMs } as const;
  }

  /** Resolves to whether it was kept. What was not is what is compared next time too, so nothing is lost by going on. */
  async #keep(progress: WatchProgress): Promise<boolean> {
    try {
      await this.#deps.save(progress);
      this.#progress = progress;
      return true;
    } catch (err) {
      this.#deps.log.warn({ account: this.#account.id, err }, 'mail.accounts.unavailable');
      return false;
    }
  }
}
