/**
 * The device's side of the mail watch: registers a mailbox, so that new mail becomes a version on one of the device's endpoints. For
 * browsers and Node. The credentials are sealed here, on the device, and only the backend can open them (docs/mail.md).
 */
import {
  type EnvelopeBinding,
  SEALED_BYTES_MAX,
  seal,
  sealingKeyId,
} from '../protocol/envelope.ts';
import { protocolBindingOf } from '../protocol/exchange-binding.ts';
import { parseRetryAfter } from './put.ts';

/** From the call to the whole answer, when the caller sets no other bound. */
export const MAIL_CALL_MS_MAX = 30_000;

/** What the mail server wants to see. Never leaves this library unsealed. */
export type MailCredentials =
  | { readonly kind: 'password'; readonly username: string; readonly password: string }
  | {
      readonly kind: 'oauth';
      readonly username: string;
      readonly refreshToken: string;
      /** An https URL of the mail provider. */
      readonly tokenEndpoint: string;
      readonly clientId: string;
      readonly clientSecret?: string;
      readonly scope?: string;
    };

/** A folder to watch, and where the device is in it, if it has synced. */
export interface MailFolder {
  readonly name: string;
  readonly baseline?: { readonly uidValidity: number; readonly uidNext: number };
}

/** What an ActiveSync account is watched with: the device's own hanging request. Only Ping and Sync can be asked. */
export interface MailExchange {
  /** Path and query of the POST, with `Cmd=Ping`, or `Cmd=Sync` when `isSync`. */
  readonly path: string;
  /** base64 of the request's WBXML, at most 10,240 bytes. */
  readonly requestData: string;
  /** base64 of the whole answer when nothing is new; needed for Ping. With Sync an empty answer says so too. */
  readonly noChangeReply?: string;
  readonly isSync: boolean;
  /** How long the request asks the server to hold its answer back, in milliseconds: one minute to one hour. */
  readonly responseTimeoutMs: number;
  /** "2.5", "12.0", "12.1", "14.0", "14.1", "16.0" or "16.1". */
  readonly protocolVersion: string;
  /** Digits. */
  readonly policyKey?: string;
  readonly userAgent?: string;
}

/** A mailbox, and which endpoint its news goes to. */
export interface Mailbox {
  /** Of a channel that is only for this mailbox. Registering again under it replaces the watch. */
  readonly endpoint: string;
  /** Gets a version when `status` has something for the user to act on. */
  readonly stateEndpoint?: string;
  readonly protocol?: 'imap' | 'activesync';
  readonly host: string;
  readonly port: number;
  /** By default TLS from the first byte. */
  readonly security?: 'tls' | 'starttls';
  /** Needed for ActiveSync, and refused otherwise. */
  readonly exchange?: MailExchange;
  /** By default INBOX alone. With ActiveSync the request names them. */
  readonly folders?: readonly MailFolder[];
  readonly credentials: MailCredentials;
  /** How long to wait before the watch begins, in milliseconds. */
  readonly waitMs?: number;
  /** How long the watch lives without a word from the device, in milliseconds. */
  readonly maxPollMs?: number;
}

export interface MailOptions {
  /** Of each call, in milliseconds. By default MAIL_CALL_MS_MAX. */
  readonly waitMsMax?: number;
  /** By default the platform's. */
  readonly fetch?: typeof fetch;
  /**
   * Ids of the keys that credentials may be sealed to, as `reveille mail key` prints them. An app that brings them along needs to trust
   * the gate in nothing; without them the gate's word is taken for which key is the backend's.
   */
  readonly keyIds?: readonly string[];
}

/** What is wrong with one field. */
export interface MailFieldProblem {
  readonly field: string;
  readonly expected: string;
}

/** Why a call did not succeed. */
export type MailProblem =
  /** 400: nothing was changed. */
  | { readonly kind: 'invalid'; readonly fields: readonly MailFieldProblem[] }
  /** 401: the watch has a newer token. */
  | { readonly kind: 'unauthorized' }
  /** 404: there is no such watch, or no mail watch at this URL. */
  | { readonly kind: 'unknown' }
  /** The gate has named a key that is none of those that the app knows, or that is not what it is called: nothing was sealed to it. */
  | { readonly kind: 'untrusted-key' }
  /** 429 and 5xx. */
  | { readonly kind: 'try-later'; readonly status: number; readonly retryAfterMs?: number }
  /** Anything else: trying the same again will not help. */
  | { readonly kind: 'refused'; readonly status: number }
  /** No answer. Asking again does no harm. */
  | { readonly kind: 'unreachable'; readonly cause: unknown };

export type MailCall<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: MailProblem };

/** What `status` tells. States and their members are listed in docs/mail.md. */
export interface MailStatus {
  readonly state: { readonly kind: string; readonly [member: string]: unknown };
  readonly sinceMs: number;
  readonly lastVersion?: number;
  readonly lastNewsAtMs?: number;
  readonly folders: readonly MailFolder[];
}

