/** Watching over one connection as long as it lives: look, tell, wait for a sign of something new, and look again. */
import { unreachable } from '../../assert.ts';
import type { Clock } from '../../clock.ts';
import type { MailFailure, WatchState } from '../account.ts';
import type { MailMetrics } from '../mail-metrics.ts';
import type { MailConnection, MailResult } from '../mailbox.ts';
import type { Alarms } from './alarms.ts';
import { Hold } from './hold.ts';
import type { Ledger, Telling } from './ledger.ts';
import { lookAt } from './look.ts';
import type { Sign } from './news-trace.ts';
import { idleMsMaxAt } from './providers.ts';

/** Times in milliseconds, from the config. */
export interface VigilRules {
  /** After one version, the next news of the account waits this long: a thousand mails make few versions, and one is not held up. */
  readonly debounceMs: number;
  /** Longest IDLE before it is renewed; below the 29 minutes of RFC 2177. */
  readonly idleMs: number;
  /** How long after the end of an IDLE the server may be silent before it is taken for dead. */
  readonly idleGraceMs: number;
  /** Between two looks where there is no IDLE, and at the folders that IDLE does not cover. */
  readonly pollMs: number;
  /** A connection that lived this long ends a row of failures. A server that drops us just after the login stays slow. */
  readonly stableMs: number;
  /** How long before the credentials' end the connection is replaced. */
  readonly renewAheadMs: number;
}

export interface VigilDeps {
  readonly rules: VigilRules;
  readonly ledger: Ledger;
  /** The mail server's name. */
  readonly host: string;
  readonly enter: (state: WatchState) => void;
  readonly alarms: Pick<Alarms, 'wait'>;
  /** Shared by all watches. */
  readonly metrics: Pick<MailMetrics, 'looks'>;
  readonly clock: Clock;
  /** 0 to 1, 1 excluded. */
  readonly random: () => number;
}

/** How a connection came to its end. */
export type Ending =
  | { readonly kind: 'failed'; readonly failure: MailFailure }
  /** We let go of it: the watch was deferred, stopped, or the credentials are about to end. */
  | { readonly kind: 'left' }
  /** There is nobody to tell of news. */
  | { readonly kind: 'gone' };

export const LEFT: Ending = { kind: 'left' };

/** Between two looks at least: a server that cries at each of them, or ends each IDLE at once, costs us one a second. */
export const LOOK_INTERVAL_MS = 1_000;
/** Polls come this much earlier or later by chance, as a part of the whole: watches that began together do not stay together. */
const POLL_JITTER = 0.1;

/** Resolves when the connection has ended, or soon after `letGo` was aborted; it is closed by then in the second case. Never rejects. */
export async function keepVigil(
  connection: MailConnection,
  letGo: AbortSignal,
  deps: VigilDeps,
): Promise<Ending> {
  const { clock, alarms } = deps;
  const hold = new Hold(connection, letGo);
  const vigil: Vigil = {
    ...{ connection, hold, letGo, renewAtMs: renewalOf(connection, deps) },
    ...{ sign: 'login', signAtMs: clock.monotonicMs() },
  };
  try {
    while (!hold.signal.aborted) {
      const begunMs = clock.monotonicMs();
      const ending = await keepOneRound(vigil, deps);
      if (letGo.aborted) return LEFT;
      if (ending !== undefined) return ending;
      await alarms.wait(begunMs + LOOK_INTERVAL_MS - clock.monotonicMs(), hold.signal);
    }
    return letGo.aborted || hold.failure === undefined ? LEFT : failed(hold.failure);
  } finally {
    hold.dispose();
  }
}

/** One for each connection. It is the sign for the next look itself, so that a watch that waits keeps no object for it. */
interface Vigil extends Sign {
  readonly connection: MailConnection;
  readonly hold: Hold;
  readonly letGo: AbortSignal;
  readonly renewAtMs: number;
  sign: Sign['sign'];
  signAtMs: number;
}

/** Looks once, tells, and waits for the next look to be due. Resolves to the ending, if it is one. */
async function keepOneRound(vigil: Vigil, deps: VigilDeps): Promise<Ending | undefined> {
  const { ledger, metrics, clock, enter } = deps;
  // Before the look, which is the answer to it.
  const { changedAtMs } = vigil.connection;
  if (changedAtMs !== undefined) {
    vigil.sign = 'exists';
    vigil.signAtMs = changedAtMs;
  }
  const seen = await lookAt(ledger.progress.folders, vigil.connection);
  if (!seen.ok) return failed(seen.failure);
  metrics.looks[vigil.sign].count++;
  // The device is awake and looks itself, or wants to know nothing any more.
  if (vigil.letGo.aborted) return LEFT;
  const telling = await ledger.tellNews(seen.value, vigil);
  if (telling.kind === 'gone') return telling;
  // Not before what was seen is kept: who is told that the mailbox is watched may ask where it stands.
  enter({ kind: vigil.connection.canIdle ? 'watching' : 'polling' });
  // Not before the news: an endpoint for states that does not answer holds up nothing else.
  if (!vigil.hold.signal.aborted) await ledger.tellAttention('none');
  const waited = await waitFor(telling, vigil, deps);
  if (!waited.ok) return failed(waited.failure);
  vigil.sign = 'time';
  vigil.signAtMs = clock.monotonicMs();
  return clock.nowMs() >= vigil.renewAtMs ? LEFT : undefined;
}

/** Waits as long as what was told asks for; when nothing was, for the next sign of something new. */
async function waitFor(
  telling: Exclude<Telling, { kind: 'gone' }>,
  vigil: Vigil,
  deps: VigilDeps,
): Promise<MailResult<unknown>> {
  const pause = async (waitMs: number) => {
    await deps.alarms.wait(waitMs, vigil.hold.signal);
    return { ok: true, value: 'elapsed' } as const;
  };
  switch (telling.kind) {
    case 'told':
      return await pause(deps.rules.debounceMs);
    case 'later':
      return await pause(telling.waitMs);
    case 'nothing':
      return await listen(vigil, deps, pause);
    default:
      return unreachable(telling);
  }
}

async function listen(
  { connection, hold, renewAtMs }: Vigil,
  { rules, ledger, host, clock, random }: VigilDeps,
  pause: (waitMs: number) => Promise<MailResult<unknown>>,
): Promise<MailResult<unknown>> {
  const leftMs = Math.max(renewAtMs - clock.nowMs(), 0);
  const pollMs = rules.pollMs * (1 + POLL_JITTER * (2 * random() - 1));
  if (!connection.canIdle) return await pause(Math.min(pollMs, leftMs));
  const isAlone = ledger.progress.folders.length === 1;
  const idleMs = Math.min(
    idleMsMaxAt(host, rules.idleMs),
    isAlone ? Number.POSITIVE_INFINITY : pollMs,
  );
  const bounds = { maxMs: Math.min(idleMs, leftMs), graceMs: rules.idleGraceMs };
  return await connection.idle({ ...bounds, signal: hold.signal });
}

/** When the connection is to be replaced; not before it was stable, lest a token of a minute be a login without end. */
function renewalOf({ expiresAtMs }: MailConnection, { rules, clock }: VigilDeps): number {
  if (expiresAtMs === undefined) return Number.POSITIVE_INFINITY;
  return Math.max(expiresAtMs - rules.renewAheadMs, clock.nowMs() + rules.stableMs);
}

/** The ending of a connection that failed. */
export function failed(failure: MailFailure): Ending {
  return { kind: 'failed', failure };
}
