/** Google's token endpoint for service accounts (RFC 7523). It reads the JWT by hand, so that it finds out what a library gets wrong. */
import { type KeyObject, randomBytes, verify } from 'node:crypto';
import { type FakeAnswer, oauthError } from './errors.ts';

export interface TokenEndpointDeps {
  readonly publicKey: KeyObject;
  readonly keyId: string;
  readonly clientEmail: string;
  readonly tokenUrl: string;
  /** Of the tokens it gives. */
  readonly lifetimeSecs: number;
  readonly nowMs: () => number;
}

export interface TokenEndpoint {
  /** What it answers to the body of a POST. */
  answer(body: string): FakeAnswer;
  stateOf(bearer: string): 'good' | 'expired' | 'unknown';
  /** No token that was given is good any more. */
  revokeAll(): void;
}

const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const SCOPES = [
  'https://www.googleapis.com/auth/firebase.messaging',
  'https://www.googleapis.com/auth/cloud-platform',
];
const LIFETIME_SECS_MAX = 3600;
/** How far Google lets a clock be wrong, as far as anybody has found out. */
const SKEW_SECS_MAX = 300;

const NOT_SHORT_LIVED =
  'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.';

type Members = Readonly<Record<string, unknown>>;

export function createTokenEndpoint(deps: TokenEndpointDeps): TokenEndpoint {
  const endsAtMs = new Map<string, number>();
  return {
    answer(body) {
      const refusal = refusalOf(body, deps);
      if (refusal !== undefined) return refusal;
      const bearer = `ya29.${randomBytes(48).toString('base64url')}`;
      endsAtMs.set(bearer, deps.nowMs() + deps.lifetimeSecs * 1000);
      return {
        status: 200,
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({
          access_token: bearer,
          expires_in: deps.lifetimeSecs,
          token_type: 'Bearer',
        }),
      };
    },
    stateOf(bearer) {
      const endMs = endsAtMs.get(bearer);
      if (endMs === undefined) return 'unknown';
      return deps.nowMs() < endMs ? 'good' : 'expired';
    },
    revokeAll() {
      endsAtMs.clear();
    },
  };
}

function refusalOf(body: string, deps: TokenEndpointDeps): FakeAnswer | undefined {
  const form = new URLSearchParams(body);
  const grantType = form.get('grant_type');
  if (grantType === null) {
    return oauthError(400, 'invalid_request', 'Required parameter is missing: grant_type');
  }
  if (grantType !== GRANT_TYPE) {
    return oauthError(400, 'unsupported_grant_type', `Invalid grant_type: ${grantType}`);
  }
  const [header = '', claims = '', signature = '', ...more] =
    form.get('assertion')?.split('.') ?? [];
  const [head, claimed] = [parsePart(header), parsePart(claims)];
  if (head === undefined || claimed === undefined || more.length > 0) {
    return oauthError(400, 'invalid_grant', 'Bad Request');
  }
  const signed = Buffer.from(`${header}.${claims}`);
  const isSigned =
    head['alg'] === 'RS256' &&
    (head['kid'] === undefined || head['kid'] === deps.keyId) &&
    verify('sha256', signed, deps.publicKey, Buffer.from(signature, 'base64url'));
  return refusalOfClaims(claimed, isSigned, deps);
}

function refusalOfClaims(
  { iss, aud, scope, iat, exp }: Members,
  isSigned: boolean,
  { clientEmail, tokenUrl, nowMs }: TokenEndpointDeps,
): FakeAnswer | undefined {
  if (iss !== clientEmail) {
    return oauthError(400, 'invalid_grant', 'Invalid grant: account not found');
  }
  if (!isSigned) return oauthError(400, 'invalid_grant', 'Invalid JWT Signature.');
  if (aud !== tokenUrl) {
    const description = `Invalid JWT: Failed audience check. The right audience is ${tokenUrl}`;
    return oauthError(400, 'invalid_grant', description);
  }
  if (!isInTime(iat, exp, nowMs() / 1000)) {
    return oauthError(400, 'invalid_grant', NOT_SHORT_LIVED);
  }
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  if (!scopes.some((name) => SCOPES.includes(name))) {
    const description = 'Invalid OAuth scope or ID token audience provided.';
    return oauthError(400, 'invalid_scope', description);
  }
  return undefined;
}

function isInTime(iat: unknown, exp: unknown, nowSecs: number): boolean {
  return (
    typeof iat === 'number' &&
    typeof exp === 'number' &&
    exp - iat <= LIFETIME_SECS_MAX &&
    exp > nowSecs - SKEW_SECS_MAX &&
    Math.abs(iat - nowSecs) <= SKEW_SECS_MAX
  );
}

function parsePart(part: string): Members | undefined {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    return undefined;
  }
}
