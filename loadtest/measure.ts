/** One contender under one load: what a run is, when it counts as disturbed, and that it is then done again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type ContenderName, startContender } from './contenders.ts';
import { type LoadResult, runLoadClient } from './load-client.ts';
import type { Cores } from './processes.ts';

/** closed: as many rounds as the server does. half: at half of that rate, for latency. idle: connected devices, for memory. */
export const LOADS = ['closed', 'half', 'idle'] as const;
export type Load = (typeof LOADS)[number];

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
  if (load === 'idle') {
    return ['idle', '--devices', `${plan.idleDevices}`, '--secs', `${plan.holdSecs}`];
  }
  return [
    ...['put', '--devices', `${plan.devices}`, '--puts', `${plan.putters}`],
    ...['--warm', `${plan.warmSecs}`, '--secs', `${plan.secs}`],
    ...(load === 'half' ? ['--rate', `${rate}`] : []),
  ];
}

/** What strangers did to a run. Memory is not disturbed by them. */
function disturbancesOf(load: Load, result: LoadResult): string[] {
  const found: string[] = [];
  if (load === 'idle') return found;
  if (result.othersCpuPercent > OTHERS_CPU_PERCENT_MAX) {
    found.push(`others took ${result.othersCpuPercent.toFixed(0)} % of a core`);
  }
  if (result.stolenPercent > OTHERS_CPU_PERCENT_MAX) {
    found.push(`the hypervisor took ${result.stolenPercent.toFixed(0)} % of a core`);
  }
  if (load === 'half' && result.clientWaitMs > result.secs * CLIENT_WAIT_MS_PER_SEC_MAX) {
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
