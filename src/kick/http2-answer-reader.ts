import { type ClientHttp2Stream, constants } from 'node:http2';
import type { Http2Answer } from './http2-exchange.ts';

/** What has come of an answer. */
export interface PartialAnswer extends Http2Answer {
  /** Whether nothing is missing but what was cut off. */
  readonly isWhole: boolean;
}

/** An answer's body is cut off here. Providers answer with a few hundred bytes; a proxy's error page may be longer. */
export const ANSWER_CHARACTERS_MAX = 16_384;

/** Calls `onClose` once, when nothing more can come. */
export function readAnswer(
  stream: ClientHttp2Stream,
  onClose: (partial: PartialAnswer) => void,
): void {
  let status = 0;
  let headers: Http2Answer['headers'] = {};
  let body = '';
  let isEnded = false;
  stream.setEncoding('utf8');
  stream.on('response', (received) => {
    status = received[':status'] ?? 0;
    headers = received;
  });
  stream.on('data', (text: string) => {
    body += text;
    if (body.length <= ANSWER_CHARACTERS_MAX) return;
    body = body.slice(0, ANSWER_CHARACTERS_MAX);
    isEnded = true;
    stream.close(constants.NGHTTP2_CANCEL);
  });
  // It also comes when the stream is reset or the connection lost.
  stream.on('end', () => {
    isEnded ||= stream.rstCode === constants.NGHTTP2_NO_ERROR;
  });
  stream.on('error', () => {
    // 'close' follows, and the stream's rstCode says what happened.
  });
  stream.on('close', () => onClose({ status, headers, body, isWhole: isEnded && status > 0 }));
}
