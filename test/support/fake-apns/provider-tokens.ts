import { generateKeyPairSync, verify } from 'node:crypto';
import type { FakeApnsReason } from './reasons.ts';

/** A signing key that Apple knows, and what it may push to. */
export interface FakeApnsKey {
  readonly teamId: string;
  readonly keyId: string;
  readonly publicKeyPem: string;
  readonly topics: readonly string[];
  /** Absent: for both. */
  readonly environment?: FakeApnsEnvironment;
}

export type FakeApnsEnvironment = 'production' | 'sandbox';

/** What one connection has been told about who speaks. */
export interface ConnectionTokens {
  key?: FakeApnsKey;
  /** The token in use, and since when. */
  token?: string;
  tokenSinceMs: number;
  /** Whether the token in use was called expired: then the next may come at once. */
  isExpired: boolean;
}

const TOKEN_AGE_S_MAX = 3600;
const TOKEN_UPDATE_MS_MIN = 1_200_000;
/** Clocks differ. */
const CLOCK_SKEW_S_MAX = 60;
const BEARER = /^bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/i;

/** A fresh key of an app's developer. */
export function makeApnsKeyPair(): {
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
} {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKeyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    publicKeyPem: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/** The key that the header proves, or what is wrong with it. Remembers in `connection` what it has seen. */
export function checkProviderToken(
  authorization: string | undefined,
  {
    keys,
    connection,
    environment,
    nowMs,
  }: {
    readonly keys: readonly FakeApnsKey[];
    readonly connection: ConnectionTokens;
    readonly environment: FakeApnsEnvironment;
    readonly nowMs: number;
  },
): FakeApnsKey | FakeApnsReason {
  if (authorization === undefined) return 'MissingProviderToken';
  const signed = readToken(authorization, { keys, connection });
  if (signed === undefined) return 'InvalidProviderToken';
  const { key, iat } = signed;
  const ageS = nowMs / 1000 - iat;
  if (ageS < -CLOCK_SKEW_S_MAX) return 'InvalidProviderToken';
  if (key.environment !== undefined && key.environment !== environment) {
    return 'BadEnvironmentKeyIdInToken';
  }
  if (connection.key !== undefined && connection.key !== key) {
    const isSameTeam = connection.key.teamId === key.teamId;
    return isSameTeam ? 'UnrelatedKeyIdInToken' : 'InvalidProviderToken';
  }
  if (ageS > TOKEN_AGE_S_MAX) {
    connection.isExpired = true;
    return 'ExpiredProviderToken';
  }
  return noteToken(authorization, { key, connection, nowMs });
}

/** Undefined unless it is a token as Apple wants it, signed with a key that Apple knows. */
function readToken(
  authorization: string,
  {
    keys,
    connection,
  }: { readonly keys: readonly FakeApnsKey[]; readonly connection: ConnectionTokens },
): { readonly key: FakeApnsKey; readonly iat: number } | undefined {
  const [, head = '', claims = '', signature = ''] = BEARER.exec(authorization) ?? [];
  const { alg, kid, typ: _typ, ...furtherHead } = decode(head);
  const { iss, iat, ...furtherClaims } = decode(claims);
  const key = keys.find(({ keyId, teamId }) => keyId === kid && teamId === iss);
  if (key === undefined || alg !== 'ES256') return undefined;
  if (Object.keys({ ...furtherHead, ...furtherClaims }).length > 0) return undefined;
  if (typeof iat !== 'number' || !Number.isInteger(iat)) return undefined;
  // The one in use was verified when it came.
  const isVerified = connection.token === authorization && connection.key === key;
  return isVerified || isSigned(`${head}.${claims}`, signature, key) ? { key, iat } : undefined;
}

function noteToken(
  token: string,
  {
    key,
    connection,
    nowMs,
  }: {
    readonly key: FakeApnsKey;
    readonly connection: ConnectionTokens;
    readonly nowMs: number;
  },
): FakeApnsKey | FakeApnsReason {
  if (connection.token !== token) {
    const isTooSoon =
      connection.token !== undefined &&
      !connection.isExpired &&
      nowMs - connection.tokenSinceMs < TOKEN_UPDATE_MS_MIN;
    if (isTooSoon) return 'TooManyProviderTokenUpdates';
    connection.token = token;
    connection.tokenSinceMs = nowMs;
    connection.isExpired = false;
  }
  connection.key = key;
  return key;
}

function isSigned(text: string, signature: string, { publicKeyPem }: FakeApnsKey): boolean {
  const key = { key: publicKeyPem, dsaEncoding: 'ieee-p1363' } as const;
  return verify('sha256', Buffer.from(text), key, Buffer.from(signature, 'base64url'));
}

function decode(part: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
