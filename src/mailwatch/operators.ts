/** What operators may do with the watches: look at them, pause all of them, begin some anew, and have devices call home. */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { newRequestId } from '../protocol/ids.ts';
import type { AccountId, MailProtocol, WatchState } from './account.ts';
import type { KeptAccounts } from './kept-accounts.ts';
import type { Notifier, NotifyOutcome } from './notifier.ts';
import type { Pool } from './pool.ts';
import { inRamp, type Ramp } from './ramp.ts';
import type { MasterKeys } from './vault/master-keys.ts';
import { nextVersion } from './watcher/news.ts';
import type { RunningWatch, Watches } from './watches.ts';

/** Some of the watches; all of them, when neither is given. */
export interface Which {
  /** The mail server's name. */
  readonly host?: string;
  readonly account?: AccountId;
}

export interface AccountsQuery extends Which {
  readonly state?: WatchState['kind'];
  /** Those behind this one, in the order of ids. */
  readonly after?: string;
  /** At most so many. */
  readonly limit: number;
}

/** What an operator sees of an account: neither whose it is nor what is in it. */
export interface AccountReport {
  readonly account: AccountId;
  readonly protocol: MailProtocol;
  readonly host: string;
  readonly port: number;
  readonly state: WatchState;
  readonly sinceMs: number;
  /** The last word from the device. */
  readonly seenAtMs: number;
  readonly lastNewsAtMs?: number;
}

export interface AccountsPage {
  readonly accounts: readonly AccountReport[];
  /** There when there are more: to be given as `after`. */
  readonly next?: AccountId;
}

export interface OperatorsReport {
  readonly paused: boolean;
  /** How many watches are in each state. */
  readonly watches: Readonly<Record<string, number>>;
  readonly connections: { readonly open: number; readonly waiting: number };
}

export interface OperatorsDeps {
  readonly watches: Watches;
  readonly kept: Pick<KeptAccounts, 'isPaused' | 'setPaused' | 'reseal' | 'rotate'>;
  /** The master keys as their file has them now. @throws VaultKeyError */
  readonly loadKeys: () => Promise<MasterKeys>;
  readonly pool: Pick<Pool, 'pause' | 'resume' | 'size' | 'waiting'>;
  readonly notifier: Pick<Notifier, 'notify'>;
  readonly ramp: Omit<Ramp, 'signal'>;
  readonly clock: Clock;
  readonly log: Log;
}

const MS_PER_SECOND = 1000;

/** One per backend. What is spread over the ramp goes on after the call; another call of its kind ends it. */
export class Operators {
  readonly #deps: OperatorsDeps;
  #isPaused = false;
  #rearming = new AbortController();
  #alerting = new AbortController();

