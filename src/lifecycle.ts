/**
 * One role's life under the supervisor, without its process: what happens is an event, what is to be done is the answer. Starting,
 * restarting with back-off and stopping are decided here; `commands/supervisor.ts` does it.
 */
import { AssertionError, unreachable } from './assert.ts';

/** Bounds of a role's life, from the config. */
export interface LifeBounds {
  /** How long a role may take from its start to being ready. */
  readonly readyDeadlineMs: number;
  /** The longest wait before the first restart; it doubles with each failure in a row. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** A role that was up for this long has recovered: its next failure counts as the first. */
  readonly stableMs: number;
  /** How long an orderly stop may take. */
  readonly stopDeadlineMs: number;
}

/** How a process ended, in words for operators: `exit code 1`, `SIGKILL`. */
export interface Exit {
  readonly code: number | null;
  readonly how: string;
}

export type RoleState =
  /** Its process runs and is not ready. `failures` counts those in a row before. */
  | { readonly kind: 'starting'; readonly deadlineAtMs: number; readonly failures: number }
  | { readonly kind: 'up'; readonly sinceMs: number; readonly failures: number }
  /** It has ended and is started again at `dueAtMs`. */
  | {
      readonly kind: 'waiting';
      readonly dueAtMs: number;
      readonly failures: number;
      readonly exit: Exit;
    }
  /** It was told to stop. */
  | { readonly kind: 'stopping'; readonly deadlineAtMs: number }
  /** Too late in starting or stopping: it was killed, and its end is not known yet. `failures` is undefined when it shall stay ended. */
  | { readonly kind: 'killed'; readonly failures: number | undefined }
  /** It has ended for good; without `exit` it had no process then. */
  | { readonly kind: 'ended'; readonly exit?: Exit };

export type RoleEvent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'exited'; readonly exit: Exit }
  /** Time has passed. */
  | { readonly kind: 'tick' }
  /** The whole server stops. */
  | { readonly kind: 'stop' };

/** What the event asks for. */
export type RoleAction = 'none' | 'spawn' | 'tell-to-stop' | 'kill';

/** What an event leads to. */
export interface RoleStep {
  readonly state: RoleState;
  readonly action: RoleAction;
}

/** What a step is taken with. */
export interface StepDeps {
  /** Of the monotonic clock. */
  readonly nowMs: number;
  readonly bounds: LifeBounds;
  /** From 0 to below 1, evenly. */
  readonly random: () => number;
}

/** The state of a role whose process is to be started now, for the first time. */
export function firstState({ nowMs, bounds }: StepDeps): RoleState {
  return { kind: 'starting', deadlineAtMs: nowMs + bounds.readyDeadlineMs, failures: 0 };
}

/** What `event` makes of `state`, and what is to be done. */
export function nextStep(state: RoleState, event: RoleEvent, deps: StepDeps): RoleStep {
  switch (event.kind) {
    case 'ready':
      return onReady(state, deps);
    case 'exited':
      return { state: afterExit(state, event.exit, deps), action: 'none' };
    case 'tick':
      return onTick(state, deps);
    case 'stop':
      return onStop(state, deps);
    default:
      return unreachable(event);
  }
}

/** When the state changes by itself, on the monotonic clock; undefined when only events change it. */
export function dueAtMs(state: RoleState): number | undefined {
  switch (state.kind) {
    case 'starting':
    case 'stopping':
      return state.deadlineAtMs;
    case 'waiting':
      return state.dueAtMs;
    case 'up':
    case 'killed':
    case 'ended':
      return undefined;
    default:
      return unreachable(state);
  }
}

/** A role that became ready as it was told to stop, or was killed, has not come up. */
function onReady(state: RoleState, { nowMs }: StepDeps): RoleStep {
  if (state.kind !== 'starting') return { state, action: 'none' };
  return { state: { kind: 'up', sinceMs: nowMs, failures: state.failures }, action: 'none' };
}

function afterExit(state: RoleState, exit: Exit, deps: StepDeps): RoleState {
  switch (state.kind) {
    case 'starting':
      return waiting(state.failures, exit, deps);
    case 'up': {
      const isStable = deps.nowMs - state.sinceMs >= deps.bounds.stableMs;
      return waiting(isStable ? 0 : state.failures, exit, deps);
    }
    case 'killed':
      return state.failures === undefined
        ? { kind: 'ended', exit }
        : waiting(state.failures, exit, deps);
    case 'stopping':
      return { kind: 'ended', exit };
    case 'waiting':
    case 'ended':
      throw new AssertionError(`a role exited that is ${state.kind}`);
    default:
      return unreachable(state);
  }
}

/** `failures` are those in a row before this one. */
function waiting(failures: number, exit: Exit, { nowMs, bounds, random }: StepDeps): RoleState {
  const { backoffMinMs, backoffMaxMs } = bounds;
  const longestMs = Math.min(backoffMaxMs, backoffMinMs * 2 ** Math.min(failures, 30));
  // Half of it is certain, so that a role that cannot start does not burn the processor; half is chance, so that servers that were
  // struck by the same thing do not come back in step.
  const delayMs = longestMs * (0.5 + random() / 2);
  return { kind: 'waiting', dueAtMs: nowMs + delayMs, failures: failures + 1, exit };
}

function onTick(state: RoleState, deps: StepDeps): RoleStep {
  const dueMs = dueAtMs(state);
  if (dueMs === undefined || deps.nowMs < dueMs) return { state, action: 'none' };
  switch (state.kind) {
    case 'starting':
      return { state: { kind: 'killed', failures: state.failures }, action: 'kill' };
    case 'waiting': {
      const deadlineAtMs = deps.nowMs + deps.bounds.readyDeadlineMs;
      return {
        state: { kind: 'starting', deadlineAtMs, failures: state.failures },
        action: 'spawn',
      };
    }
    case 'stopping':
      return { state: { kind: 'killed', failures: undefined }, action: 'kill' };
    case 'up':
    case 'killed':
    case 'ended':
      return { state, action: 'none' };
    default:
      return unreachable(state);
  }
}

function onStop(state: RoleState, { nowMs, bounds }: StepDeps): RoleStep {
  switch (state.kind) {
    case 'starting':
    case 'up':
      return {
        state: { kind: 'stopping', deadlineAtMs: nowMs + bounds.stopDeadlineMs },
        action: 'tell-to-stop',
      };
    case 'waiting':
      return { state: { kind: 'ended' }, action: 'none' };
    case 'killed':
      return { state: { kind: 'killed', failures: undefined }, action: 'none' };
    case 'stopping':
    case 'ended':
      return { state, action: 'none' };
    default:
      return unreachable(state);
  }
}
