/**
 * Access tokens by refresh token (RFC 6749, section 6): one request at a time for each account, ahead of the end of the old one. The token
 * endpoint is named by a stranger, so it passes the same guard as a mail server.
 */
import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../clock.ts';
import type { AccountId, Credentials, MailFailure } from './account.ts';
import type { Egress } from './egress.ts';
import type { MailResult } from './mailbox.ts';
import { createTrust } from './trust.ts';

export type OauthCredentials = Extract<Credentials, { kind: 'oauth' }>;

export interface OauthOptions {
  /** Longest wait for the token endpoint. */
  readonly requestMsMax: number;
  /** A token that ends within this is replaced. */
  readonly refreshAheadMs: number;
  /** Certificate authorities beside the system's, as PEM. */
  readonly ca: string | undefined;
}

export interface OauthDeps {
  readonly options: OauthOptions;
  readonly egress: Egress;
  readonly clock: Clock;
  /** Some providers give a new refresh token with each access token, and the old one ends: it must be kept before it is needed. */
  readonly keep: (id: AccountId, credentials: OauthCredentials) => Promise<void>;
}

/** Fresh credentials of an account, with another access token than that of `refused`. Rejects only when `keep` does. */
export type FreshCredentials = (
  id: AccountId,
  credentials: OauthCredentials,
  refused?: Credentials,
) => Promise<MailResult<OauthCredentials>>;

/** Bytes of an answer that are read: access tokens of some kilobytes. */
export const ANSWER_BYTES_MAX = 65_536;
/** When the answer names no end (RFC 6749 only recommends it). */
const LIFETIME_MS_DEFAULT = 3_600_000;
const MS_PER_SECOND = 1000;

export function createOauth({ options, egress, clock, keep }: OauthDeps): FreshCredentials {
  const agent = new Agent({ keepAlive: false, secureContext: createTrust(options.ca) });
  // Bounded by the number of accounts that are connecting, which the pool bounds.
  const underWay = new Map<AccountId, Promise<MailResult<OauthCredentials>>>();
  /** What the token endpoint gave and `keep` did not take: the refresh token before may be worth nothing any more. Bounded as above. */
  const unkept = new Map<AccountId, Unkept>();

  const refresh = async (id: AccountId, credentials: OauthCredentials) => {
    const left = unkept.get(id);
    const newest = left?.old === credentials.refreshToken ? left.fresh : credentials;
    const answer = await askForToken(newest, { options, egress, agent });
    if (!answer.ok) return answer;
    const { accessToken, refreshToken, expiresInMs } = answer.value;
    const fresh: OauthCredentials = {
      ...newest,
      accessToken,
      accessTokenExpiresAtMs: clock.nowMs() + (expiresInMs ?? LIFETIME_MS_DEFAULT),
      refreshToken: refreshToken ?? newest.refreshToken,
    };
    unkept.set(id, { old: credentials.refreshToken, fresh });
    // Also the access token: a restart then needs no thousand requests.
    await keep(id, fresh);
    unkept.delete(id);
    return { ok: true, value: fresh } as const;
  };

  return (id, credentials, refused) => {
    const { accessToken, accessTokenExpiresAtMs = 0 } = credentials;
    const isRefused = refused?.kind === 'oauth' && refused.accessToken === accessToken;
    const isGood = clock.nowMs() < accessTokenExpiresAtMs - options.refreshAheadMs;
    if (accessToken !== undefined && isGood && !isRefused) {
      return Promise.resolve({ ok: true, value: credentials });
    }
    const known = underWay.get(id);
    if (known !== undefined) return known;
    const asked = refresh(id, credentials).finally(() => underWay.delete(id));
    underWay.set(id, asked);
    return asked;
  };
}

interface Unkept {
  /** The refresh token that is kept in its place. */
  readonly old: string;
  readonly fresh: OauthCredentials;
}

interface TokenAnswer {
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
  readonly expiresInMs: number | undefined;
}

interface Asking extends Pick<OauthDeps, 'options' | 'egress'> {
  readonly agent: Agent;
}

async function askForToken(
  credentials: OauthCredentials,
  { options, egress, agent }: Asking,
): Promise<MailResult<TokenAnswer>> {
  const url = new URL(credentials.tokenEndpoint);
  const way = await egress(url.hostname, Number(url.port || 443));
  if (!way.ok) return way;
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: credentials.refreshToken,
    client_id: credentials.clientId,
  });
  if (credentials.clientSecret !== undefined) form.set('client_secret', credentials.clientSecret);
  if (credentials.scope !== undefined) form.set('scope', credentials.scope);
  const answer = await post(url, form.toString(), { address: way.address, options, agent });
  return answer === undefined
    ? { ok: false, failure: { kind: 'network', detail: 'the token endpoint does not answer' } }
    : judge(answer);
}

interface HttpAnswer {
  readonly status: number;
  readonly text: string;
}

/** Undefined when there is no whole answer. Never rejects, follows no redirect. */
function post(
  url: URL,
  body: string,
  { address, options, agent }: Pick<Asking, 'options' | 'agent'> & { readonly address: string },
): Promise<HttpAnswer | undefined> {
  return new Promise((resolve) => {
    const asked = request(
      {
        method: 'POST',
        // The address that was judged; the name is what the certificate must prove.
        host: address,
        port: url.port || 443,
        ...(isIP(url.hostname.replace(/[[\]]/g, '')) === 0 ? { servername: url.hostname } : {}),
        path: `${url.pathname}${url.search}`,
        headers: {
          Host: url.host,
          'Content-Type': 'application/x-www-form-urlencoded',
          'Content-Length': Buffer.byteLength(body),
          Accept: 'application/json',
        },
        agent,
        signal: AbortSignal.timeout(options.requestMsMax),
      },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
          if (text.length > ANSWER_BYTES_MAX) asked.destroy();
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('close', () => resolve(undefined));
      },
    );
    asked.on('error', () => resolve(undefined));
    asked.end(body);
  });
}

/** RFC 6749, sections 5.1 and 5.2. */
function judge({ status, text }: HttpAnswer): MailResult<TokenAnswer> {
  const members = membersOf(text);
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn } = members;
  if (status === 200 && typeof accessToken === 'string' && accessToken !== '') {
    const seconds = Number(expiresIn);
    return {
      ok: true,
      value: {
        accessToken,
        refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
        expiresInMs: seconds > 0 ? seconds * MS_PER_SECOND : undefined,
      },
    };
  }
  return { ok: false, failure: failureOf(status, members['error']) };
}

/** Error words that no repetition mends: the user must consent again, or the app be set up otherwise. */
const FINAL = new Set([
  'invalid_grant',
  'invalid_client',
  'invalid_request',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'interaction_required',
  'consent_required',
  'login_required',
]);

function failureOf(status: number, error: unknown): MailFailure {
  const word = typeof error === 'string' && /^[a-z_]{1,40}$/.test(error) ? error : `HTTP ${status}`;
  if (FINAL.has(word)) return { kind: 'oauth', detail: word };
  if (status === 429) return { kind: 'limited', detail: word };
  return { kind: 'network', detail: word };
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // A page of a proxy in between: the status says enough.
  }
  return {};
}
