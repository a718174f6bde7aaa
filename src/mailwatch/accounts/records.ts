/**
 * What the accounts' file holds:
 * | key | holds |
 * |---|---|
 * | `s` | the format's number, as text |
 * | `l` | the lease, as JSON: who may watch |
 * | `p` | there, and empty, while the operator has paused the watches |
 * | `a` + account id | one account, as JSON of StoredAccount |
 * Endpoints, servers and credentials are not among it: they lie sealed in the vault, together.
 */
import type {
  Account,
  AccountId,
  Credentials,
  ExchangeRequest,
  MailProtocol,
  MailServer,
  WatchedFolder,
  WatchProgress,
} from '../account.ts';

/** Raised when a member changes its meaning; a file of another format is refused. */
export const FORMAT = 1;

export const FORMAT_KEY = Buffer.from('s');
export const LEASE_KEY = Buffer.from('l');
export const PAUSED_KEY = Buffer.from('p');
const ACCOUNT_PREFIX = 'a';
/** After every account key. */
export const ACCOUNTS_END = Buffer.from('b');
export const ACCOUNTS_START = Buffer.from(ACCOUNT_PREFIX);

/** One account as the file keeps it. */
export interface StoredAccount {
  readonly id: AccountId;
  /** SHA-256 of the token, in hex: the token itself is nowhere. */
  readonly tokenHash: string;
  /** Which secret in the vault it was written with. */
  readonly generation: string;
  readonly maxPollMs: number;
  readonly seenAtMs: number;
  /** When the credentials were sealed, by the device's clock or, if that is ahead, by ours; absent when the device does not say. */
  readonly sealedAtMs?: number;
  readonly notBeforeMs: number;
  readonly progress: WatchProgress;
}

/**
 * What the vault keeps of an account, as JSON. Credentials and the server that they are for lie in one file, so that no crash between two
 * writes can send the ones to the other.
 */
export interface AccountSecret {
  /** Another one for each registration. */
  readonly generation: string;
  readonly endpoint: string;
  readonly stateEndpoint?: string;
  readonly protocol: MailProtocol;
  readonly server: MailServer;
  /** Where the watch of this registration begins. */
  readonly folders: readonly WatchedFolder[];
  readonly credentials: Credentials | ForgottenCredentials;
  /** Of ActiveSync accounts: it names folders and sync keys, and the path the user. */
  readonly exchange?: ExchangeRequest;
}

/** Credentials that no file may hold (`mailwatch.credentials = "memory"`); whose they were is known. */
export interface ForgottenCredentials {
  readonly kind: 'forgotten';
  readonly username: string;
}

/** Who may watch, until when. */
export interface Lease {
  readonly owner: string;
  /** Grows with each change of owner: what an older owner still writes is refused. */
  readonly fence: number;
  readonly untilMs: number;
}

/** Where the account lies. */
export function accountKey(id: AccountId): Buffer {
  return Buffer.from(ACCOUNT_PREFIX + id);
}

/** A record as the file holds it. */
export function encode(record: StoredAccount | Lease): Buffer {
  return Buffer.from(JSON.stringify(record));
}

/** Our own records, written by this file alone under a format that was checked when it was opened. */
export function decodeAccount(value: Buffer): StoredAccount {
  return JSON.parse(value.toString('utf8')) as StoredAccount;
}

/** As decodeAccount. */
export function decodeLease(value: Buffer): Lease {
  return JSON.parse(value.toString('utf8')) as Lease;
}

/**
 * The account as a watch sees it. A record of an older generation is what a registration that died half way has left: what it has
 * delivered was of another mailbox, perhaps, and counts no more.
 */
export function toAccount(stored: StoredAccount, secret: AccountSecret): Account {
  const { id, maxPollMs, seenAtMs, notBeforeMs } = stored;
  const { endpoint, protocol, server, exchange, credentials } = secret;
  // Whose credentials are forgotten must hear of it, on the only endpoint that there is.
  const stateEndpoint =
    secret.stateEndpoint ?? (credentials.kind === 'forgotten' ? endpoint : undefined);
  const isWhole = stored.generation === secret.generation;
  const progress = isWhole
    ? stored.progress
    : { ...stored.progress, folders: secret.folders, told: 'none' as const };
  return {
    ...{ id, endpoint, protocol, server, maxPollMs, seenAtMs, notBeforeMs, progress },
    ...(stateEndpoint === undefined ? {} : { stateEndpoint }),
    ...(exchange === undefined ? {} : { exchange }),
  };
}