  constructor(deps: OperatorsDeps) {
    this.#deps = deps;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Takes up what was paused before a restart, and what another master key has sealed. Call it when the lease was taken, before watches
   * begin. @throws AccountsUnavailableError, VaultUnavailableError, VaultKeyError
   */
  async takeUp(): Promise<void> {
    const { kept, log } = this.#deps;
    this.#setPool(kept.isPaused);
    if (this.#isPaused) log.warn({}, 'mail.watches.paused');
    const accounts = await kept.reseal();
    if (accounts > 0) log.info({ accounts }, 'mail.vault.rotated');
  }

  /**
   * Reads the master keys anew, and seals with the first of them what another one has sealed; watches go on meanwhile. Resolves to how many
   * accounts that were. @throws VaultKeyError when they do not open everything: then nothing has changed; AccountsUnavailableError,
   * VaultUnavailableError
   */
  async rotate(): Promise<number> {
    const { kept, loadKeys, log } = this.#deps;
    const accounts = await kept.rotate(await loadKeys());
    log.info({ accounts }, 'mail.vault.rotated');
    return accounts;
  }

  report(): OperatorsReport {
    const { watches, pool } = this.#deps;
    return {
      paused: this.#isPaused,
      watches: Object.fromEntries(watches.counts()),
      connections: { open: pool.size, waiting: pool.waiting },
    };
  }

  /** Takes time with the number of accounts, as nobody else asks for so much at once. */
  accounts({ state, after = '', limit, ...which }: AccountsQuery): AccountsPage {
    const found = this.#chosen(which)
      .filter((watch) => watch.account.id > after)
      .filter((watch) => state === undefined || watch.state.kind === state)
      .sort((one, other) => (one.account.id < other.account.id ? -1 : 1));
    const accounts = found.slice(0, limit).map(reportOf);
    const next = found.length > limit ? accounts.at(-1)?.account : undefined;
    return { accounts, ...(next === undefined ? {} : { next }) };
  }

  /**
   * No mail server is spoken to any more, also after restarts, until `resume`. Kept first: a crash in between pauses, where the other
   * order would go on behind the operator's back. @throws AccountsUnavailableError
   */
  async pause(): Promise<void> {
    const { kept, watches, log } = this.#deps;
    await kept.setPaused(true);
    this.#setPool(true);
    for (const watch of watches.all()) watch.letGo();
    log.warn({}, 'mail.watches.paused');
  }

  /** The pool lets them connect again, as many a second as it may. @throws AccountsUnavailableError */
  async resume(): Promise<void> {
    const { kept, log } = this.#deps;
    await kept.setPaused(false);
    this.#setPool(false);
    log.info({}, 'mail.watches.resumed');
  }

  /** Has watches forget their failures and connect anew, over the ramp. Returns how many. */
  rearm(which: Which): number {
    const chosen = this.#chosen(which);
    this.#rearming.abort();
    this.#rearming = new AbortController();
    const ramp = { ...this.#deps.ramp, signal: this.#untilLost(this.#rearming) };
    void inRamp(chosen, (watch) => watch.rearm(), ramp);
    this.#deps.log.info({ accounts: chosen.length }, 'mail.watches.rearmed');
    return chosen.length;
  }

  /** Has devices call home, over the ramp, one PUT after the other. Returns how many there are. */
  alert(which: Which): number {
    const chosen = this.#chosen(which);
    this.#alerting.abort();
    this.#alerting = new AbortController();
    void this.#alertInTurn(chosen, this.#untilLost(this.#alerting));
    return chosen.length;
  }

  /** One PUT to the device: to its endpoint for states, or else to that for news. Never rejects. */
  async alertOne(watch: Pick<RunningWatch, 'account' | 'report'>): Promise<Alerted> {
    const { notifier, clock } = this.#deps;
    const { account } = watch;
    const nowMs = clock.nowMs();
    if (account.stateEndpoint !== undefined && account.stateEndpoint !== account.endpoint) {
      const version = nextVersion(undefined, nowMs);
      return (await notifier.notify(account.stateEndpoint, version, newRequestId())).kind;
    }
    // The version of the second before, which nobody keeps: news that come now have a greater one, and are not taken for this.
    const version = nextVersion(undefined, nowMs - MS_PER_SECOND);
    if (version <= (watch.report().lastVersion ?? 0)) return 'just-told';
    return (await notifier.notify(account.endpoint, version, newRequestId())).kind;
  }

  async #alertInTurn(chosen: readonly RunningWatch[], signal: AbortSignal): Promise<void> {
    const counts: Record<Alerted, number> = { accepted: 0, gone: 0, later: 0, 'just-told': 0 };
    const alert = async (watch: RunningWatch) => {
      counts[await this.alertOne(watch)]++;
    };
    await inRamp(chosen, alert, { ...this.#deps.ramp, signal });
    this.#deps.log.info({ ...counts }, 'mail.devices.alerted');
  }

  #chosen({ host, account }: Which): RunningWatch[] {
    return [...this.#deps.watches.all()].filter(
      (watch) =>
        (host === undefined || watch.account.server.host === host) &&
        (account === undefined || watch.account.id === account),
    );
  }

  #setPool(isPaused: boolean): void {
    this.#isPaused = isPaused;
    if (isPaused) this.#deps.pool.pause();
    else this.#deps.pool.resume();
  }

  /** Until it is aborted, or the lease is lost. */
  #untilLost(over: AbortController): AbortSignal {
    return AbortSignal.any([over.signal, this.#deps.watches.lead]);
  }
}

/** What became of one alert. `just-told`: news have woken the device within the last second. */
export type Alerted = NotifyOutcome['kind'] | 'just-told';

function reportOf(watch: RunningWatch): AccountReport {
  const { account } = watch;
  const { state, sinceMs, lastNewsAtMs } = watch.report();
  return {
    account: account.id,
    protocol: account.protocol,
    host: account.server.host,
    port: account.server.port,
    ...{ state, sinceMs, seenAtMs: account.seenAtMs },
    ...(lastNewsAtMs === undefined ? {} : { lastNewsAtMs }),
  };
}