/** The calls of one mail watch. None of them rejects. */
export interface MailWatch {
  /** Seals the credentials and registers. The token is the only way to speak of the watch afterwards; a new one replaces it. */
  register(mailbox: Mailbox): Promise<MailCall<{ readonly token: string }>>;
  /** "I am awake and look myself": no look at the mailbox for `waitMs`. Also a sign of life. */
  defer(token: string, waitMs: number): Promise<MailCall<{ readonly untilMs: number }>>;
  /** Ends the watch and has the credentials erased. */
  stop(token: string): Promise<MailCall<object>>;
  status(token: string): Promise<MailCall<MailStatus>>;
}

/** `gate` is the URL of the mail watch, as the operator tells it: `https://push.example:8083/`. */
export function createMailWatch(gate: string, options: MailOptions = {}): MailWatch {
  const call = <T>(path: string, request: Request) => ask<T>(path, gate, request, options);
  return {
    async register({ credentials, ...mailbox }) {
      const key = await call<unknown>('/mail/v1/key', {});
      if (!key.ok) return key;
      const trusted = await trustedKey(key.value, options.keyIds);
      if (trusted === undefined) return { ok: false, problem: { kind: 'untrusted-key' } };
      const { keyId, publicKey } = trusted;
      const { endpoint, protocol = 'imap', host, port, security = 'tls', exchange } = mailbox;
      const server = { host: host.toLowerCase(), port, security };
      const binding = { endpoint, protocol: protocolBindingOf(protocol, exchange), ...server };
      // With the time: nobody on the way can bring an old registration back.
      const text = JSON.stringify({ ...credentials, sealedAtMs: Date.now() });
      const sealed = await sealIfPossible(text, publicKey, binding);
      if (sealed === undefined) return { ok: false, problem: UNSEALABLE };
      const body = {
        endpoint,
        protocol,
        server,
        keyId,
        sealed,
        ...given(mailbox, ['stateEndpoint', 'exchange', 'folders', 'waitMs', 'maxPollMs']),
      };
      return await call('/mail/v1/register', { body });
    },
    defer: (token, waitMs) => call('/mail/v1/defer', { token, body: { waitMs } }),
    stop: (token) => call('/mail/v1/stop', { token, body: {} }),
    status: (token) => call('/mail/v1/status', { token }),
  };
}

const UNSEALABLE: MailProblem = {
  kind: 'invalid',
  fields: [{ field: 'credentials', expected: `at most ${SEALED_BYTES_MAX} bytes of JSON` }],
};

/** What the gate says of its key, as far as the key proves it; undefined when it does not. */
async function trustedKey(
  said: unknown,
  keyIds: readonly string[] | undefined,
): Promise<{ readonly keyId: string; readonly publicKey: string } | undefined> {
  const { keyId, publicKey } = (said ?? {}) as { keyId?: unknown; publicKey?: unknown };
  if (typeof keyId !== 'string' || typeof publicKey !== 'string') return undefined;
  if ((await sealingKeyId(publicKey)) !== keyId) return undefined;
  return keyIds === undefined || keyIds.includes(keyId) ? { keyId, publicKey } : undefined;
}

/** Undefined when there is too much of it, or the key is none. */
async function sealIfPossible(
  text: string,
  publicKey: string,
  binding: EnvelopeBinding,
): Promise<string | undefined> {
  try {
    return await seal(text, publicKey, binding);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

interface Request {
  readonly token?: string;
  /** Sent as JSON by POST; without one it is a GET. */
  readonly body?: object;
}

async function ask<T>(
  path: string,
  gate: string,
  { token, body }: Request,
  { waitMsMax = MAIL_CALL_MS_MAX, fetch: send = fetch }: MailOptions,
): Promise<MailCall<T>> {
  try {
    const answer = await send(new URL(path, gate), {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(waitMsMax),
    });
    if (answer.status === 200) return { ok: true, value: (await answer.json()) as T };
    return { ok: false, problem: await toProblem(answer) };
  } catch (cause) {
    return { ok: false, problem: { kind: 'unreachable', cause } };
  }
}

async function toProblem(answer: Response): Promise<MailProblem> {
  const { status } = answer;
  const body: unknown = await answer.json().catch(() => undefined);
  if (status === 400) return { kind: 'invalid', fields: fieldsOf(body) };
  if (status === 401) return { kind: 'unauthorized' };
  if (status === 404) return { kind: 'unknown' };
  if (status !== 429 && status < 500) return { kind: 'refused', status };
  const retryAfterMs = parseRetryAfter(answer.headers.get('retry-after') ?? '', Date.now());
  return retryAfterMs === undefined
    ? { kind: 'try-later', status }
    : { kind: 'try-later', status, retryAfterMs };
}

function fieldsOf(body: unknown): readonly MailFieldProblem[] {
  const fields = typeof body === 'object' && body !== null && 'fields' in body ? body.fields : [];
  return Array.isArray(fields) ? fields.filter(isFieldProblem) : [];
}

function isFieldProblem(value: unknown): value is MailFieldProblem {
  return typeof value === 'object' && value !== null && 'field' in value && 'expected' in value;
}

/** The members that were given: JSON has no undefined, and the gate no members that it does not know. */
function given<Name extends string>(
  members: { readonly [Key in Name]?: unknown },
  names: readonly Name[],
): object {
  return Object.fromEntries(
    names.filter((name) => members[name] !== undefined).map((name) => [name, members[name]]),
  );
}
