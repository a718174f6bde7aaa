/** The measurement: sleeping devices of two providers, PUTs at a constant pace to all of them, one provider that hangs for a while. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KickTarget } from '../../src/protocol/connect.ts';
import { inParallel } from '../../test/e2e/kick-parallel.ts';
import { apnsToken, fallAsleep } from '../../test/e2e/kick-sleepers.ts';
import { until } from '../../test/e2e/kick-until.ts';
import { startChildServer } from '../../test/support/child-server.ts';
import { registrationToken } from '../../test/support/fake-fcm.ts';
import { getJson } from '../../test/support/get-json.ts';
import { makeTemporaryFolder } from '../../test/support/temporary-folder.ts';
import { type Fakes, startFakes } from './fakes.ts';

export interface HangPlan {
  /** Of each provider. */
  readonly devices: number;
  /** PUTs a second to the devices of each provider. */
  readonly rate: number;
  /** Before the hang, and after it. */
  readonly calmSecs: number;
  readonly hangSecs: number;
}

/** Times of one kind, in milliseconds. */
export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export const PHASES = ['before', 'during', 'after'] as const;

export interface PhaseFigures {
  readonly phase: (typeof PHASES)[number];
  readonly secs: number;
  /** From sending a PUT to its answer, never waiting for an earlier one: to devices of the provider that is well, and of the one that hangs. */
  readonly apnsPuts: Times;
  readonly fcmPuts: Times;
  /** PUTs that were not answered 202. */
  readonly failed: number;
  readonly apnsWakesPerSec: number;
  readonly fcmWakesPerSec: number;
  /** From a device's last PUT to its wake-up. */
  readonly apnsWakes: Times;
}

export interface HangFigures {
  readonly phases: readonly PhaseFigures[];
  /** Devices of the provider that hung which were woken at last, of how many. */
  readonly fcmDevicesWoken: number;
  readonly devices: number;
}

/** V8 has compiled most of what a PUT needs after this. */
const WARM_SECS = 3;
const CONNECTS_AT_ONCE = 16;
/** What is left in the queue when the last PUT was answered; longer than any back-off of the hang. */
const DRAIN_MS_MAX = 120_000;

interface Sleeping {
  readonly token: string;
  readonly endpoint: string;
}

/** Starts and stops all that it needs. `onPhase` is told what begins. */
export async function measureHang(
  plan: HangPlan,
  onPhase: (text: string) => void,
): Promise<HangFigures> {
  await using folder = await makeTemporaryFolder();
  const fakes = await startFakes(folder.path);
  try {
    const settings = { ...fakes.settings, 'kick.wake_interval_ms': 0 };
    await using server = await startChildServer(folder.path, settings);
    onPhase(`${2 * plan.devices} devices say hello and leave`);
    const fleet = await makeFleet(server, plan.devices);
    const run = new Run(plan, fleet, fakes);
    onPhase(`warming up, ${WARM_SECS} s`);
    await run.phase('before', WARM_SECS);
    const phases: PhaseFigures[] = [];
    for (const phase of PHASES) {
      const secs = phase === 'during' ? plan.hangSecs : plan.calmSecs;
      onPhase(`${phase} the hang, ${secs} s`);
      if (phase === 'during') fakes.hang();
      phases.push(await run.phase(phase, secs));
      if (phase === 'during') fakes.resume();
    }
    onPhase('waiting for the last wake-up');
    const isDone = async () => (await kicksLeft(server.urls.admin)) === 0;
    await until('an empty queue', isDone, DRAIN_MS_MAX);
    await run.noteWakes();
    return { phases, fcmDevicesWoken: run.fcmDevicesWoken, devices: plan.devices };
  } finally {
    await fakes.close();
  }
}

interface Fleet {
  readonly apns: readonly Sleeping[];
  readonly fcm: readonly Sleeping[];
}

async function makeFleet(
  server: Parameters<typeof fallAsleep>[0],
  devices: number,
): Promise<Fleet> {
  const numbers = Array.from({ length: devices }, (_, at) => at + 1);
  const make = async (targetOf: (number: number) => KickTarget & { readonly token: string }) => {
    const fleet: Sleeping[] = [];
    await inParallel(CONNECTS_AT_ONCE, numbers, async (number) => {
      const target = targetOf(number);
      const { endpoint } = await fallAsleep(server, target);
      fleet.push({ token: target.token, endpoint });
    });
    return fleet;
  };
  return {
    apns: await make((number) => ({ type: 'apns', token: apnsToken(number) })),
    fcm: await make((number) => ({ type: 'fcm', token: registrationToken(`phone-${number}`) })),
  };
}

