import { randomInt } from 'node:crypto';
import { unreachable } from '../assert.ts';
import { CLOSES } from './closes.ts';
import type { MessageOf, Outlet, SessionDeps } from './session-deps.ts';

/** Where a device that says hello may stay (protocol.md, "Hello": 307 and 429). */
export type Placement =
  | { readonly kind: 'here' }
  | { readonly kind: 'elsewhere'; readonly url: string }
  | { readonly kind: 'full' };

export interface PlacementDeps {
  /** Devices that have said hello and are still here. */
  readonly connectedDevices: () => number;
  readonly devicesMax: number;
  /** Other nodes that may take what is too much here; ws or wss URLs. */
  readonly overflowUrls: readonly string[];
}

const HERE: Placement = { kind: 'here' };
const FULL: Placement = { kind: 'full' };

/** Decides from this node's own count alone, without I/O, so that a hello is answered before anything is dropped or replaced. */
export function createPlacement(deps: PlacementDeps): () => Placement {
  const { connectedDevices, devicesMax, overflowUrls } = deps;
  return () => {
    if (connectedDevices() < devicesMax) return HERE;
    const url =
      overflowUrls.length === 0 ? undefined : overflowUrls[randomInt(overflowUrls.length)];
    return url === undefined ? FULL : { kind: 'elsewhere', url };
  };
}

/** Whether the device may stay. One that may not has been answered and closed. */
export function placeDevice(
  { writtenDeviceId }: MessageOf<'hello'>,
  { placement, metrics }: Pick<SessionDeps, 'placement' | 'metrics'>,
  outlet: Outlet,
): boolean {
  const place = placement();
  switch (place.kind) {
    case 'here':
      return true;
    case 'elsewhere':
      metrics.hellos.redirected.count++;
      outlet.send({ type: 'redirect', writtenDeviceId, url: place.url });
      outlet.close(CLOSES.redirected);
      return false;
    case 'full':
      metrics.hellos.full.count++;
      outlet.send({ type: 'hello', writtenDeviceId, status: 429, connectReason: undefined });
      outlet.close(CLOSES.full);
      return false;
    default:
      return unreachable(place);
  }
}
