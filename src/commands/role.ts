/**
 * A role as its own process and the supervisor see it. Each role is opened by one function in commands/ (`openPushRole`, `openKickRole`,
 * …), the same whether it runs under `start` or by itself.
 */
import type { StatusReport } from '../admin/admin-listener.ts';
import type { HealthReport } from '../admin/health.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import { type ConfigProblem, problemText } from '../config/problem.ts';
import type { KeyName } from '../config/schema.ts';
import type { Log } from '../log.ts';

export type RoleName = 'push' | 'kick' | 'mail-gate' | 'mailwatch';

/** A role that is up. */
export interface RunningRole {
  /** What the ready line tells of it, by name (`ws`, `endpoint`, `mail`); empty for a role that nobody connects to. */
  readonly urls: Readonly<Record<string, string>>;
  /** The ports it listens on, by key of the config: `socket.port`. Started again, it gets those that were free ones of the system's choice. */
  readonly ports?: Readonly<Partial<Record<KeyName, number>>>;
  health(): HealthReport;
  status(): StatusReport | Promise<StatusReport>;
  /** The role's metrics in the library's JSON form, which the supervisor merges with those of the others. */
  metrics(): Promise<readonly object[]>;
  /** Stops in order. Resolves to whether all was done before the deadline. */
  stop(): Promise<boolean>;
}

/** What every role is opened with. It reads only its own sections of the config. */
export interface RoleDeps {
  readonly config: Config;
  readonly log: Log;
  readonly clock: Clock;
}

/** What a role found wrong with the files that its config names: for the operator to mend, like a wrong key. */
export class RefusedConfigError extends Error {
  override readonly name = 'RefusedConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemText).join('\n'));
    this.problems = problems;
  }
}

/**
 * @throws RefusedConfigError; the process ends with the exit code for a bad config
 * @throws Error that says what the operator can do, when an address is taken, a secret cannot be read, …
 */
export type OpenRole = (deps: RoleDeps) => Promise<RunningRole>;
