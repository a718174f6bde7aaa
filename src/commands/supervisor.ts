/** Runs each role in a process of its own: starts them, starts them again when they die, and stops them one after the other. */
import type { RoleVoice } from '../admin/roles.ts';
import type { Counter } from '../metrics.ts';
import type { RoleName } from './role.ts';
import { type FirstFailure, Life, type LifeDeps } from './supervisor-role.ts';

export interface SupervisorDeps extends LifeDeps {
  /** In the order in which they are stopped. */
  readonly roles: readonly RoleName[];
  /** Roles that begin when another one is up, because they are told where it is. */
  readonly startsAfter: Readonly<Partial<Record<RoleName, RoleName>>>;
}

export type StartOutcome =
  /** All roles were up. `urls` are those of all of them. */
  | { readonly kind: 'up'; readonly urls: Readonly<Record<string, string>> }
  /** A role ended before it was ready; all others have been stopped. */
  | ({ readonly kind: 'failed' } & FirstFailure);

export interface Supervisor {
  /** Starts all roles at once. Call it once. */
  start(): Promise<StartOutcome>;
  /** Stops the roles one after the other. Resolves to whether each ended in order. */
  stop(): Promise<boolean>;
  /** Ends all processes at once. */
  kill(): void;
  /** Where the role is, while it is up or was. */
  urlsOf(role: RoleName): Readonly<Record<string, string>>;
  readonly voices: readonly RoleVoice[];
  /** How often each role was started again. */
  readonly restarts: Readonly<Record<string, Counter>>;
}

/** Makes the supervisor; starts nothing. */
export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const lives = deps.roles.map((role) => new Life(role, deps));
  let isStopping = false;
  const begin = (life: Life, begun: Map<RoleName, Promise<FirstFailure | undefined>>) => {
    const source = deps.startsAfter[life.name];
    const before = source === undefined ? undefined : begun.get(source);
    const outcome =
      before === undefined
        ? life.begin()
        : before.then((failed) => failed ?? (isStopping ? undefined : life.begin()));
    begun.set(life.name, outcome);
    return outcome;
  };
  const stop = async () => {
    isStopping = true;
    let isOrderly = true;
    for (const life of lives) {
      const exit = await life.stop();
      if (exit !== undefined && exit.code !== 0) isOrderly = false;
    }
    return isOrderly;
  };
  return {
    async start() {
      const begun = new Map<RoleName, Promise<FirstFailure | undefined>>();
      // The sources first: they are what the others wait for.
      const isSource = ({ name }: Life) => deps.startsAfter[name] === undefined;
      const ordered = [...lives.filter(isSource), ...lives.filter((life) => !isSource(life))];
      const failed = await firstFailure(ordered.map((life) => begin(life, begun)));
      if (failed !== undefined) {
        await stop();
        return { kind: 'failed', ...failed };
      }
      return { kind: 'up', urls: Object.assign({}, ...ordered.map((life) => life.urls)) };
    },
    stop,
    kill() {
      for (const life of lives) life.kill();
    },
    urlsOf: (role) => lives.find(({ name }) => name === role)?.urls ?? {},
    voices: lives,
    restarts: Object.fromEntries(lives.map((life) => [life.name, life.restarts])),
  };
}

/** As soon as one has failed, or undefined when all came up. */
function firstFailure(
  outcomes: readonly Promise<FirstFailure | undefined>[],
): Promise<FirstFailure | undefined> {
  return new Promise((resolve) => {
    for (const outcome of outcomes) void outcome.then((failed) => failed && resolve(failed));
    void Promise.all(outcomes).then(() => resolve(undefined));
  });
}