class Run {
  readonly #plan: HangPlan;
  readonly #fleet: Fleet;
  readonly #fakes: Fakes;
  readonly #agent = new Agent({ keepAlive: true });
  /** When the PUTs of each device were sent; a run has some thousands. */
  readonly #putAtMs = new Map<string, number[]>();
  readonly #fcmWoken = new Set<string>();
  #round = 0;

  constructor(plan: HangPlan, fleet: Fleet, fakes: Fakes) {
    this.#plan = plan;
    this.#fleet = fleet;
    this.#fakes = fakes;
  }

  get fcmDevicesWoken(): number {
    return this.#fcmWoken.size;
  }

  /** PUTs at the pace of the plan for so long. */
  async phase(phase: PhaseFigures['phase'], secs: number): Promise<PhaseFigures> {
    await this.noteWakes();
    const apns: number[] = [];
    const fcm: number[] = [];
    let failed = 0;
    const putTo = async (device: Sleeping | undefined, tookMs: number[]) => {
      if (device === undefined) return;
      const sentMs = performance.now();
      this.#notePut(device.token);
      const isAccepted = await this.#put(device.endpoint);
      tookMs.push(performance.now() - sentMs);
      if (!isAccepted) failed++;
    };
    const beganMs = performance.now();
    const puts: Promise<void>[] = [];
    const count = Math.round(secs * this.#plan.rate);
    for (let number = 0; number < count; number++) {
      const plannedMs = beganMs + (number * 1000) / this.#plan.rate;
      const waitMs = plannedMs - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      const at = this.#round % this.#plan.devices;
      this.#round++;
      // Not the planned moment: timers of this process are late by a millisecond, which is no fault of the server's.
      puts.push(putTo(this.#fleet.apns[at], apns), putTo(this.#fleet.fcm[at], fcm));
    }
    await Promise.all(puts);
    const tookSecs = (performance.now() - beganMs) / 1000;
    const wakes = await this.noteWakes();
    return {
      phase,
      secs: tookSecs,
      apnsPuts: timesOf(apns),
      fcmPuts: timesOf(fcm),
      failed,
      apnsWakesPerSec: wakes.apns.length / tookSecs,
      fcmWakesPerSec: wakes.fcm.length / tookSecs,
      apnsWakes: timesOf(wakes.apns.map(([token, atMs]) => atMs - this.#lastPutMs(token, atMs))),
    };
  }

  #notePut(token: string): void {
    const times = this.#putAtMs.get(token) ?? [];
    times.push(Date.now());
    this.#putAtMs.set(token, times);
  }

  /** The PUT that the wake-up at `atMs` is for. */
  #lastPutMs(token: string, atMs: number): number {
    return this.#putAtMs.get(token)?.findLast((putMs) => putMs <= atMs) ?? atMs;
  }

  async noteWakes() {
    const wakes = await this.#fakes.take();
    for (const [token] of wakes.fcm) this.#fcmWoken.add(token);
    return wakes;
  }

  #put(endpoint: string): Promise<boolean> {
    const body = `version=${this.#round}`;
    const headers = {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Content-Length': body.length,
    };
    return new Promise((resolve) => {
      const sent = request(endpoint, { method: 'PUT', agent: this.#agent, headers }, (response) => {
        response.resume().once('end', () => resolve(response.statusCode === 202));
      });
      sent.once('error', () => resolve(false));
      sent.end(body);
    });
  }
}

function timesOf(ms: readonly number[]): Times {
  const sorted = ms.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

async function kicksLeft(admin: string): Promise<number> {
  const { body } = await getJson(`${admin}status`);
  const { roles } = body as {
    readonly roles: {
      readonly kick: { readonly providers?: Record<string, { queue: Record<string, number> }> };
    };
  };
  const queues = Object.values(roles.kick.providers ?? { none: { queue: { ready: 1 } } });
  return queues.reduce(
    (sum, { queue: { ready = 0, leased = 0, delayed = 0 } }) => sum + ready + leased + delayed,
    0,
  );
}
