/** One channel of a device: its id, where its updates are PUT, and what became of them. */
import type { Device } from './device.ts';
import type { ChannelLedger } from './ledger.ts';

export interface Channel {
  readonly id: string;
  readonly device: Device;
  readonly ledger: ChannelLedger;
  /** Undefined until the server has told it. */
  endpoint: Endpoint | undefined;
}

/** A secret: it is in no report. */
export interface Endpoint {
  /** Shared by all endpoints of the same origin. */
  readonly origin: string;
  readonly path: string;
}
