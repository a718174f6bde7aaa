/** One device's turn: from entries that were leased to what becomes of them. */
import { assert, unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { Log } from '../../log.ts';
import type { KickTarget } from '../../protocol/connect.ts';
import type { DeviceId } from '../../protocol/ids.ts';
import type { Kick, KickQueue, LeasedKick } from '../../queue/queue.ts';
import { type KickView, type Store, StoreUnavailableError } from '../../storage/store.ts';
import type { KickMetrics, RetryCause, SkipReason } from '../kick-metrics.ts';
import type { KickProvider, ProviderName, WakeOutcome } from '../provider.ts';
import { type BackoffBounds, backoffMs } from './backoff.ts';
import { RETRY_AFTER_MAX_MS, type Verdict } from './breaker.ts';
import type { Gate, GatePass } from './gate.ts';
import type { Outage } from './outage.ts';
import type { DeviceKicks, Settlement } from './settlement.ts';

export interface TurnDeps {
  readonly provider: Pick<KickProvider, 'name' | 'wake'>;
  readonly store: Pick<Store, 'readKick' | 'claimWake' | 'releaseWake' | 'dropTarget'>;
  /** The queue of another provider, for devices that have changed to it; undefined when that one is not configured. */
  readonly queueOf: (provider: ProviderName) => Pick<KickQueue, 'enqueue'> | undefined;
  readonly wakeIntervalMs: number;
  readonly backoff: BackoffBounds;
  readonly gate: Gate;
  readonly storeOutage: Outage;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly random: () => number;
  readonly metrics: KickMetrics;
  readonly log: Log;
  /** What the provider said instead of taking a wake-up; without tokens. */
  readonly onError: (reason: string) => void;
  /** Aborted: nothing new is begun. */
  readonly stopping: AbortSignal;
  /** Aborted: what is under way is given up. */
  readonly givingUp: AbortSignal;
}

export interface TurnEnd {
  readonly settlement: Settlement;
  /** Whether the provider was asked, which counts against its rate. */
  readonly wasAsked: boolean;
}

/** How long an entry waits beside another one of whose answer everything depends. */
export const PROBE_WAIT_MS = 1000;

/**
 * Looks at the store, claims the wake, asks the provider.
 * @throws StoreUnavailableError when it cannot be known whether to wake the device; nobody was asked, or the answer stands to be given again
 * @throws QueueUnavailableError when another provider's queue did not take over
 */
export async function takeTurn(kicks: DeviceKicks, deps: TurnDeps): Promise<TurnEnd> {
  const { newest } = kicks;
  const view = await deps.store.readKick(newest.deviceId);
  deps.storeOutage.worked();
  const skip = reasonToSkip(view, newest, deps.clock.nowMs());
  if (skip !== undefined) {
    const { deviceId, channelId, version } = newest;
    const fields = { provider: deps.provider.name, deviceId, channelId, version, reason: skip };
    deps.log.debug(fields, 'kick.wake.skipped');
    return unasked({ kind: 'done', as: skip });
  }
  assert(view.target !== undefined, 'a device without a target is skipped');
  const { target } = view.target;
  if (target.type !== deps.provider.name) return unasked(await move(newest, target.type, deps));
  if (deps.stopping.aborted) return unasked(putBack('stopping', 0));
  const pass = deps.gate.enter(target);
  if (pass === undefined)
    return unasked(putBack('paused', deps.gate.openMs(target) || PROBE_WAIT_MS));
  return claimAndAsk(newest, target, pass, deps);
}

/**
 * A device that said hello after its newest pending update had been stored has been told of all of them. A hello from the future proves
 * nothing: the clock was set back since, and one wake-up too many is better than one too few.
 */
function reasonToSkip(
  { target, hasPending }: KickView,
  { storedAtMs }: Kick,
  nowMs: number,
): SkipReason | undefined {
  if (target === undefined) return 'no_target';
  if (!hasPending) return 'nothing_pending';
  const { connectedAtMs } = target;
  return connectedAtMs > storedAtMs && connectedAtMs <= nowMs ? 'connected' : undefined;
}

async function move(kick: Kick, to: ProviderName, { queueOf }: TurnDeps): Promise<Settlement> {
  const queue = queueOf(to);
  if (queue === undefined) return { kind: 'done', as: 'unconfigured' };
  const { deviceId, channelId, version, storedAtMs } = kick;
  await queue.enqueue({ deviceId, channelId, version, storedAtMs });
  return { kind: 'done', as: 'moved' };
}

async function claimAndAsk(
  kick: LeasedKick,
  target: KickTarget,
  pass: GatePass,
  deps: TurnDeps,
): Promise<TurnEnd> {
  const { deviceId, channelId, version } = kick;
  const claimedAtMs = deps.clock.nowMs();
  let verdict: Verdict = { kind: 'untried' };
  let outcome: WakeOutcome;
  try {
    const claim = await deps.store.claimWake(deviceId, {
      nowMs: claimedAtMs,
      intervalMs: deps.wakeIntervalMs,
    });
    if (claim.kind === 'absent') return unasked({ kind: 'done', as: 'no_target' });
    if (claim.kind === 'early') return unasked(putBack('interval', claim.waitMs));
    // Until it has answered: a provider that throws is as good as one that does not answer.
    verdict = { kind: 'failed', reason: 'the provider failed' };
    outcome = await deps.provider.wake({ target, channelId, version }, deps.givingUp);
    verdict = deps.givingUp.aborted ? { kind: 'untried' } : verdictOf(outcome);
  } finally {
    deps.gate.leave(pass, verdict);
  }
  note(kick, outcome, deps);
  const settlement = await follow(kick, { outcome, target, claimedAtMs }, deps);
  return { settlement, wasAsked: true };
}

function verdictOf(outcome: WakeOutcome): Verdict {
  switch (outcome.kind) {
    case 'woken':
    case 'gone':
    case 'refused':
      return { kind: 'answered' };
    case 'later':
      return outcome.scope === 'device' ? { kind: 'answered' } : { ...outcome, kind: 'asked' };
    case 'halted':
      return outcome;
    case 'unanswered':
      return { kind: 'failed', reason: outcome.reason };
    default:
      return unreachable(outcome);
  }
}

function note(
  { deviceId, channelId, version, storedAtMs }: Kick,
  outcome: WakeOutcome,
  { provider, clock, metrics, log, onError }: TurnDeps,
): void {
  metrics.wakes[outcome.kind].count++;
  if (outcome.kind === 'woken')
    metrics.wakeLatency.observe(Math.max(0, clock.nowMs() - storedAtMs));
  const failure = outcome.kind === 'woken' ? {} : { reason: outcome.reason };
  if (outcome.kind !== 'woken') onError(outcome.reason);
  log.debug(
    { provider: provider.name, deviceId, channelId, version, outcome: outcome.kind, ...failure },
    'kick.wake.answered',
  );
}

interface Tried {
  readonly outcome: WakeOutcome;
  readonly target: KickTarget;
  readonly claimedAtMs: number;
}

/** Does what the outcome asks for. The gate has heard of it already. */
async function follow(
  kick: LeasedKick,
  { outcome, target, claimedAtMs }: Tried,
  deps: TurnDeps,
): Promise<Settlement> {
  const { deviceId } = kick;
  const { store, gate, wakeIntervalMs } = deps;
  switch (outcome.kind) {
    case 'woken':
      return { kind: 'done', as: 'woken' };
    case 'gone': {
      const unlessGivenAfterMs = outcome.sinceMs ?? claimedAtMs;
      if (await store.dropTarget(deviceId, { unlessGivenAfterMs }))
        return { kind: 'done', as: 'gone' };
      // The device gave one anew meanwhile, perhaps before this update was stored: then nobody has told it of the update.
      await releaseWake(deviceId, claimedAtMs, deps);
      return tryAgain(kick, outcome.reason, 0, deps);
    }
    case 'later':
      await releaseWake(deviceId, claimedAtMs, deps);
      if (deps.givingUp.aborted) return putBack('stopping', 0, outcome.reason);
      return outcome.scope === 'device'
        ? tryAgain(kick, outcome.reason, outcome.retryAfterMs ?? 0, deps)
        : putBack('backoff', gate.openMs(target) + jitterMs(deps), outcome.reason);
    case 'refused':
      await releaseWake(deviceId, claimedAtMs, deps);
      return { kind: 'bury', reason: outcome.reason };
    case 'halted':
      await releaseWake(deviceId, claimedAtMs, deps);
      return putBack('paused', gate.openMs(target) + jitterMs(deps), outcome.reason);
    case 'unanswered':
      // The claim stays, since the device may have been woken: before the interval ends nobody could try.
      return deps.givingUp.aborted
        ? putBack('stopping', wakeIntervalMs, outcome.reason)
        : tryAgain(kick, outcome.reason, wakeIntervalMs, deps);
    default:
      return unreachable(outcome);
  }
}

/** A store that fails here costs the device its interval, and no update. */
async function releaseWake(
  deviceId: DeviceId,
  claimedAtMs: number,
  { store, storeOutage, metrics }: TurnDeps,
): Promise<void> {
  try {
    await store.releaseWake(deviceId, { claimedAtMs });
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    metrics.storeErrors.count++;
    storeOutage.failed(error);
  }
}

/** While the provider as a whole is unwell, a failure is not the entry's own and does not count against it. */
function tryAgain(
  { attempts }: LeasedKick,
  reason: string,
  leastMs: number,
  { backoff, random, gate }: TurnDeps,
): Settlement {
  return {
    kind: 'retry',
    cause: 'backoff',
    reason,
    delayMs: Math.max(Math.min(leastMs, RETRY_AFTER_MAX_MS), backoffMs(backoff, attempts, random)),
    isAttempt: gate.provider.state.kind === 'closed',
  };
}

/** Spreads entries that were put back together. */
function jitterMs({ backoff, random }: TurnDeps): number {
  return backoffMs(backoff, 0, random);
}

/** Nobody tried, or whoever did could not have succeeded. */
export function putBack(cause: RetryCause, delayMs: number, reason: string = cause): Settlement {
  return { kind: 'retry', cause, reason, delayMs, isAttempt: false };
}

function unasked(settlement: Settlement): TurnEnd {
  return { settlement, wasAsked: false };
}
