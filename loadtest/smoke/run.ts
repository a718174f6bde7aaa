/** Makes the checks in their order, each in bounded time, and says what became of each. */
import { UnreachableError, WireError } from '../wire/errors.ts';
import { Load } from '../wire/load.ts';
import type { Target } from '../wire/target.ts';
import type { Check, Knowledge } from './check.ts';
import { CHECKS } from './checks.ts';

export interface Outcome {
  readonly title: string;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  /** A remark, or why it failed or was passed over. */
  readonly note: string;
  readonly tookMs: number;
}

/** A smoke test is a handful of sockets and no load. */
const BOUNDS = { socketsMax: 6, sendsPerSecondMax: 1000, bytesMax: 1024 * 1024 };
/** A server that lets each check wait to its end is not worth more: at the default timeout this is nine seconds. */
const WAITS_IN_ALL_MAX = 5;
/** Of what is begun when the time is nearly up. */
const LAST_WAIT_MS = 50;

/** Resolves to an outcome for each check; `onOutcome` has each as it comes. Never rejects for what a server does. */
export async function runSmoke(
  target: Target,
  onOutcome: (outcome: Outcome) => void,
): Promise<readonly Outcome[]> {
  const known: Knowledge = {};
  const deadlineMs = performance.now() + WAITS_IN_ALL_MAX * target.timeoutMs;
  const context = { target: until(deadlineMs, target), load: new Load(BOUNDS), known };
  const outcomes: Outcome[] = [];
  let gone = '';
  for (const check of CHECKS) {
    const outcome =
      skipReason(check, context.known, gone, deadlineMs) ?? (await make(check, context));
    if (outcome.isGone) gone = 'the server is gone';
    const { isGone: _, ...told } = outcome;
    outcomes.push(told);
    onOutcome(told);
  }
  context.known.device?.destroy();
  return outcomes;
}

/** The target, with waits that end by the deadline: a server that always answers at the last moment does not stretch the run. */
function until(deadlineMs: number, target: Target): Target {
  return {
    ...target,
    get timeoutMs() {
      const leftMs = Math.ceil(deadlineMs - performance.now());
      return Math.max(LAST_WAIT_MS, Math.min(target.timeoutMs, leftMs));
    },
  };
}

interface Made extends Outcome {
  /** Nobody listens there any more, so there is nothing left to ask. */
  readonly isGone: boolean;
}

function skipReason(
  { title, needs }: Check,
  known: Knowledge,
  gone: string,
  deadlineMs: number,
): Made | undefined {
  // A device that left is no reason: whoever needs one can connect again while the id is known.
  const missing = needs.find((name) => known[name] === undefined);
  const note =
    gone ||
    (performance.now() > deadlineMs ? 'the time is up' : '') ||
    (missing === undefined ? '' : `there is no ${missing}`);
  if (note === '') return undefined;
  return { title, verdict: 'skipped', note, tookMs: 0, isGone: false };
}

async function make(check: Check, context: Parameters<Check['run']>[0]): Promise<Made> {
  const begunMs = performance.now();
  const made = (verdict: Outcome['verdict'], note: string, isGone = false): Made => ({
    title: check.title,
    verdict,
    note,
    tookMs: performance.now() - begunMs,
    isGone,
  });
  try {
    return made('passed', await check.run(context));
  } catch (error) {
    if (error instanceof UnreachableError) return made('failed', error.message, true);
    if (error instanceof WireError) return made('failed', error.message);
    throw error;
  }
}
