/** One role below the supervisor: its state, its process while it has one, and what is told of it. */
import type { HealthReport } from '../admin/health.ts';
import type { RoleVoice } from '../admin/roles.ts';
import { unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import {
  dueAtMs,
  type Exit,
  firstState,
  type LifeBounds,
  nextStep,
  type RoleEvent,
  type RoleState,
} from '../lifecycle.ts';
import type { Log } from '../log.ts';
import type { Counter } from '../metrics.ts';
import type { RoleName } from './role.ts';
import type { FromRole } from './supervisor-messages.ts';
import type { RoleProcess, RoleProcessEvents } from './supervisor-process.ts';

/** How exactly deadlines and restarts are met. */
const TICK_MS = 100;

export interface LifeDeps {
  /** `ports` are those that the role's last process had; empty the first time. */
  spawn(
    role: RoleName,
    ports: Readonly<Record<string, number>>,
    events: RoleProcessEvents,
  ): RoleProcess;
  readonly bounds: LifeBounds;
  readonly clock: Clock;
  /** From 0 to below 1, evenly. */
  readonly random: () => number;
  readonly log: Log;
}

/** A role that ended before it was ready for the first time. */
export interface FirstFailure {
  readonly role: RoleName;
  readonly exit: Exit;
}

/** One role, from its first start to its last end. */
export class Life implements RoleVoice {
  readonly name: RoleName;
  readonly restarts: Counter = { count: 0 };
  urls: Readonly<Record<string, string>> = {};
  readonly #deps: LifeDeps;
  #state: RoleState = { kind: 'ended' };
  #process: RoleProcess | undefined;
  #ports: Readonly<Record<string, number>> = {};
  #stopTicking: (() => void) | undefined;
  /** Told once, when the first start has come to its end. */
  #onFirst: ((failed: FirstFailure | undefined) => void) | undefined;
  #onEnded: ((exit: Exit | undefined) => void) | undefined;

  constructor(role: RoleName, deps: LifeDeps) {
    this.name = role;
    this.#deps = deps;
  }

  /** Resolves to undefined when the role is up for the first time. */
  begin(): Promise<FirstFailure | undefined> {
    return new Promise((resolve) => {
      this.#onFirst = resolve;
      this.#enter(firstState(this.#stepDeps()));
      this.#spawn();
    });
  }

  /** Resolves to how the process ended; undefined when there was none. */
  stop(): Promise<Exit | undefined> {
    return new Promise((resolve) => {
      this.#onEnded = resolve;
      this.#on({ kind: 'stop' });
      this.#tellEnd();
    });
  }

  kill(): void {
    this.#process?.kill();
  }

  async health(): Promise<HealthReport> {
    if (this.#state.kind !== 'up') return { ready: false, reasons: [this.#stateText()] };
    const report = await this.#process?.ask('health');
    return report ?? { ready: false, reasons: ['does not answer'] };
  }

  async status() {
    const pid = this.#process?.pid;
    const restarts = this.restarts.count;
    const report =
      this.#state.kind === 'up' || this.#state.kind === 'stopping'
        ? await this.#process?.ask('status')
        : undefined;
    if (report !== undefined) return { pid, restarts, ...report };
    const isUp = this.#state.kind === 'up';
    const reasons = [isUp ? 'does not answer' : this.#stateText()];
    return { pid, restarts, ready: false, reasons };
  }

  async metrics() {
    return this.#state.kind === 'up' || this.#state.kind === 'stopping'
      ? this.#process?.ask('metrics')
      : undefined;
  }

  #stateText(): string {
    const state = this.#state;
    switch (state.kind) {
      case 'starting':
        return 'is starting';
      case 'up':
        return 'is up';
      case 'waiting': {
        const waitMs = Math.max(0, state.dueAtMs - this.#deps.clock.monotonicMs());
        return `has ended (${state.exit.how}) and is started again in ${(waitMs / 1000).toFixed(1)} s`;
      }
      case 'stopping':
        return 'the server is shutting down';
      case 'killed':
        return 'took too long and was killed';
      case 'ended':
        return 'has ended';
      default:
        return unreachable(state);
    }
  }

  #stepDeps() {
    const { clock, bounds, random } = this.#deps;
    return { nowMs: clock.monotonicMs(), bounds, random };
  }

  #on(event: RoleEvent): void {
    const before = this.#state;
    const { state, action } = nextStep(before, event, this.#stepDeps());
    this.#enter(state);
    switch (action) {
      case 'none':
        return;
      case 'spawn':
        this.restarts.count++;
        this.#spawn();
        return;
      case 'tell-to-stop':
        this.#process?.tellToStop();
        return;
      case 'kill':
        this.#deps.log.error({ role: this.name, state: before.kind }, 'role.overdue');
        this.#process?.kill();
        return;
      default:
        unreachable(action);
    }
  }

  /** Time is watched only while the state depends on it. */
  #enter(state: RoleState): void {
    this.#state = state;
    const isTimed = dueAtMs(state) !== undefined;
    if (isTimed && this.#stopTicking === undefined) {
      this.#stopTicking = this.#deps.clock.every(TICK_MS, () => this.#on({ kind: 'tick' }));
    } else if (!isTimed) {
      this.#stopTicking?.();
      this.#stopTicking = undefined;
    }
  }

  #spawn(): void {
    this.#process = this.#deps.spawn(this.name, this.#ports, {
      onReady: (message) => this.#onReady(message),
      onExit: (exit) => this.#onExit(exit),
    });
  }

  #onReady({ urls, ports }: FromRole & { readonly type: 'ready' }): void {
    this.urls = urls;
    this.#ports = ports;
    this.#on({ kind: 'ready' });
    if (this.#state.kind !== 'up') return;
    this.#deps.log.info({ role: this.name, rolePid: this.#process?.pid }, 'role.ready');
    this.#tellFirst(undefined);
  }

  #onExit(exit: Exit): void {
    this.#process = undefined;
    // Of a first start that fails the role itself has told; the server ends with it.
    if (this.#onFirst !== undefined && this.#state.kind !== 'stopping') {
      this.#enter({ kind: 'ended', exit });
      this.#tellFirst({ role: this.name, exit });
      return;
    }
    this.#on({ kind: 'exited', exit });
    if (this.#state.kind === 'waiting') {
      const inMs = Math.round(this.#state.dueAtMs - this.#deps.clock.monotonicMs());
      this.#deps.log.error({ role: this.name, exit: exit.how, inMs }, 'role.ended');
    }
    this.#tellEnd();
  }

  #tellFirst(failed: FirstFailure | undefined): void {
    this.#onFirst?.(failed);
    this.#onFirst = undefined;
  }

  #tellEnd(): void {
    if (this.#state.kind !== 'ended') return;
    this.#onEnded?.(this.#state.exit);
    this.#onEnded = undefined;
  }
}
