/** What happens in each scenario: which PUTs are due when, and which devices leave, come, pause and resume. */
import { unreachable } from '../../src/assert.ts';
import type { Random } from '../../test/support/random.ts';
import type { Channel } from './channel.ts';
import type { Device } from './device.ts';
import {
  burstIntervalMs,
  fanOutIntervalMs,
  IDLE_SHARE,
  MAIL_CHANNELS,
  type Phase,
  type Plan,
  SLOW_DATA_BYTES,
  STORM_SHARE,
} from './plan.ts';

/** A PUT and when it is due, in ms from the begin of the phase. */
export interface Due {
  readonly atMs: number;
  readonly channel: Channel;
  readonly dataBytes: number;
}

/** What a device does, and when, in ms from the begin of the phase. */
export interface Act {
  readonly atMs: number;
  readonly kind: 'close' | 'cut' | 'come' | 'pause' | 'resume';
  readonly device: Device;
}

export interface Scene {
  readonly plan: Plan;
  readonly phase: Phase;
  /** Of the plan's devices and rate, the part of this process: more than 0, at most 1. */
  readonly share: number;
  readonly devices: readonly Device[];
  readonly random: Random;
}

export interface Script {
  /** In order of time; made while it runs, so that a long phase takes no memory. */
  readonly dues: Generator<Due, void>;
  /** In order of time: some for each device, at most. */
  readonly acts: readonly Act[];
}

/** How long a device of the churn stays away, at least and at most. */
const CHURN_AWAY_MS = [300, 2000] as const;
/** Parts of the phase at which all connections are cut. */
const STORMS_AT = [0.1, 0.55] as const;
/** Parts of the phase between which devices are away, or slow, and over which they leave and come. */
const AWAY_FROM = 0.05;
const AWAY_UNTIL = 0.6;
const AWAY_SPREAD = 0.1;
/** Of the PUTs, those to devices that are away or slow. */
const AWAY_SHARE = 0.5;

export function scriptOf(scene: Scene): Script {
  const { scenario } = scene.phase;
  switch (scenario) {
    case 'idle':
      return { dues: evenly(scene, IDLE_SHARE, anyOf(scene)), acts: [] };
    case 'steady':
      return { dues: evenly(scene, 1, anyOf(scene)), acts: churn(scene) };
    case 'burst':
      return { dues: bursts(scene), acts: churn(scene) };
    case 'fan-out':
      return { dues: fanOuts(scene), acts: churn(scene) };
    case 'mail':
      return { dues: evenly(scene, 1, mailPicks(scene)), acts: churn(scene) };
    case 'slow':
      return absent(scene, { kinds: ['pause', 'resume'], dataBytes: SLOW_DATA_BYTES });
    case 'away':
      return absent(scene, { kinds: ['close', 'come'], dataBytes: 0 });
    case 'storm':
      return { dues: evenly(scene, STORM_SHARE, anyOf(scene)), acts: storms(scene) };
    default:
      return unreachable(scenario);
  }
}

/** Chooses the channel of the next PUT. */
type Pick = () => { readonly channel: Channel; readonly dataBytes: number } | undefined;

function anyOf({ devices, random }: Scene): Pick {
  return () => pickChannel(devices, random);
}

function pickChannel(devices: readonly Device[], random: Random, dataBytes = 0): ReturnType<Pick> {
  const channel = random.pick(random.pick(devices)?.channels ?? []);
  return channel === undefined ? undefined : { channel, dataBytes };
}

function mailPicks({ devices, random }: Scene): Pick {
  const boxes = Array.from({ length: MAIL_CHANNELS }, () => pickChannel(devices, random));
  return () => random.pick(boxes);
}

/** At random times: what comes from many app servers has no beat. */
function* evenly(
  { plan, phase, share, random }: Scene,
  part: number,
  pick: Pick,
): Generator<Due, void> {
  const perMs = (plan.rate * share * part) / 1000;
  for (let atMs = 0; ; ) {
    atMs -= Math.log(1 - random.fraction()) / perMs;
    if (atMs >= phase.durationMs) return;
    const picked = pick();
    if (picked !== undefined) yield { atMs, ...picked };
  }
}

function* bursts(scene: Scene): Generator<Due, void> {
  const { plan, phase, share } = scene;
  const pick = anyOf(scene);
  const intervalMs = burstIntervalMs(phase);
  const puts = Math.round((plan.rate * share * intervalMs) / 1000);
  for (let atMs = 0; atMs + intervalMs / 2 <= phase.durationMs; atMs += intervalMs) {
    for (let put = 0; put < puts; put++) {
      const picked = pick();
      if (picked !== undefined) yield { atMs, ...picked };
    }
  }
}

function* fanOuts({ plan, phase, devices }: Scene): Generator<Due, void> {
  const intervalMs = fanOutIntervalMs(plan, phase);
  for (let turn = 0; (turn + 1) * intervalMs <= phase.durationMs; turn++) {
    for (const { channels } of devices) {
      const channel = channels[turn % channels.length];
      if (channel !== undefined) yield { atMs: turn * intervalMs, channel, dataBytes: 0 };
    }
  }
}

function churn({ plan, phase, devices, random }: Scene): readonly Act[] {
  const visits = Math.round((devices.length * plan.churn * phase.durationMs) / 100 / 60_000);
  const [shortest, longest] = CHURN_AWAY_MS;
  const acts = Array.from({ length: visits }, (): readonly Act[] => {
    const device = random.pick(devices);
    if (device === undefined) return [];
    const kind = random.chance(0.5) ? 'close' : 'cut';
    const atMs = random.fraction() * phase.durationMs;
    const backAtMs = atMs + shortest + random.fraction() * (longest - shortest);
    return [
      { atMs, kind, device },
      { atMs: Math.min(backAtMs, phase.durationMs), kind: 'come', device },
    ];
  });
  return inOrder(acts.flat());
}

function storms({ phase, devices }: Scene): readonly Act[] {
  return STORMS_AT.flatMap((part) => {
    const atMs = part * phase.durationMs;
    return devices.flatMap((device): readonly Act[] => [
      { atMs, kind: 'cut', device },
      { atMs, kind: 'come', device },
    ]);
  });
}

/** Some devices are absent, in one way or another, for half of the phase, and have half of the PUTs. */
function absent(
  scene: Scene,
  { kinds, dataBytes }: { readonly kinds: readonly [Act['kind'], Act['kind']]; dataBytes: number },
): Script {
  const { plan, phase, devices, random } = scene;
  const some = devices.filter(() => random.chance(plan.away / 100));
  const [goes, returns] = kinds;
  const acts = some.flatMap((device): readonly Act[] => {
    const late = random.fraction() * AWAY_SPREAD;
    return [
      { atMs: (AWAY_FROM + late) * phase.durationMs, kind: goes, device },
      { atMs: (AWAY_UNTIL + late) * phase.durationMs, kind: returns, device },
    ];
  });
  const pick = () =>
    random.chance(AWAY_SHARE) && some.length > 0
      ? pickChannel(some, random, dataBytes)
      : pickChannel(devices, random);
  return { dues: evenly(scene, 1, pick), acts: inOrder(acts) };
}

function inOrder(acts: readonly Act[]): readonly Act[] {
  return acts.toSorted((a, b) => a.atMs - b.atMs);
}
