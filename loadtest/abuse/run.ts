/** Runs groups of cases against a server, and looks after each group whether others are still served. */

import { unreachable } from '../../src/assert.ts';
import { UnreachableError, WireError } from '../wire/errors.ts';
import { Load, type LoadBounds, LoadSpentError } from '../wire/load.ts';
import type { Target } from '../wire/target.ts';
import {
  acceptableOf,
  type Case,
  FAILURE,
  type Group,
  isAcceptable,
  mayBeSilent,
  type SceneContext,
  type Seen,
} from './case.ts';
import { GoodPair, type Served } from './good-pair.ts';
import { performRequest } from './perform-request.ts';
import { performTalk } from './perform-talk.ts';

export interface AbusePlan {
  readonly target: Target;
  readonly groups: readonly Group[];
  readonly isStrict: boolean;
  readonly bounds: LoadBounds;
  /** From a PUT of those who behave to its notification, in milliseconds. */
  readonly boundMs: number;
  /** How long nothing must come until it counts as silence, in milliseconds. */
  readonly quietMs: number;
}

export interface CaseOutcome extends Seen {
  readonly group: string;
  readonly name: string;
  readonly verdict: 'passed' | 'failed';
  readonly acceptable: readonly string[];
  readonly why: string;
  readonly tookMs: number;
}

export interface GroupOutcome {
  readonly name: string;
  readonly cases: readonly CaseOutcome[];
  /** Whether those who behave were served afterwards. */
  readonly served: Served;
  readonly tookMs: number;
}

export interface AbuseOutcome {
  readonly groups: readonly GroupOutcome[];
  /** Why the run ended before its last group; '' when it did not. */
  readonly stopped: string;
  readonly used: Load['used'];
}

export interface AbuseListener {
  onCase(outcome: CaseOutcome): void;
  onGroup(outcome: GroupOutcome): void;
}

/** Cases at once; each has at most SOCKETS_PER_CASE open. */
const CASES_AT_ONCE_MAX = 16;
const SOCKETS_PER_CASE = 4;
/** The good pair's own. */
const SOCKETS_KEPT = 4;
/** With fewer, not even one case could be made beside the good pair. */
export const SOCKETS_MIN = SOCKETS_KEPT + SOCKETS_PER_CASE;

/** Never rejects for what a server does. */
export async function runAbuse(plan: AbusePlan, listener: AbuseListener): Promise<AbuseOutcome> {
  const { target, bounds, boundMs, quietMs } = plan;
  const load = new Load(bounds);
  const good = new GoodPair(target, load, boundMs);
  const context: SceneContext = { target, load, good, quietMs };
  const groups: GroupOutcome[] = [];
  let stopped = '';
  try {
    for (const group of plan.groups) {
      const outcome = await runGroup(group, plan, context, listener);
      groups.push(outcome);
      listener.onGroup(outcome);
      const { served } = outcome;
      if (served.kind === 'failed' && served.isGone) {
        stopped = `the server is gone after the group ${group.name}: ${served.why}`;
        break;
      }
    }
  } catch (error) {
    if (!(error instanceof LoadSpentError)) throw error;
    stopped = error.message;
  }
  good.leave();
  return { groups, stopped, used: load.used };
}

async function runGroup(
  group: Group,
  plan: AbusePlan,
  context: SceneContext,
  listener: AbuseListener,
): Promise<GroupOutcome> {
  const begunMs = performance.now();
  const waiting = [...group.cases];
  const done: CaseOutcome[] = [];
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outcome = await runCase(group.name, next, plan, context);
      done.push(outcome);
      listener.onCase(outcome);
    }
  };
  const workers = group.isAlone ? 1 : casesAtOnce(plan.bounds);
  await Promise.all(Array.from({ length: workers }, work));
  const served = await context.good.check();
  return { name: group.name, cases: done, served, tookMs: performance.now() - begunMs };
}

function casesAtOnce({ socketsMax }: LoadBounds): number {
  return Math.min(CASES_AT_ONCE_MAX, Math.floor((socketsMax - SOCKETS_KEPT) / SOCKETS_PER_CASE));
}

/** @throws LoadSpentError */
async function runCase(
  group: string,
  tried: Case,
  plan: AbusePlan,
  context: SceneContext,
): Promise<CaseOutcome> {
  const begunMs = performance.now();
  const acceptable = acceptableOf(tried, plan);
  const waitMs = mayBeSilent(acceptable) ? plan.quietMs : plan.target.timeoutMs;
  const seen = await perform(tried, context, waitMs);
  const verdict = isAcceptable(seen.came, acceptable) ? 'passed' : 'failed';
  const { name, why } = tried;
  return { group, name, ...seen, verdict, acceptable, why, tookMs: performance.now() - begunMs };
}

/** What cannot be tried at all is told in what came, which no case accepts. */
async function perform(tried: Case, context: SceneContext, waitMs: number): Promise<Seen> {
  try {
    switch (tried.kind) {
      case 'talk':
        return await performTalk(tried, context, waitMs);
      case 'request':
        return await performRequest(tried, context, waitMs);
      case 'scene':
        return await tried.play(context);
      default:
        return unreachable(tried);
    }
  } catch (error) {
    if (!(error instanceof WireError || error instanceof UnreachableError)) throw error;
    return { sent: 'nothing, or not all', came: `${FAILURE}${error.message}` };
  }
}
