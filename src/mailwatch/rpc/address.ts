/** Where the backend listens, and how the two ends know each other there. */

/** A certificate and key of one's own, and the authority that the other end's certificate must come from. All PEM. */
export interface MutualTls {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

export type RpcAddress =
  /** A socket file, of mode 0600 in a folder of mode 0700: who may open it is the same user. */
  | { readonly kind: 'unix'; readonly path: string }
  /** Another machine: both ends prove who they are. `serverName` is what the backend's certificate must name. */
  | {
      readonly kind: 'tls';
      readonly host: string;
      readonly port: number;
      readonly serverName: string;
      readonly tls: MutualTls;
    };

/** Bounds of both ends. */
export interface RpcLimits {
  /** From the call to its answer. */
  readonly deadlineMs: number;
  /** Calls that may wait for their answer at once. */
  readonly inFlightMax: number;
  /** Bytes of one message. */
  readonly messageBytesMax: number;
}
