/** What the two rims of the app-server side share. */

import type { Counter, Metrics } from '../metrics.ts';
import { REQUEST_ID_HEADER } from '../protocol/ids.ts';
import { ENDPOINT_ANSWERS, type EndpointAnswer } from '../protocol/statuses.ts';
import type { PutUpdate } from './put-update.ts';

export interface EndpointListenerOptions {
  readonly host: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly cors: boolean;
  /** Bytes of a request's body; one more is answered 413 and ends the connection. */
  readonly bodyBytesMax: number;
  /** Bytes of a request's line and headers. */
  readonly headerBytesMax: number;
  /** From the first byte of a request to the end of its head. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to the end of its body. */
  readonly requestTimeoutMs: number;
  /** Silence between two requests of one connection. */
  readonly keepAliveTimeoutMs: number;
  readonly connectionsMax: number;
  /** What 429 and 503 tell the caller to wait, in seconds. */
  readonly retryAfterSecs: number;
  readonly tls: EndpointTls | undefined;
}

/** A certificate and its key, checked; uWebSockets.js wants the files, node:https their text. */
export interface EndpointTls {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly minVersion: '1.2' | '1.3';
}

export interface EndpointListenerDeps {
  readonly putUpdate: PutUpdate;
  /** The public answers for load balancers, by path: status and JSON body. */
  readonly probe: (path: string) => { readonly status: number; readonly body: string } | undefined;
  readonly metrics: Metrics;
}

export interface EndpointListener {
  /** Which library serves, for /status. */
  readonly transport: 'node' | 'uws';
  /** The port in use. */
  readonly port: number;
  /** Stops taking connections; requests in hand go on and their connections end after the answer. */
  stopListening(): void;
  /** Ends every connection that is still open. */
  close(): Promise<void>;
}

/** One answer as it goes over the wire, made once at start. */
export interface ReadyAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The same and the length of the body, names and values in turn, as node:http takes them. */
  readonly flatHeaders: readonly string[];
  /** Counts the times it was given. */
  readonly given: Counter;
}

export type ReadyAnswers = Readonly<Record<EndpointAnswer, ReadyAnswer>>;

export const ALLOWED_METHODS = 'PUT, OPTIONS';

const CORS_HEADERS: readonly (readonly [string, string])[] = [
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Methods', ALLOWED_METHODS],
  ['Access-Control-Allow-Headers', `Content-Type, ${REQUEST_ID_HEADER}`],
  ['Access-Control-Expose-Headers', `Retry-After, ${REQUEST_ID_HEADER}`],
];

/** Every answer with its headers, but for the request's own id. */
export function readyAnswers(
  { cors, retryAfterSecs }: EndpointListenerOptions,
  { puts }: Pick<Metrics, 'puts'>,
): ReadyAnswers {
  const ready = (name: EndpointAnswer): ReadyAnswer => {
    const { status, body } = ENDPOINT_ANSWERS[name];
    const headers: (readonly [string, string])[] = [];
    if (body !== '') headers.push(['Content-Type', 'application/json']);
    if (status === 405 || name === 'options') headers.push(['Allow', ALLOWED_METHODS]);
    if (status === 429 || status === 503) headers.push(['Retry-After', String(retryAfterSecs)]);
    const all = cors ? [...headers, ...CORS_HEADERS] : headers;
    const flatHeaders = [...all.flat(), 'Content-Length', String(Buffer.byteLength(body))];
    return { status, body, headers: all, flatHeaders, given: puts[name] };
  };
  const names = Object.keys(ENDPOINT_ANSWERS) as EndpointAnswer[];
  return Object.fromEntries(names.map((name) => [name, ready(name)])) as Record<
    EndpointAnswer,
    ReadyAnswer
  >;
}
