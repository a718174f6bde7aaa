/** What a stress run is asked to do, and which phases come of it. */
import { unreachable } from '../../src/assert.ts';

/** In the order in which the default mix has them. */
export const SCENARIOS = [
  'idle',
  'steady',
  'burst',
  'storm',
  'fan-out',
  'mail',
  'slow',
  'away',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** One line each, for help, live view and report. */
export const SCENARIO_TEXTS: Readonly<Record<Scenario, string>> = {
  idle: 'a crowd of connected devices and hardly a PUT',
  steady: 'PUTs at the rate, at random times; some devices leave and return',
  burst: 'the PUTs of two seconds due at the same moment, again and again',
  'fan-out': 'one PUT for each device, all due at the same moment',
  mail: 'the whole rate into few channels',
  slow: 'some devices stop reading while large updates are PUT to them',
  away: 'some devices are away while they are PUT to, and come back',
  storm: 'all connections are cut at once and come back at once',
};

/** How the default mix shares the duration. */
const WEIGHTS: Readonly<Record<Scenario, number>> = {
  idle: 3,
  steady: 10,
  burst: 5,
  'fan-out': 5,
  mail: 5,
  slow: 5,
  away: 6,
  storm: 6,
};

export interface Plan {
  /** The WebSocket URL of the server. */
  readonly url: string;
  readonly devices: number;
  readonly channels: number;
  /** PUTs a second, over all processes. */
  readonly rate: number;
  /** Per cent of the devices that leave and return within a minute. */
  readonly churn: number;
  /** Per cent of the devices that are away, or slow, in the scenarios of that name. */
  readonly away: number;
  /** Of all phases together; connecting before and the last check after come on top. */
  readonly durationSecs: number;
  readonly scenarios: readonly Scenario[];
  readonly processes: number;
  readonly seed: number;
  /** PUTs that may wait for their answers at once, over all processes. */
  readonly inFlightMax: number;
  readonly graceMs: number;
  readonly ackRaceMs: number;
  readonly answerWaitMs: number;
  readonly connectWaitMs: number;
  /** Per cent of the sessions that the server may close without cause. */
  readonly closesMax: number;
  /** Per cent of the updates that may come twice. */
  readonly repeatsMax: number;
  readonly allowRemote: boolean;
  /** PUTs go to this origin instead of the one in the endpoints. */
  readonly endpointBase: string | undefined;
  /** Processes of the server whose memory and CPU time are shown, with their descendants. */
  readonly pids: readonly number[];
}

export const DEFAULTS = {
  devices: 2000,
  channels: 4,
  rate: 1000,
  churn: 30,
  away: 20,
  durationSecs: 45,
  inFlightMax: 1024,
  graceMs: 2000,
  ackRaceMs: 2000,
  answerWaitMs: 10_000,
  connectWaitMs: 30_000,
  closesMax: 0,
  repeatsMax: 1,
} as const;

/** Connecting and the last check, in seconds, for the announcement only. */
const START_AND_END_SECS = 10;
/** Bytes of `data` of the PUTs to slow readers. */
export const SLOW_DATA_BYTES = 1000;

export interface Phase {
  readonly scenario: Scenario;
  readonly durationMs: number;
}

export function phasesOf({ scenarios, durationSecs }: Plan): readonly Phase[] {
  const weights = scenarios.reduce((sum, scenario) => sum + WEIGHTS[scenario], 0);
  return scenarios.map((scenario) => ({
    scenario,
    durationMs: (durationSecs * 1000 * WEIGHTS[scenario]) / weights,
  }));
}

/** Between two fan-outs: no more PUTs on the whole than at the rate, but one fan-out in any case. */
export function fanOutIntervalMs({ devices, rate }: Plan, { durationMs }: Phase): number {
  const atRateMs = (devices / rate) * 1000;
  return Math.min(durationMs, Math.max(atRateMs, Math.min(1000, durationMs / 2)));
}

/** Between two bursts: as many PUTs together as are due in that time. */
export function burstIntervalMs({ durationMs }: Phase): number {
  return Math.min(2000, durationMs / 2);
}

/** Channels that take the whole rate in the mail scenario, in each process. */
export const MAIL_CHANNELS = 8;
/** Of the rate, while the devices idle or storm. */
export const IDLE_SHARE = 0.02;
export const STORM_SHARE = 0.25;

/** The PUTs that a phase will have due, about. */
export function putsOf(plan: Plan, phase: Phase): number {
  const { scenario, durationMs } = phase;
  const full = (plan.rate * durationMs) / 1000;
  switch (scenario) {
    case 'idle':
      return full * IDLE_SHARE;
    case 'storm':
      return full * STORM_SHARE;
    case 'fan-out':
      return plan.devices * Math.floor(durationMs / fanOutIntervalMs(plan, phase));
    case 'steady':
    case 'burst':
    case 'mail':
    case 'slow':
    case 'away':
      return full;
    default:
      return unreachable(scenario);
  }
}

/** What the server is going to meet, to be shown before anything is sent. */
export function loadText(plan: Plan): readonly string[] {
  const phases = phasesOf(plan);
  const puts = phases.reduce((sum, phase) => sum + putsOf(plan, phase), 0);
  const count = (number: number) => Math.round(number).toLocaleString('en');
  return [
    `stress of ${shownUrl(plan.url)}, seed ${plan.seed}`,
    `  ${count(plan.devices)} devices with ${plan.channels} channels each, from ${plan.processes} processes`,
    `  ${count(plan.rate)} PUTs a second, about ${count(puts)} altogether, at most ${count(plan.inFlightMax)} unanswered at once`,
    `  ${plan.churn} % of the devices leave and return within a minute; ${plan.away} % are away or slow in those scenarios`,
    `  ${phases.map(({ scenario, durationMs }) => `${scenario} ${(durationMs / 1000).toFixed(0)} s`).join(', ')}`,
    `  about ${count(plan.durationSecs + START_AND_END_SECS)} s in all`,
  ];
}

/** Without what a URL may hold of a secret. */
export function shownUrl(url: string): string {
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname}`;
}
