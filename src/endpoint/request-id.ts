import { randomUUID } from 'node:crypto';
import { parseRequestId, type RequestId } from '../protocol/ids.ts';

/**
 * The caller's own id when it is a UUID, else a new one (protocol.md, "PUT"). Made by Node itself, which keeps random bytes ready: it is
 * made for nearly every PUT, and by way of WebCrypto, as portable packages do, it costs three times as much.
 */
export function requestIdOf(offered: string): RequestId {
  const own = offered === '' ? undefined : parseRequestId(offered);
  return own ?? (randomUUID() as RequestId);
}
