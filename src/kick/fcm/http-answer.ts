import type { Http2Answer } from '../http2-exchange.ts';
import type { FcmAnswer } from './answers.ts';

/** What is read of an answer of Google. */
export function toFcmAnswer({ status, headers, body }: Http2Answer): FcmAnswer {
  const retryAfter = headers['retry-after'];
  return { status, body, retryAfter: typeof retryAfter === 'string' ? retryAfter : undefined };
}
