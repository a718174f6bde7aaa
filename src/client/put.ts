/** The app server's side: one PUT of a version to an endpoint (protocol.md, "Endpoints"). For Node and browsers. */
import { REQUEST_ID_HEADER, toVersion } from '../protocol/ids.ts';

/** From the call to the whole answer, when the caller sets no other bound. */
export const PUT_MS_MAX = 30_000;

/** What a server asks for beyond this is cut to it: a wrong date must not silence an app server for years. */
export const RETRY_AFTER_MS_MAX = 86_400_000;

/** Bytes of the answer that are read; SimplePush servers send fewer than fifty. */
export const ANSWER_BYTES_MAX = 4_096;

export interface PutOptions {
  /** Given to the device as it is, if it is connected; never stored. */
  readonly data?: string;
  /** A UUID by which the server's log names this PUT. A server takes anything else for none. */
  readonly requestId?: string;
  /** Of the whole call, in milliseconds. By default PUT_MS_MAX. */
  readonly waitMsMax?: number;
  /** By default the platform's. */
  readonly fetch?: typeof fetch;
  /** Milliseconds since the epoch, against which a Retry-After date is read. By default the machine's clock. */
  readonly nowMs?: () => number;
}

export type PutResult =
  /** 200: the device was connected and has been sent the version. */
  | { readonly kind: 'delivered' }
  /** 202: the device will get the version when it connects. */
  | { readonly kind: 'stored' }
  /** 410: the channel is no more. The endpoint can be forgotten. */
  | { readonly kind: 'gone' }
  /** 404: never an endpoint of this server, or made with keys that it has no more. */
  | { readonly kind: 'unknown-endpoint' }
  /** 429 and 5xx: nothing was accepted. `retryAfterMs` when the server said how long to wait. */
  | { readonly kind: 'try-later'; readonly status: number; readonly retryAfterMs?: number }
  /** Any other status: trying the same again will not help. */
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }
  /** No answer. Whether the server accepted the version is not known; sending it again does no harm. */
  | { readonly kind: 'unreachable'; readonly cause: unknown };

/**
 * Tells the device behind `endpoint` that `version` is there; without a version, the server takes the time in seconds. Never
 * rejects because of the server or the network.
 *
 * @throws RangeError when `version` is no integer from 0 to 2^53-1.
 */
export async function putVersion(
  endpoint: string,
  version?: number,
  options: PutOptions = {},
): Promise<PutResult> {
  if (version !== undefined && toVersion(version) === undefined) {
    throw new RangeError('version must be an integer from 0 to 2^53-1');
  }
  const { fetch: send = fetch, waitMsMax = PUT_MS_MAX, nowMs = Date.now, requestId } = options;
  try {
    const answer = await send(endpoint, {
      method: 'PUT',
      headers: requestId === undefined ? {} : { [REQUEST_ID_HEADER]: requestId },
      body: bodyOf(version, options.data),
      signal: AbortSignal.timeout(waitMsMax),
    });
    return toResult(answer, await readText(answer), nowMs());
  } catch (cause) {
    return { kind: 'unreachable', cause };
  }
}

/** The wait that a Retry-After header asks for (RFC 9110, section 10.2.3), at most RETRY_AFTER_MS_MAX; undefined when it cannot be read. */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  const waitMs = /^[0-9]+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), RETRY_AFTER_MS_MAX);
}

/** URLSearchParams also set the Content-Type. */
function bodyOf(version: number | undefined, data: string | undefined): URLSearchParams {
  const body = new URLSearchParams();
  if (version !== undefined) body.set('version', String(version));
  if (data !== undefined) body.set('data', data);
  return body;
}

function toResult(answer: Response, reason: string, nowMs: number): PutResult {
  const { status } = answer;
  switch (status) {
    case 200:
      return { kind: 'delivered' };
    case 202:
      return { kind: 'stored' };
    case 404:
      return { kind: 'unknown-endpoint' };
    case 410:
      return { kind: 'gone' };
    default:
      if (status !== 429 && status < 500) return { kind: 'refused', status, reason };
  }
  const retryAfterMs = parseRetryAfter(answer.headers.get('retry-after') ?? '', nowMs);
  return retryAfterMs === undefined
    ? { kind: 'try-later', status }
    : { kind: 'try-later', status, retryAfterMs };
}

/** The answer's text, or its first ANSWER_BYTES_MAX. */
async function readText({ body }: Response): Promise<string> {
  if (!body) return '';
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  let readBytes = 0;
  while (readBytes < ANSWER_BYTES_MAX) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    readBytes += value.byteLength;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text.slice(0, ANSWER_BYTES_MAX);
}
