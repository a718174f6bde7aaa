import { assert, unreachable } from '../assert.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { newChannelId, versionOfTime } from '../protocol/ids.ts';
import { adviceOnKey, adviceOnReason, adviceOnSilence, adviceOnTwins } from './apns/advice.ts';
import { type ApnsAnswer, toWakeOutcome } from './apns/answers.ts';
import type { ApnsApp, ApnsTarget } from './apns/app.ts';
import { ApnsSender, type SendResult } from './apns/sender.ts';
import type { Http2Limits } from './http2-client.ts';
import type { UnsentCause } from './http2-exchange.ts';
import type { KickProvider, Wake, WakeOutcome } from './provider.ts';

export interface ApnsProviderDeps {
  /** At least one. A device that names no topic belongs to the only app, or to the one named `default`. */
  readonly apps: readonly ApnsApp[];
  /** Of each connection: there is one for each host, team and key. */
  readonly limits: Http2Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** PEM of the only authorities to trust, for tests and proxies; absent: those that Node.js comes with. */
  readonly ca?: string;
}

/** An app as one process knows it. */
interface Desk {
  readonly app: ApnsApp;
  readonly sender: ApnsSender;
  /** Whether Apple has taken a wake for it since the start: then its topic and its host are right. */
  isProven: boolean;
  /** Whether the operator was told that a token does not fit; once is enough. */
  hasAlarmed: boolean;
}

const DEFAULT_APP_NAME = 'default';
/** No phone has it. An answer that calls it bad has looked at our credentials first. */
const NOBODYS_TOKEN = '0'.repeat(64);

/**
 * Wakes devices through Apple's push service (HTTP/2, token authentication). Opens no connection before the first wake. One connection for
 * each host, team and key: Apple wants one team on a connection, and one key (UnrelatedKeyIdInToken).
 */
export function createApnsProvider(deps: ApnsProviderDeps): KickProvider<ApnsTarget> {
  const { log } = deps;
  const senders = new Map<string, ApnsSender>();
  const desks = deps.apps.map((app) => openDesk(app, senders, deps));
  assert(desks.length > 0, 'an APNs provider has an app');

  return {
    name: 'apns',
    async wake(wake, signal) {
      const desk = deskFor(desks, wake.target);
      if (desk === undefined) return { kind: 'refused', reason: 'TopicNotConfigured' };
      return outcomeOf(desk, await desk.sender.send(desk.app, wake, signal), log);
    },
    async checkCredentials() {
      const findings = await Promise.all(desks.map((desk) => findingsOn(desk, desks)));
      return findings.flat();
    },
    async close() {
      await Promise.all(Array.from(senders.values(), (sender) => sender.close()));
    },
  };
}

function openDesk(
  app: ApnsApp,
  senders: Map<string, ApnsSender>,
  { limits, clock, ca }: ApnsProviderDeps,
): Desk {
  const shared = JSON.stringify([app.origin, app.teamId, app.keyId, app.privateKeyPem]);
  const trust = ca === undefined ? {} : { ca };
  const sender = senders.get(shared) ?? new ApnsSender({ app, limits, clock, ...trust });
  senders.set(shared, sender);
  return { app, sender, isProven: false, hasAlarmed: false };
}

function deskFor(desks: readonly Desk[], { topic }: ApnsTarget): Desk | undefined {
  if (topic !== undefined) return desks.find(({ app }) => app.topic === topic);
  return desks.length === 1 ? desks[0] : desks.find(({ app }) => app.name === DEFAULT_APP_NAME);
}

function outcomeOf(desk: Desk, result: SendResult, log: Log): WakeOutcome {
  switch (result.kind) {
    case 'answered':
      return outcomeOfAnswer(desk, result.answer, log);
    case 'unsent':
      return { kind: 'later', scope: SCOPE_OF[result.cause], reason: result.reason };
    case 'unanswered':
      return { kind: 'unanswered', reason: result.reason };
    case 'keyless':
      return { kind: 'halted', reason: adviceOnKey(desk.app, result.reason) };
    default:
      return unreachable(result);
  }
}

/** Whom a request that was not sent speaks of: itself, or all. */
const SCOPE_OF: Readonly<Record<UnsentCause, 'device' | 'provider'>> = {
  aborted: 'device',
  closed: 'device',
  full: 'provider',
  unreachable: 'provider',
  refused: 'provider',
  overdue: 'provider',
};

function outcomeOfAnswer(desk: Desk, answer: ApnsAnswer, log: Log): WakeOutcome {
  if (answer.meaning === 'woken') desk.isProven = true;
  if (answer.meaning === 'mismatched' && !desk.isProven && !desk.hasAlarmed) {
    desk.hasAlarmed = true;
    log.error({ app: desk.app.name, reason: answer.reason }, 'kick.apns.tokens_do_not_fit');
  }
  const outcome = toWakeOutcome(answer, desk);
  return outcome.kind === 'halted'
    ? { ...outcome, reason: adviceOnReason(desk.app, answer.reason) }
    : outcome;
}

/** Asks Apple to wake nobody. */
async function findingsOn(desk: Desk, desks: readonly Desk[]): Promise<readonly string[]> {
  const { app, sender } = desk;
  const twin = desks.find((other) => other.app.topic === app.topic);
  if (twin !== undefined && twin !== desk) return [adviceOnTwins(app, twin.app)];
  const target: ApnsTarget = { type: 'apns', token: NOBODYS_TOKEN };
  const wake: Wake<ApnsTarget> = { target, channelId: newChannelId(), version: versionOfTime(0) };
  const result = await sender.send(app, wake, new AbortController().signal);
  switch (result.kind) {
    case 'answered':
      return findingsOnAnswer(app, result.answer);
    case 'unsent':
    case 'unanswered':
      return [adviceOnSilence(app, result.reason)];
    case 'keyless':
      return [adviceOnKey(app, result.reason)];
    default:
      return unreachable(result);
  }
}

function findingsOnAnswer(app: ApnsApp, { meaning, reason }: ApnsAnswer): readonly string[] {
  switch (meaning) {
    case 'woken':
    case 'gone':
    case 'mismatched':
      return [];
    case 'deviceLater':
    case 'providerLater':
    case 'tokenPause':
    case 'refused':
      return [adviceOnSilence(app, reason)];
    case 'tokenExpired':
    case 'halted':
      return [adviceOnReason(app, reason)];
    default:
      return unreachable(meaning);
  }
}
