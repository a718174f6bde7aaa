/** HTTP/1.1 by hand: requests as text, answers read byte by byte. */
import type { ReadBytes, TcpClient } from './tcp-client.ts';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** The bytes of a PUT to an endpoint. `body` is what the length tells of unless a header says otherwise. */
export function putBytes(
  endpoint: string,
  { body = 'version=1', headers = [] as readonly string[], method = 'PUT' } = {},
): string {
  const { host, pathname, search } = new URL(endpoint);
  const hasLength = headers.some((header) => /^(content-length|transfer-encoding):/i.test(header));
  const length = hasLength ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const head = [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...headers, ...length];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** The next answer. `hasBody` is false for an answer to HEAD. */
export function nextAnswer(client: TcpClient, { hasBody = true } = {}): Promise<RawAnswer> {
  return client.take('an HTTP answer', readAnswer(hasBody));
}

function readAnswer(hasBody: boolean): ReadBytes<RawAnswer> {
  return (bytes) => {
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd === -1) return undefined;
    const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const bodyBegin = headEnd + 4;
    const byteCount = bodyBegin + (hasBody ? Number(headers.get('content-length') ?? 0) : 0);
    if (bytes.length < byteCount) return undefined;
    const status = Number(statusLine.split(' ')[1]);
    return {
      value: { status, headers, body: bytes.toString('utf8', bodyBegin, byteCount) },
      byteCount,
    };
  };
}
