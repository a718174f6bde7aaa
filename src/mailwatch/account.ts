/**
 * What the mail watch knows of one registered mailbox account: the words that vault, accounts, watcher, pool and rpc share. One
 * account belongs to one device endpoint: registering again under the same endpoint replaces it.
 */

declare const brand: unique symbol;

/** SHA-256 of the endpoint URL, the first 32 hex digits: names an account in logs and records without telling the endpoint. */
export type AccountId = string & { readonly [brand]: 'AccountId' };

/** Which kind of watcher an account has. */
export type MailProtocol = 'imap' | 'activesync';

/** Where the mailbox is. Part of what the sealed credentials are bound to, so nobody on the way can send them elsewhere. */
export interface MailServer {
  /** A host name or address literal, lower-case. */
  readonly host: string;
  readonly port: number;
  /** `tls`: from the first byte. `starttls`: plain until STARTTLS, which must succeed before anything else is said. */
  readonly security: 'tls' | 'starttls';
}

/** What proves to the mail server who asks. Opened only in the backend, never logged. */
export type Credentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'oauth';
      readonly username: string;
      readonly refreshToken: string;
      /** https; checked by the egress guard like a mail server. */
      readonly tokenEndpoint: string;
      readonly clientId: string;
      readonly clientSecret?: string;
      readonly scope?: string;
      readonly accessToken?: string;
      readonly accessTokenExpiresAtMs?: number;
    };

/** What an ActiveSync account asks of its server, over and over. Structured: a device writes no header of its own. */
export interface ExchangeRequest {
  /** Path and query of the POST; the query says Cmd=Ping, or Cmd=Sync when `isSync`, and nothing else can be asked. */
  readonly path: string;
  /** base64 of the WBXML that is posted; names folders and sync keys, so it is kept in the vault. */
  readonly requestData: string;
  /** base64 of the server's whole answer when nothing is new. */
  readonly noChangeReply?: string;
  /** Sync, where an empty answer means that nothing is new, and not Ping. */
  readonly isSync: boolean;
  /** How long the server is asked to hold its answer back: what `requestData` says, in milliseconds. */
  readonly responseTimeoutMs: number;
  readonly protocolVersion: '2.5' | '12.0' | '12.1' | '14.0' | '14.1' | '16.0' | '16.1';
  /** Digits, from the device's provisioning. */
  readonly policyKey?: string;
  readonly userAgent?: string;
}

/** A point in a folder's life. News = the folder's UIDNEXT under the same UIDVALIDITY is not this one's. */
export interface Baseline {
  readonly uidValidity: number;
  readonly uidNext: number;
}

/** A folder that is watched; without a baseline the first look takes one. */
export interface WatchedFolder {
  readonly name: string;
  readonly baseline?: Baseline;
}

/** Why a connection could not be opened, or ended. `detail` is ours or the server's error word, never a credential. */
export type MailFailure =
  /** The server does not take the password; with ActiveSync also: the user or the device may not, or must be provisioned. */
  | { readonly kind: 'auth'; readonly detail: string }
  /** The token is not taken, or cannot be refreshed: the user must consent again. */
  | { readonly kind: 'oauth'; readonly detail: string }
  /** Too many connections, [LIMIT], [INUSE], [UNAVAILABLE]: slower, and no fault of the password. */
  | { readonly kind: 'limited'; readonly detail: string }
  /** The host is not one we may connect to. */
  | { readonly kind: 'blocked'; readonly detail: string }
  /** The certificate is wrong, or STARTTLS was refused. */
  | {
      readonly kind: 'tls';
      readonly detail:
        | 'expired'
        | 'self-signed'
        | 'wrong-name'
        | 'untrusted'
        | 'no-starttls'
        | 'other';
    }
  /** The folder does not exist or cannot be examined. */
  | { readonly kind: 'folder'; readonly detail: string }
  /** Refused, reset, timed out, BYE, out of service. */
  | { readonly kind: 'network'; readonly detail: string }
  /** What the server says is no mail protocol, or beyond our bounds. */
  | { readonly kind: 'protocol'; readonly detail: string };

/** Where one account's watch is. */
export type WatchState =
  | { readonly kind: 'starting' }
  /** IDLE, or the hanging ActiveSync request. */
  | { readonly kind: 'watching' }
  /** The server has no IDLE: looks at intervals. */
  | { readonly kind: 'polling' }
  /** The device is awake and looks itself, until then; with ActiveSync also: it was told, and has not been heard of since. */
  | { readonly kind: 'deferred'; readonly untilMs: number }
  | { readonly kind: 'backoff'; readonly failure: MailFailure; readonly nextTryMs: number }
  | { readonly kind: 'limited'; readonly failure: MailFailure; readonly nextTryMs: number }
  | { readonly kind: 'auth-failed'; readonly failure: MailFailure; readonly nextTryMs: number }
  | { readonly kind: 'needs-oauth'; readonly failure: MailFailure }
  | { readonly kind: 'blocked-host'; readonly failure: MailFailure }
  | { readonly kind: 'stopped'; readonly reason: StopReason };

/** Why a watch ended. In each case the credentials are erased. */
export type StopReason =
  | 'device' // it asked
  | 'endpoint-gone' // 410, or 404: nobody to tell
  | 'expired' // maxPollTimeout passed without a word from the device
  | 'auth-failed'; // refused for longer than the configured days

/** What `status` tells, of one account. */
export interface WatchReport {
  readonly state: WatchState;
  readonly sinceMs: number;
  /** The newest version that the endpoint took; undefined before the first. */
  readonly lastVersion?: number;
  readonly lastNewsAtMs?: number;
  readonly folders: readonly WatchedFolder[];
}

/** What the user has to act on, as far as the device was told by a version PUT to its state endpoint. */
export type Attention = 'none' | 'auth-failed' | 'needs-oauth' | 'expired';

/** An account as the accounts store keeps it; the credentials lie apart from it, in the vault. */
export interface Account {
  readonly id: AccountId;
  readonly endpoint: string;
  readonly stateEndpoint?: string;
  readonly protocol: MailProtocol;
  readonly server: MailServer;
  readonly maxPollMs: number;
  /** The last word from the device: register or defer. */
  readonly seenAtMs: number;
  /** No look at the mailbox before this. */
  readonly notBeforeMs: number;
  readonly progress: WatchProgress;
  /** There exactly when the protocol is ActiveSync. */
  readonly exchange?: ExchangeRequest;
}

/** What a watch has achieved; kept durably, so that a restart goes on where it was. */
export interface WatchProgress {
  readonly folders: readonly WatchedFolder[];
  readonly lastVersion?: number;
  readonly lastNewsAtMs?: number;
  /** What the device was last told of, so that it is told once. */
  readonly told: Attention;
  /** Since when the server has refused the password without a success between. */
  readonly authFailingSinceMs?: number;
}
