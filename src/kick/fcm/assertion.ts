/** FCM's only file that speaks to jose. */
import { SignJWT } from 'jose';
import type { ServiceAccount } from './service-account.ts';

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
/** The longest that Google takes. It is used at once and then thrown away. */
const LIFETIME_SECS = 3600;

/** What buys an access token (RFC 7523, section 2.1): a JWT that the account signs about itself. A secret while it lives. */
export function signAssertion(account: ServiceAccount, nowMs: number): Promise<string> {
  const issuedAtSecs = Math.floor(nowMs / 1000);
  const keyId = account.privateKeyId === undefined ? {} : { kid: account.privateKeyId };
  return new SignJWT({ scope: SCOPE })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...keyId })
    .setIssuer(account.clientEmail)
    .setAudience(account.tokenUrl)
    .setIssuedAt(issuedAtSecs)
    .setExpirationTime(issuedAtSecs + LIFETIME_SECS)
    .sign(account.privateKey);
}
