/** What the command `queue list` says. */
import type { ProviderName } from '../kick/provider.ts';
import type { DeadKick, KickQueue, QueueDepth } from '../queue/queue.ts';
import { printable } from './printable.ts';

export interface QueueReport {
  readonly provider: ProviderName;
  readonly driver: KickQueue['driver'];
  readonly depth: QueueDepth;
  /** The oldest of them. */
  readonly dead: readonly DeadKick[];
}

/** Enough to tell devices apart, too little to be one. */
const DEVICE_CHARACTERS_SHOWN = 8;
const REASON_CHARACTERS_SHOWN = 200;

/** Ends with a line end. */
export function reportText({ provider, driver, depth, dead }: QueueReport, nowMs: number): string {
  const { ready, leased, delayed, oldestReadyMs } = depth;
  const oldest = ready === 0 ? '' : `, the oldest for ${durationText(oldestReadyMs)}`;
  return [
    `${provider} (${driver})  ready ${ready}${oldest}; leased ${leased}; delayed ${delayed}; dead ${depth.dead}`,
    ...dead.map((kick) => `  ${deadText(kick, nowMs)}`),
    ...(dead.length < depth.dead ? [`  … and ${depth.dead - dead.length} more`] : []),
    '',
  ].join('\n');
}

function deadText({ id, deviceId, attempts, diedAtMs, reason }: DeadKick, nowMs: number): string {
  // The last one, which failed for good, is not among the attempts before it.
  const tried = attempts === 0 ? 'once' : `${attempts + 1} times`;
  const said = printable(reason.slice(0, REASON_CHARACTERS_SHOWN));
  const device = deviceId.slice(0, DEVICE_CHARACTERS_SHOWN);
  return `${id}  device ${device}…  died ${durationText(nowMs - diedAtMs)} ago  tried ${tried}: ${said}`;
}

const UNITS = [
  { letter: 'd', ms: 86_400_000 },
  { letter: 'h', ms: 3_600_000 },
  { letter: 'min', ms: 60_000 },
  { letter: 's', ms: 1000 },
] as const;

/** In the largest unit that fits, rounded down. */
export function durationText(ms: number): string {
  const unit = UNITS.find((each) => ms >= each.ms);
  return unit === undefined ? '0 s' : `${Math.floor(ms / unit.ms)} ${unit.letter}`;
}
