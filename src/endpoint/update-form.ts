/** What a PUT says: `version` and `data` of its body or query (protocol.md, "PUT"). */
import { parseVersion, type Version, versionOfTime } from '../protocol/ids.ts';

/** A request's body and what describes it, copied out of whatever library read it. */
export interface FormSource {
  readonly body: Buffer;
  /** '' when the request names none; then the body is read as urlencoded, as curl-less clients expect. */
  readonly contentType: string;
  /** Without its question mark; '' when there is none. */
  readonly query: string;
}

export interface FormRules {
  /** Bytes of `data` in UTF-8, after decoding. */
  readonly dataBytesMax: number;
  readonly nowMs: () => number;
}

export type UpdateForm =
  | { readonly kind: 'update'; readonly version: Version; readonly data: string | undefined }
  | { readonly kind: 'refused'; readonly answer: 'invalidVersion' | 'invalidBody' | 'dataTooLong' };

/** The members that count, first occurrence each. */
interface Fields {
  readonly version: string | undefined;
  readonly data: string | undefined;
}

const INVALID_VERSION: UpdateForm = { kind: 'refused', answer: 'invalidVersion' };
const INVALID_BODY: UpdateForm = { kind: 'refused', answer: 'invalidBody' };
const DATA_TOO_LONG: UpdateForm = { kind: 'refused', answer: 'dataTooLong' };

/** What nearly every app server sends, and nothing else: no parser is needed for it. */
const VERSION_ALONE = /^version=([0-9]{1,15})$/;
const URLENCODED = 'application/x-www-form-urlencoded';
const MULTIPART = 'multipart/form-data';

/** Reads the form; a promise only for multipart, which is rare. Never throws, never rejects. */
export function readUpdateForm(
  source: FormSource,
  rules: FormRules,
): UpdateForm | Promise<UpdateForm> {
  const { body, contentType, query } = source;
  const mediaType = mediaTypeOf(contentType);
  if (mediaType === URLENCODED) {
    const text = body.toString('utf8');
    const alone = VERSION_ALONE.exec(text);
    if (alone) return { kind: 'update', version: Number(alone[1]) as Version, data: undefined };
    return toUpdate(withQuery(fieldsOf(new URLSearchParams(text)), query), rules);
  }
  if (mediaType === MULTIPART) return readMultipart(source, rules);
  // Any other type: the body says nothing that we read.
  return toUpdate(withQuery({ version: undefined, data: undefined }, query), rules);
}

function mediaTypeOf(contentType: string): string {
  if (contentType === '' || contentType === URLENCODED) return URLENCODED;
  const end = contentType.indexOf(';');
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** The platform's own parser (RFC 7578). The body is bounded and whole by now. */
async function readMultipart(
  { body, contentType, query }: FormSource,
  rules: FormRules,
): Promise<UpdateForm> {
  try {
    const form = await new Response(body, { headers: { 'Content-Type': contentType } }).formData();
    const text = (name: string) => {
      const value = form.get(name);
      return typeof value === 'string' ? value : undefined;
    };
    return toUpdate(withQuery({ version: text('version'), data: text('data') }, query), rules);
  } catch {
    // Not multipart as its boundary says. The parser's own words would quote the body.
    return INVALID_BODY;
  }
}

function withQuery(fields: Fields, query: string): Fields {
  if (query === '') return fields;
  const asked = fieldsOf(new URLSearchParams(query));
  return { version: fields.version ?? asked.version, data: fields.data ?? asked.data };
}

function fieldsOf(parameters: URLSearchParams): Fields {
  return {
    version: parameters.get('version') ?? undefined,
    data: parameters.get('data') ?? undefined,
  };
}

function toUpdate({ version, data }: Fields, { dataBytesMax, nowMs }: FormRules): UpdateForm {
  const parsed =
    version === undefined || version === '' ? versionOfTime(nowMs()) : parseVersion(version);
  if (parsed === undefined) return INVALID_VERSION;
  if (data !== undefined && Buffer.byteLength(data) > dataBytesMax) return DATA_TOO_LONG;
  return { kind: 'update', version: parsed, data: data === '' ? undefined : data };
}
