/** One contender under one load: what a run is, when it counts as disturbed, and that it is then done again. */

import { setTimeout as sleep } from 'node:timers/promises';
import { unreachable } from '../src/assert.ts';
import { type ContenderName, startContender } from './contenders.ts';
import { type LoadResult, runLoadClient } from './load-client.ts';
import type { Cores } from './processes.ts';

/** In the order in which they are measured. The rates of `half` and `most` are shares of what `closed` showed. */
export const LOAD_NAMES = [
  'closed',
  'half',
  'most',
  'crowd',
  'third',
  'two-thirds',
  'idle',
  'storm',
] as const;
export type Load = (typeof LOAD_NAMES)[number];

/** One word each, as --only takes them, and what stands behind it. */
export const LOADS: Readonly<Record<Load, string>> = {
  closed: 'as many rounds as the server does, with few devices',
  half: 'PUTs at half of that rate',
  most: 'PUTs at 80 % of that rate',
  crowd: 'as closed, with many devices',
  third: 'idle devices, a third of the many',
  'two-thirds': 'idle devices, two thirds of the many',
  idle: 'idle devices, all of the many',
  storm: 'the many come back at once, an update pending for each, and others are PUT to',
};

const STORES: readonly ContenderName[] = ['memory', 'embedded', 'memcached'];
/** Who has a load: everybody where nobody is named. Nothing is pending where nothing is stored, and the floors do not. */
const WHO: Readonly<Partial<Record<Load, readonly ContenderName[]>>> = {
  crowd: ['floor', 'mixed-floor', ...STORES],
  third: ['embedded'],
  'two-thirds': ['embedded'],
  storm: STORES,
};

/** Of what the closed loop showed. */
const RATE_SHARES: Readonly<Partial<Record<Load, number>>> = { half: 0.5, most: 0.8 };
/** Devices that are PUT to while the many come back, and how often a second together: enough for a percentile, too few to be the load. */
const STORM = { others: 100, rate: 500 };

/** Whether `contender` has `load`. */
export function hasLoad(contender: ContenderName, load: Load): boolean {
  return WHO[load]?.includes(contender) ?? true;
}

/** What must be measured for `load` to be; `closed` for those whose rate is a share of its. */
export function neededFor(load: Load): readonly Load[] {
  return RATE_SHARES[load] === undefined ? [load] : ['closed', load];
}

/** PUTs per second; 0 is a closed loop. Undefined where the closed loop gave no rate to take a share of. */
export function rateOf(load: Load, closed: Run | undefined): number | undefined {
  const share = RATE_SHARES[load];
  if (share === undefined) return load === 'storm' ? STORM.rate : 0;
  // Half of nothing would be a closed loop by another name.
  if (closed?.outcome !== 'measured' || closed.result.roundsPerSec === 0) return undefined;
  return closed.result.roundsPerSec * share;
}

export interface Plan {
  readonly rounds: number;
  readonly secs: number;
  readonly warmSecs: number;
  readonly holdSecs: number;
  readonly devices: number;
  readonly putters: number;
  readonly idleDevices: number;
  readonly seed: number;
  /** How often a disturbed run is done again. */
  readonly againMax: number;
  readonly cores: Cores;
}

/** One run of one contender, and what came of it. */
export type Run = {
  readonly contender: ContenderName;
  readonly round: number;
  readonly load: Load;
} & (
  | {
      readonly outcome: 'measured';
      readonly result: LoadResult;
      /** Why to doubt it, in sentences; none is good. */
      readonly doubts: readonly string[];
    }
  | { readonly outcome: 'failed'; readonly why: string }
);

/** What another program may take of the two cores, in per cent of one, before a run counts as disturbed. */
const OTHERS_CPU_PERCENT_MAX = 8;
/** What the client may wait for its core, in ms per second, before its percentiles are not the server's any more. */
const CLIENT_WAIT_MS_PER_SEC_MAX = 20;
/** From here on it may have been the client that had no time. */
const CPU_BOUND_PERCENT = 95;
/** A server that has just started still compiles and collects; what idle devices cost is counted from its rest. */
const SETTLE_MS = 1000;

