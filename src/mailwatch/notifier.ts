/** The way from news to the device: a PUT to its endpoint, and to no other URL than one of this server's endpoints. */
import { unreachable } from '../assert.ts';
import { type PutResult, putVersion } from '../client/put.ts';
import type { RequestId } from '../protocol/ids.ts';

/** What became of one PUT. */
export type NotifyOutcome =
  /** 200 or 202: the push side has stored it. Only now may the baseline advance. */
  | { readonly kind: 'accepted' }
  /** 404 or 410: nobody is behind the endpoint any more. */
  | { readonly kind: 'gone' }
  /** Nothing is known to have been accepted. `retryAfterMs` is at least how long to wait, when the server said so. */
  | { readonly kind: 'later'; readonly retryAfterMs?: number };

export interface NotifierDeps {
  /** Beginnings of the endpoints that this server issues, each ending in `/`. */
  readonly endpointBases: readonly string[];
  /** Longest wait for an answer. */
  readonly putMsMax: number;
  readonly fetch?: typeof fetch;
}

/** Whose an endpoint is. */
export type EndpointCheck =
  | 'ours'
  | 'foreign'
  /** The push server does not answer now. */
  | 'unknown';

export interface Notifier {
  /** Whether the push server has issued this endpoint, by a HEAD that changes nothing (protocol.md, "PUT"). Never rejects. */
  check(endpoint: string): Promise<EndpointCheck>;
  /** `requestId` names the PUT in the log of the push side. Never rejects. */
  notify(endpoint: string, version: number, requestId: RequestId): Promise<NotifyOutcome>;
}

export function createNotifier({
  endpointBases,
  putMsMax,
  fetch: send = fetch,
}: NotifierDeps): Notifier {
  // Nothing else is ever asked for.
  const isOurs = (endpoint: string) => isBelow(endpoint, endpointBases);
  // A redirect would lead where nobody has looked.
  const straight: typeof fetch = (url, init) => send(url, { ...init, redirect: 'error' });
  return {
    async check(endpoint) {
      if (!isOurs(endpoint)) return 'foreign';
      try {
        const signal = AbortSignal.timeout(putMsMax);
        const { status } = await straight(endpoint, { method: 'HEAD', signal });
        return status === 405 ? 'ours' : status === 404 ? 'foreign' : 'unknown';
      } catch {
        // Nobody there, or too slow: whose the endpoint is cannot be said now.
        return 'unknown';
      }
    },
    async notify(endpoint, version, requestId) {
      // The bases have changed since the account was registered. That may be a slip of the operator's, which must erase no credentials.
      if (!isOurs(endpoint)) return { kind: 'later' };
      return outcomeOf(
        await putVersion(endpoint, version, { requestId, waitMsMax: putMsMax, fetch: straight }),
      );
    },
  };
}

/** Compared as parsed: `https://push.example@evil.example/` only looks like ours. */
function isBelow(endpoint: string, bases: readonly string[]): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { href, username, password, search, hash } = new URL(endpoint);
  if (href !== endpoint || username !== '' || password !== '') return false;
  if (search !== '' || hash !== '') return false;
  return bases.some((base) => href.startsWith(base) && href.length > base.length);
}

function outcomeOf(result: PutResult): NotifyOutcome {
  switch (result.kind) {
    case 'delivered':
    case 'stored':
      return { kind: 'accepted' };
    case 'gone':
    case 'unknown-endpoint':
      return { kind: 'gone' };
    case 'try-later':
      return result.retryAfterMs === undefined
        ? { kind: 'later' }
        : { kind: 'later', retryAfterMs: result.retryAfterMs };
    // Not ours to mend, and no reason to forget the mailbox: what answers so may be a proxy in between.
    case 'refused':
    case 'unreachable':
      return { kind: 'later' };
    default:
      return unreachable(result);
  }
}
