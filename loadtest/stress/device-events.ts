import type { Channel } from './channel.ts';
import type { Device } from './device.ts';
import type { Arrival } from './ledger.ts';

/** What a device tells its crowd. `device` is the one that speaks. */
export interface DeviceEvents {
  /** Hello was answered with another UAID than the one that was offered. */
  onUaidChanged(device: Device): void;
  /** All channels have endpoints, and updates come. */
  onReady(device: Device): void;
  /** Returns false when PUTs may not go to `url`: the connection is given up. */
  onEndpoint(channel: Channel, url: string): boolean;
  onArrival(channel: Channel, arrival: Arrival, device: Device): void;
  onExpired(channel: Channel): void;
  onMisdelivered(device: Device): void;
  onBadMessage(device: Device): void;
  /** A hello or register was refused: the connection is given up. */
  onRefused(device: Device, status: number): void;
  /** The connection ended and the device did not want it to. */
  onEnd(device: Device, end: SessionEnd): void;
  /** The hello was answered with another server's URL. */
  onRedirect(device: Device, url: string): void;
}

export interface SessionEnd {
  /** 1006 when there was no close frame. */
  readonly code: number;
  /** Whether the hello had been answered. */
  readonly wasInSession: boolean;
  /** What the WebSocket library said of it; '' for nothing. */
  readonly reason: string;
}
