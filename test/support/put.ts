/** An app server: requests to endpoints and what came back. */

/** What an app server may say; a `body` goes out as it is, else `version` and `data` are form-encoded. */
export interface PutOptions {
  readonly method?: string;
  readonly version?: number | string;
  readonly data?: string;
  readonly body?: string | Uint8Array<ArrayBuffer> | FormData;
  /** A text has none unless it is given here, bytes never. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PutAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Longest wait for an answer. */
const ANSWER_WAIT_MS_MAX = 5_000;

/** One request to an endpoint, a PUT unless told otherwise. */
export async function put(endpoint: string, options: PutOptions = {}): Promise<PutAnswer> {
  const { method = 'PUT', headers = {}, contentType } = options;
  const response = await fetch(endpoint, {
    method,
    ...(method === 'GET' || method === 'HEAD' ? {} : { body: bodyOf(options) }),
    headers: contentType === undefined ? headers : { ...headers, 'Content-Type': contentType },
    signal: AbortSignal.timeout(ANSWER_WAIT_MS_MAX),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** As `put`, for tests that look at the status alone. */
export async function putStatus(endpoint: string, options: PutOptions = {}): Promise<number> {
  return (await put(endpoint, options)).status;
}

function bodyOf({ body, version, data }: PutOptions): NonNullable<RequestInit['body']> {
  // As bytes, because fetch gives every text a Content-Type.
  if (typeof body === 'string') return Buffer.from(body);
  if (body !== undefined) return body;
  const form = new URLSearchParams();
  if (version !== undefined) form.set('version', String(version));
  if (data !== undefined) form.set('data', data);
  return form;
}
