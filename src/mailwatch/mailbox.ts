/**
 * A connection to one mailbox, as a watcher sees it: all that a watcher may ever ask of a mail server. Nothing here reads a mail: EXAMINE,
 * STATUS and IDLE are all there is, so no caller can.
 */
import type { Baseline, Credentials, MailFailure, MailServer } from './account.ts';

/** What a folder looks like now. */
export interface FolderView extends Baseline {
  readonly exists: number;
}

/** A value, not an exception: mail servers fail every day. */
export type MailResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: MailFailure };

/** One authenticated connection. After `ended` has settled every method answers with that failure. */
export interface MailConnection {
  /** Whether the server offers IDLE to this user. */
  readonly canIdle: boolean;
  /** When the credentials it was opened with stop being good; undefined when they do not. */
  readonly expiresAtMs: number | undefined;
  /** Monotonic: the first sign of a change in the examined folder that no later look has answered. */
  readonly changedAtMs: number | undefined;
  /** Selects the folder read-only. */
  examine(folder: string): Promise<MailResult<FolderView>>;
  /** Looks at a folder that need not be selected. */
  status(folder: string): Promise<MailResult<FolderView>>;
  /**
   * Waits on the examined folder. Resolves at the first sign of a change, after `maxMs`, or when `signal` is aborted, with IDLE ended so that the
   * next command may follow; to the failure when the connection does not survive. A server that gives no sign of life within `graceMs`
   * of the end of IDLE is taken for dead.
   */
  idle(bounds: {
    readonly maxMs: number;
    readonly graceMs: number;
    readonly signal: AbortSignal;
  }): Promise<MailResult<'changed' | 'elapsed' | 'aborted'>>;
  /** Settles once, with how the connection ended, whoever ended it. Never rejects. */
  readonly ended: Promise<MailFailure>;
  /** Ends it: LOGOUT without waiting for long, then the socket. Harmless twice. */
  close(): Promise<void>;
}

/** What it takes to connect. */
export interface MailTarget {
  readonly server: MailServer;
  /** The one address that the egress guard has checked; this is dialled, and `server.host` is only what TLS must prove. */
  readonly address: string;
  readonly credentials: Credentials;
}

/** Connects, secures and logs in within the configured deadlines; at once `network` when `signal` is aborted. */
export type OpenMail = (
  target: MailTarget,
  signal: AbortSignal,
) => Promise<MailResult<MailConnection>>;
