/** The course of a run in one client process: connect, one phase after the other, and the last check. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Load } from './load.ts';
import type { PhaseResult } from './messages.ts';
import type { Phase, Plan } from './plan.ts';
import { type Due, scriptOf } from './scenarios.ts';

/** How long a phase may go on sending what was due within it. */
const OVERRUN_MS_MAX = 5000;
const LOOK_MS = 10;
/** On top of the longest wait, for what is still on its way. */
const MARGIN_MS = 200;
/** How many times as long the last checks wait when something is still owed. */
const OWED_WAIT_FACTOR = 3;
/** After the last hello: what a server keeps comes with it. */
const LAST_LOOK_MS = 1000;

/** Resolves when every device is there or given up. */
export async function connectAll({ crowd }: Load): Promise<void> {
  for (const device of crowd.devices) crowd.come(device);
  await untilTrue(() => crowd.isSettled);
}

/** PUTs what is due when it is due; resolves when the phase is over and all its PUTs have ended. */
export async function runPhase(
  load: Load,
  { plan, phase, signal }: { readonly plan: Plan; readonly phase: Phase; signal: AbortSignal },
): Promise<PhaseResult> {
  const { crowd, random, share } = load;
  const { devices } = crowd;
  const { dues, acts } = scriptOf({ plan, phase, share, devices, random });
  const startMs = performance.now();
  let actsDone = 0;
  let next = dueOf(dues);
  load.beginPhase();
  load.onTick = (nowMs) => {
    const sinceMs = nowMs - startMs;
    for (let act = acts[actsDone]; act !== undefined && act.atMs <= sinceMs; act = acts[actsDone]) {
      load.act(act);
      actsDone++;
    }
    for (; next !== undefined && next.atMs <= sinceMs; next = dueOf(dues)) {
      if (!load.hasRoom) {
        load.noteBacklog(sinceMs - next.atMs);
        return;
      }
      load.put(next, startMs + next.atMs);
    }
  };
  const isOver = () => {
    const sinceMs = performance.now() - startMs;
    const isDone = next === undefined && actsDone === acts.length && sinceMs >= phase.durationMs;
    return isDone || signal.aborted || sinceMs >= phase.durationMs + OVERRUN_MS_MAX;
  };
  await untilTrue(isOver);
  load.onTick = () => undefined;
  // What was not due yet when the phase was cut short is nobody's fault.
  for (; next !== undefined && !signal.aborted; next = dueOf(dues)) {
    load.skip(startMs + next.atMs);
  }
  await untilTrue(() => load.inFlight === 0);
  return load.phaseResult(phase, (performance.now() - startMs) / 1000);
}

/**
 * Everybody comes back and takes what is owed; then all say hello once more, which must bring what was stuck and nothing that was
 * acknowledged.
 */
export async function lastCheck(load: Load, plan: Plan): Promise<void> {
  const { crowd } = load;
  for (const device of crowd.devices) device.resume();
  await connectAll(load);
  const quietMs = Math.max(plan.graceMs, plan.ackRaceMs) + MARGIN_MS;
  await untilQuiet(load, quietMs);
  for (const device of crowd.devices) crowd.leave(device, 'close');
  await connectAll(load);
  await untilQuiet(load, LAST_LOOK_MS);
}

/** Until nothing came for `quietMs`; when something is owed, somewhat longer. */
async function untilQuiet(load: Load, quietMs: number): Promise<void> {
  const startMs = performance.now();
  await untilTrue(() => {
    const nowMs = performance.now();
    const sinceMs = nowMs - startMs;
    if (sinceMs < quietMs) return false;
    if (sinceMs > quietMs * OWED_WAIT_FACTOR) return true;
    return nowMs - load.lastArrivalMs >= quietMs && load.crowd.owed === 0;
  });
}

/** All that is waited for here ends in bounded time: connecting, answers and quiet have their longest waits. */
async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(LOOK_MS);
}

function dueOf(dues: Generator<Due, void>): Due | undefined {
  return dues.next().value ?? undefined;
}
