/** Operators of watches that do nothing, and what they have done. */
import { quietLog } from '../../src/log.ts';
import type { Account, WatchState } from '../../src/mailwatch/account.ts';
import type { NotifyOutcome } from '../../src/mailwatch/notifier.ts';
import { Operators, type OperatorsDeps } from '../../src/mailwatch/operators.ts';
import { accountIdOf } from '../../src/mailwatch/tokens.ts';
import { toMasterKeys } from '../../src/mailwatch/vault/master-keys.ts';
import type { RunningWatch, Watches } from '../../src/mailwatch/watches.ts';
import { HandClock } from '../storage/hand-clock.ts';

export class IdleWatch implements RunningWatch {
  readonly account: Account;
  readonly calls: string[] = [];
  state: WatchState = { kind: 'watching' };
  lastVersion: number | undefined;

  constructor(name: string, host: string, changes: Partial<Account> = {}) {
    const endpoint = `http://push.test/update/${name}`;
    this.account = {
      ...{ id: accountIdOf(endpoint), endpoint, protocol: 'imap', maxPollMs: 1 },
      ...{ server: { host, port: 993, security: 'tls' }, seenAtMs: 5, notBeforeMs: 5 },
      progress: { folders: [{ name: 'canary-folder' }], told: 'none' },
      ...changes,
    };
  }

  report() {
    const { lastVersion } = this;
    const { folders } = this.account.progress;
    return { ...{ state: this.state, sinceMs: 7, folders }, ...(lastVersion && { lastVersion }) };
  }
  start(): void {}
  defer(): void {}
  letGo(): void {
    this.calls.push('letGo');
  }
  rearm(): void {
    this.calls.push('rearm');
  }
  async stop(): Promise<void> {}
}

export class OperatorsRig {
  readonly clock = new HandClock();
  readonly ada = new IdleWatch('ada', 'imap.one');
  readonly bob = new IdleWatch('bob', 'imap.two');
  readonly eve = new IdleWatch('eve', 'imap.two', {
    stateEndpoint: 'http://push.test/update/eve-state',
  });
  readonly lead = new AbortController();
  /** In the order in which things were done. */
  readonly done: string[] = [];
  readonly puts: { readonly endpoint: string; readonly version: number }[] = [];
  outcome: NotifyOutcome = { kind: 'accepted' };
  isPausedOnDisk = false;
  /** What the accounts' file or the vault rejects with. */
  failure: Error | undefined;
  /** Each wait of the ramp; a test that holds it lets it go. */
  wait: (waitMs: number) => Promise<void> = async () => {};
  readonly operators: Operators;

  constructor() {
    this.operators = new Operators(this.#deps());
  }

  get watches(): readonly IdleWatch[] {
    return [this.ada, this.bob, this.eve];
  }

  async settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #deps(): OperatorsDeps {
    const rig = this;
    const watches = {
      all: () => rig.watches,
      counts: () => new Map([['watching', rig.watches.length]]),
      lead: rig.lead.signal,
    };
    const orFail = async <T>(what: string, value: T): Promise<T> => {
      if (rig.failure !== undefined) throw rig.failure;
      rig.done.push(what);
      return value;
    };
    return {
      watches: watches as unknown as Watches,
      kept: {
        get isPaused() {
          return rig.isPausedOnDisk;
        },
        setPaused: async (isPaused) => {
          await orFail(`kept ${isPaused}`, undefined);
          rig.isPausedOnDisk = isPaused;
        },
        reseal: () => orFail('reseal', 0),
        rotate: () => orFail('rotate', 2),
      },
      loadKeys: async () => toMasterKeys([Buffer.alloc(32, 1)]),
      pool: {
        pause: () => this.done.push('pool paused'),
        resume: () => this.done.push('pool resumed'),
        size: 3,
        waiting: 0,
      },
      notifier: {
        notify: async (endpoint, version) => {
          this.puts.push({ endpoint, version });
          return this.outcome;
        },
      },
      ramp: { rampMs: 30, wait: (waitMs) => this.wait(waitMs) },
      clock: this.clock,
      log: quietLog,
    };
  }
}
