/** HTTP/1.1 by hand: requests as text, answers read byte by byte. */
import { type ReadBytes, WireConnection } from './connection.ts';
import { WireError } from './errors.ts';
import type { Load } from './load.ts';
import type { Target } from './target.ts';

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What came was no HTTP answer. */
export const NO_ANSWER_STATUS = 0;

export interface RequestParts {
  readonly method?: string;
  /** What stands in the request line; by default the path and query of the URL. */
  readonly path?: string;
  /** Whole lines. A length is added unless one of them tells it. */
  readonly headers?: readonly string[];
  readonly body?: string;
  /** The version in the request line. */
  readonly protocol?: string;
}

/** The bytes of a request, in latin1; a PUT unless told otherwise. */
export function requestText(url: URL, parts: RequestParts = {}): string {
  const { method = 'PUT', path = `${url.pathname}${url.search}`, headers = [] } = parts;
  const { body = '', protocol = 'HTTP/1.1' } = parts;
  const tells = (pattern: RegExp) => headers.some((header) => pattern.test(header));
  const lines = [
    `${method} ${path} ${protocol}`,
    ...(tells(/^host\b/i) ? [] : [`Host: ${url.host}`]),
    ...headers,
    ...(tells(/^(?:content-length|transfer-encoding)\b/i)
      ? []
      : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Reads one answer. `isHead`: the answer to a HEAD has no body whatever it says. */
export function readAnswer({ isHead = false } = {}): ReadBytes<HttpAnswer> {
  return (bytes) => {
    if (bytes.length === 0) return undefined;
    const isHttp = bytes.toString('latin1', 0, 5) === 'HTTP/'.slice(0, bytes.length);
    if (!isHttp) {
      const value = {
        status: NO_ANSWER_STATUS,
        headers: new Map(),
        body: bytes.toString('latin1'),
      };
      return { value, byteCount: bytes.length };
    }
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
    const status = Number(statusLine.split(' ')[1]);
    const headers = new Map(lines.map(headerOf));
    const isBare = isHead || status < 200 || status === 204 || status === 304;
    const found = isBare
      ? { body: '', byteCount: headEnd + 4 }
      : readBody(bytes, headEnd + 4, headers);
    if (found === undefined) return undefined;
    return { value: { status, headers, body: found.body }, byteCount: found.byteCount };
  };
}

function headerOf(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

interface FoundBody {
  readonly body: string;
  /** Of the whole answer. */
  readonly byteCount: number;
}

function readBody(
  bytes: Buffer,
  begin: number,
  headers: ReadonlyMap<string, string>,
): FoundBody | undefined {
  if (headers.get('transfer-encoding')?.toLowerCase() === 'chunked')
    return readChunks(bytes, begin);
  // Without a length, or with one that is none, the body goes on to the end of the connection; its beginning is enough for us.
  const written = headers.get('content-length') ?? '';
  const byteCount = /^\d{1,15}$/.test(written) ? begin + Number(written) : bytes.length;
  if (bytes.length < byteCount) return undefined;
  return { body: bytes.toString('utf8', begin, byteCount), byteCount };
}

function readChunks(bytes: Buffer, begin: number): FoundBody | undefined {
  let body = '';
  for (let at = begin; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (!(bytes.length >= next)) return undefined;
    body += bytes.toString('utf8', lineEnd + 2, lineEnd + 2 + size);
    if (size === 0) return { body, byteCount: next };
    at = next;
  }
}

/**
 * Sends one request on a connection of its own, and reads its answer.
 * @throws WireError when there is none in time
 * @throws UnreachableError
 */
export async function exchange(
  url: URL,
  parts: RequestParts,
  { target, load }: { readonly target: Target; readonly load: Load },
): Promise<HttpAnswer> {
  const connection = await WireConnection.open(url, target, load);
  try {
    const headers = [...(parts.headers ?? []), 'Connection: close'];
    await connection.write(requestText(url, { ...parts, headers }));
    const arrival = await connection.take(readAnswer(), target.timeoutMs);
    if (arrival.kind === 'value') return arrival.value;
    const what = `${parts.method ?? 'PUT'} to ${url.host}`;
    throw new WireError(
      arrival.kind === 'ended'
        ? `the server ended the connection instead of answering a ${what}`
        : `no answer to a ${what} within ${target.timeoutMs} ms`,
    );
  } finally {
    connection.destroy();
  }
}
