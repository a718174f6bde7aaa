/** Reads a body of `messages:send` as strictly as Google does, for the members that a wake could use. */
import { type FakeAnswer, fieldError, messageError } from './errors.ts';

/** A message that FCM would take. */
export interface TakenMessage {
  readonly token: string;
  readonly data: Readonly<Record<string, string>>;
  readonly priority: 'HIGH' | 'NORMAL';
  readonly ttlSecs: number | undefined;
  readonly collapseKey: string | undefined;
  readonly isCheck: boolean;
}

export type MessageReading =
  | { readonly kind: 'taken'; readonly message: TakenMessage }
  | { readonly kind: 'refused'; readonly answer: FakeAnswer };

type Members = Readonly<Record<string, unknown>>;

/** Where a body breaks a rule; ends the reading. */
class Refusal extends Error {
  readonly answer: FakeAnswer;

  constructor(answer: FakeAnswer) {
    super(answer.body);
    this.answer = answer;
  }
}

const DATA_BYTES_MAX = 4096;
const TTL_SECS_MAX = 2_419_200;
const TTL = /^(?<secs>[0-9]{1,10})(?:\.[0-9]{1,9})?s$/;
const REGISTRATION_TOKEN = /^[\w:-]{8,4096}$/;
const RESERVED_KEY = /^(?:from|message_type|google.*|gcm.*)$/;
const MESSAGE_FIELDS =
  'name data notification android webpush apns fcm_options token topic condition';
const ANDROID_FIELDS =
  'collapse_key priority ttl restricted_package_name data notification fcm_options direct_boot_ok';

/** What FCM says to this body, access token and project apart. */
export function readMessage(body: string): MessageReading {
  try {
    return { kind: 'taken', message: readRequest(parseJson(body)) };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'refused', answer: error.answer };
    throw error;
  }
}

function readRequest(value: unknown): TakenMessage {
  const request = readMembers(value, '', 'validate_only message');
  const isCheck = request['validate_only'] ?? false;
  if (typeof isCheck !== 'boolean') refuseType('validate_only', 'TYPE_BOOL', isCheck);
  const message = readMembers(request['message'] ?? {}, 'message', MESSAGE_FIELDS);
  const android = readMembers(message['android'] ?? {}, 'message.android', ANDROID_FIELDS);
  const data = readData(message['data'] ?? {});
  const priority = readPriority(android['priority'] ?? 'NORMAL');
  const ttlSecs = readTtl(android['ttl']);
  const collapseKey = readText(android['collapse_key'], 'message.android.collapse_key');
  // The front end has read the form of everything before FCM looks at the sense.
  const token = readText(message['token'], 'message.token');
  if (token === undefined) throw new Refusal(messageError('Recipient of the message is not set.'));
  checkData(data);
  if (!REGISTRATION_TOKEN.test(token)) {
    throw new Refusal(messageError('The registration token is not a valid FCM registration token'));
  }
  return { token, data, priority, ttlSecs, collapseKey, isCheck };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Refusal(fieldError('', 'Invalid JSON payload received. Unexpected token.'));
  }
}

function readMembers(value: unknown, path: string, known: string): Members {
  if (!isMembers(value)) refuseType(path, 'google.firebase.fcm.v1', value);
  const names = known.split(' ');
  for (const name of Object.keys(value)) {
    if (names.includes(name)) continue;
    const at = path === '' ? '' : ` at '${path}'`;
    const message = `Invalid JSON payload received. Unknown name "${name}"${at}: Cannot find field.`;
    throw new Refusal(fieldError(path, message));
  }
  return value;
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuseType(path: string, type: string, value: unknown): never {
  throw new Refusal(
    fieldError(path, `Invalid value at '${path}' (${type}), ${JSON.stringify(value)}`),
  );
}

function readText(value: unknown, path: string): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') refuseType(path, 'TYPE_STRING', value);
  return value;
}

function readData(value: unknown): Readonly<Record<string, string>> {
  if (!isMembers(value)) refuseType('message.data', 'TYPE_STRING', value);
  const entries = Object.entries(value).map(([name, text], at): [string, string] => {
    if (typeof text !== 'string') refuseType(`message.data[${at}].value`, 'TYPE_STRING', text);
    return [name, text];
  });
  return Object.fromEntries(entries);
}

function checkData(data: Readonly<Record<string, string>>): void {
  const reserved = Object.keys(data).find((name) => RESERVED_KEY.test(name));
  if (reserved !== undefined) {
    throw new Refusal(messageError(`Invalid data payload key: ${reserved}`));
  }
  const bytes = Buffer.byteLength(Object.entries(data).flat().join(''));
  if (bytes > DATA_BYTES_MAX) throw new Refusal(messageError('Android message is too big'));
}

function readPriority(value: unknown): 'HIGH' | 'NORMAL' {
  const name = typeof value === 'string' ? value.toUpperCase() : value;
  if (name === 'HIGH' || name === 'NORMAL') return name;
  const type = 'type.googleapis.com/google.firebase.fcm.v1.AndroidMessagePriority';
  return refuseType('message.android.priority', type, value);
}

function readTtl(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const type = 'type.googleapis.com/google.protobuf.Duration';
  const { secs } = (typeof value === 'string' ? TTL.exec(value)?.groups : undefined) ?? {};
  if (secs === undefined) return refuseType('message.android.ttl', type, value);
  if (Number(secs) > TTL_SECS_MAX) {
    throw new Refusal(messageError('Invalid TTL: it must be between 0 and 2,419,200 seconds'));
  }
  return Number(secs);
}