/** Starts `contender` afresh, loads it and stops it. Never rejects: a failure is an outcome too. */
export async function measure(
  plan: Plan,
  place: Pick<Run, 'contender' | 'round' | 'load'>,
  rate: number,
  onProgress: (line: string) => void,
): Promise<Run> {
  for (let again = 0; ; again++) {
    try {
      const result = await measureOnce(plan, place, rate, onProgress);
      const disturbances = disturbancesOf(place.load, result);
      if (disturbances.length > 0 && again < plan.againMax) continue;
      const doubts = [...disturbances, ...doubtsOf(result)];
      return { ...place, outcome: 'measured', result, doubts };
    } catch (error) {
      return { ...place, outcome: 'failed', why: (error as Error).message };
    }
  }
}

async function measureOnce(
  plan: Plan,
  { contender, load }: Pick<Run, 'contender' | 'load'>,
  rate: number,
  onProgress: (line: string) => void,
): Promise<LoadResult> {
  const server = await startContender(contender, plan.cores.server);
  try {
    await sleep(SETTLE_MS);
    const args = [
      ...loadArgs(plan, load, rate),
      ...['--ws', server.wsUrl, '--seed', `${plan.seed}`],
      ...server.pids().flatMap((pid) => ['--pid', `${pid}`]),
      ...Object.values(plan.cores).flatMap((core) =>
        core === undefined ? [] : ['--core', `${core}`],
      ),
    ];
    return await runLoadClient(args, plan.cores.client, onProgress);
  } finally {
    await server.stop();
  }
}

function loadArgs(plan: Plan, load: Load, rate: number): readonly string[] {
  const { devices, idleDevices, holdSecs } = plan;
  switch (load) {
    case 'closed':
    case 'half':
    case 'most':
      return putArgs(plan, devices, rate);
    case 'crowd':
      return putArgs(plan, idleDevices, rate);
    case 'third':
      return idleArgs(Math.ceil(idleDevices / 3), holdSecs);
    case 'two-thirds':
      return idleArgs(Math.ceil((2 * idleDevices) / 3), holdSecs);
    case 'idle':
      return idleArgs(idleDevices, holdSecs);
    case 'storm':
      return [
        ...['storm', '--devices', `${idleDevices + STORM.others}`, '--others', `${STORM.others}`],
        ...['--puts', `${plan.putters}`, '--rate', `${rate}`],
      ];
    default:
      return unreachable(load);
  }
}

function putArgs({ putters, warmSecs, secs }: Plan, devices: number, rate: number) {
  return [
    ...['put', '--devices', `${devices}`, '--puts', `${putters}`, '--rate', `${rate}`],
    ...['--warm', `${warmSecs}`, '--secs', `${secs}`],
  ];
}

function idleArgs(devices: number, holdSecs: number) {
  return ['idle', '--devices', `${devices}`, '--secs', `${holdSecs}`];
}

/** What strangers did to a run. Memory is not disturbed by them. */
function disturbancesOf(load: Load, result: LoadResult): string[] {
  const found: string[] = [];
  if (result.mode === 'idle') return found;
  if (result.othersCpuPercent > OTHERS_CPU_PERCENT_MAX) {
    found.push(`others took ${result.othersCpuPercent.toFixed(0)} % of a core`);
  }
  if (result.stolenPercent > OTHERS_CPU_PERCENT_MAX) {
    found.push(`the hypervisor took ${result.stolenPercent.toFixed(0)} % of a core`);
  }
  const isPaced = load === 'half' || load === 'most' || load === 'storm';
  if (isPaced && result.clientWaitMs > result.secs * CLIENT_WAIT_MS_PER_SEC_MAX) {
    found.push(`the client waited ${result.clientWaitMs.toFixed(0)} ms for its core`);
  }
  return found;
}

/** What is wrong with a run, whoever did it. */
function doubtsOf({ clientCpuPercent, serverCpuPercent, faults, statuses }: LoadResult): string[] {
  const found: string[] = [];
  if (clientCpuPercent > CPU_BOUND_PERCENT && serverCpuPercent < CPU_BOUND_PERCENT) {
    found.push('the client was the limit');
  }
  for (const [fault, count] of Object.entries(faults)) {
    if (count > 0) found.push(`${count} ${fault}`);
  }
  for (const [status, count] of Object.entries(statuses)) {
    if (status !== '200' && status !== '202') found.push(`${count} answered ${status}`);
  }
  return found;
}
