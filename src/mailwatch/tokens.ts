/** The token by which a device speaks of its watch: the account's id and 32 random bytes. Only its hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AccountId } from './account.ts';

const SECRET_BYTES = 32;
const TOKEN = /^([0-9a-f]{32})\.[A-Za-z0-9_-]{43}$/;

/** The account of an endpoint. One endpoint has one account, whoever registers it how often. */
export function accountIdOf(endpoint: string): AccountId {
  return createHash('sha256').update(endpoint).digest('hex').slice(0, 32) as AccountId;
}

/** A fresh token, and what is kept of it. */
export function newWatchToken(id: AccountId): { readonly token: string; readonly hash: string } {
  const token = `${id}.${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { token, hash: hashOf(token) };
}

/** Which account the token speaks of, if it is the token of one; undefined when it cannot be. */
export function accountOfToken(token: string): AccountId | undefined {
  const [, id] = TOKEN.exec(token) ?? [];
  return id === undefined ? undefined : (id as AccountId);
}

/** Whether `token` is the one that `hash` was kept of; takes the same time whatever differs. */
export function isTokenOf(token: string, hash: string): boolean {
  return timingSafeEqual(Buffer.from(hashOf(token)), Buffer.from(hash));
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
