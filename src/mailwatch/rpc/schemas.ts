/** The form of every message between gate and backend, and of what devices POST to the gate: JSON Schema, checked by Ajv on both ends. */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { dependingOn, EXCHANGE, EXCHANGE_FORMATS, type Format } from './exchange-schema.ts';
import type { FieldProblem, MethodName, Replies, Requests } from './methods.ts';

/** Folders of one account: each costs a STATUS in every round. */
export const FOLDERS_MAX = 8;
/** Longest deferral, and longest wait before a watch begins. */
export const WAIT_MS_MAX = 3_600_000;
/** A watch lives at least this long without a word from its device, and at most 90 days. */
export const MAX_POLL_MS_MIN = 60_000;
/** As above. */
export const MAX_POLL_MS_MAX = 90 * 86_400_000;

const URL_CHARACTERS_MAX = 2048;
const FOLDER_CHARACTERS_MAX = 255;
/** base64 of an envelope: SEALED_BYTES_MAX and its company. */
const SEALED_CHARACTERS_MAX = 22_000;
/** 32 bits, as RFC 3501 has UIDs. */
const UID_MAX = 2 ** 32 - 1;

const URL_TEXT = { type: 'string', format: 'http-url', maxLength: URL_CHARACTERS_MAX } as const;
const WAIT = { type: 'integer', minimum: 0, maximum: WAIT_MS_MAX } as const;
const UID = { type: 'integer', minimum: 0, maximum: UID_MAX } as const;
/** One line: what goes into a command of a mail protocol can end none. */
const FOLDER_NAME = {
  type: 'string',
  minLength: 1,
  maxLength: FOLDER_CHARACTERS_MAX,
  format: 'one-line',
} as const;
const BASELINE = strict({ uidValidity: UID, uidNext: UID });
const FOLDER = strict({ name: FOLDER_NAME, baseline: BASELINE }, ['name']);
const SERVER = strict({
  host: { type: 'string', format: 'mail-host' },
  port: { type: 'integer', minimum: 1, maximum: 65_535 },
  security: { enum: ['tls', 'starttls'] },
});
const TOKEN = { type: 'string', minLength: 1, maxLength: 128 } as const;
const NOTHING = strict({});
const TIME = { type: 'number' } as const;

const REGISTER_MEMBERS = {
  endpoint: URL_TEXT,
  stateEndpoint: URL_TEXT,
  protocol: { enum: ['imap', 'activesync'] },
  server: SERVER,
  exchange: EXCHANGE,
  folders: { type: 'array', minItems: 1, maxItems: FOLDERS_MAX, items: FOLDER },
  waitMs: WAIT,
  maxPollMs: { type: 'integer', minimum: MAX_POLL_MS_MIN, maximum: MAX_POLL_MS_MAX },
  keyId: { type: 'string', minLength: 1, maxLength: 64 },
  sealed: { type: 'string', format: 'base64', minLength: 1, maxLength: SEALED_CHARACTERS_MAX },
};
const REGISTER_REQUIRED = [
  'endpoint',
  'protocol',
  'server',
  'folders',
  'waitMs',
  'maxPollMs',
  'keyId',
  'sealed',
];

const IS_ACTIVESYNC = {
  type: 'object',
  required: ['protocol'],
  properties: { protocol: { const: 'activesync' } },
};
/** ActiveSync goes by HTTPS and says in `exchange` what is asked; another protocol has no such thing. */
const REGISTER = {
  ...strict(REGISTER_MEMBERS, REGISTER_REQUIRED),
  ...dependingOn(IS_ACTIVESYNC, {
    met: {
      type: 'object',
      required: ['exchange'],
      properties: {
        exchange: {},
        server: { type: 'object', properties: { security: { const: 'tls' } } },
      },
    },
    unmet: { type: 'object', properties: { exchange: false } },
  }),
};

const REQUESTS: Readonly<Record<MethodName, object>> = {
  register: REGISTER,
  defer: strict({ token: TOKEN, waitMs: WAIT }),
  stop: strict({ token: TOKEN }),
  status: strict({ token: TOKEN }),
  key: NOTHING,
  alive: NOTHING,
};

/** The states are our own; that they are objects with a kind is what the gate can check without knowing each. */
const STATE = { type: 'object', required: ['kind'], properties: { kind: { type: 'string' } } };
const REPLIES: Readonly<Record<MethodName, object>> = {
  register: strict({ token: TOKEN }),
  defer: strict({ untilMs: TIME }),
  stop: NOTHING,
  status: strict(
    {
      state: STATE,
      sinceMs: TIME,
      lastVersion: TIME,
      lastNewsAtMs: TIME,
      folders: { type: 'array', maxItems: FOLDERS_MAX, items: FOLDER },
    },
    ['state', 'sinceMs', 'folders'],
  ),
  key: strict({
    keyId: { type: 'string', minLength: 1, maxLength: 64 },
    publicKey: { type: 'string', format: 'base64', maxLength: 256 },
  }),
  alive: strict({ watches: { type: 'integer', minimum: 0 } }),
};

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/;
const ADDRESS = /^[0-9a-f:.]{2,45}$/;
const CONTROL = /\p{Cc}/u;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

const FORMATS: Readonly<Record<string, Format>> = {
  'http-url': {
    expected: 'an http or https URL, as it was given to the device',
    isMetBy: (text) => /^https?:\/\//.test(text) && URL.canParse(text),
  },
  'mail-host': {
    expected: 'a host name in lower case, or an address',
    isMetBy: (text) => HOST_NAME.test(text) || ADDRESS.test(text),
  },
  'one-line': {
    expected: `a text of 1 to ${FOLDER_CHARACTERS_MAX} characters without control characters`,
    isMetBy: (text) => !CONTROL.test(text),
  },
  base64: { expected: 'base64', isMetBy: (text) => BASE64.test(text) },
  ...EXCHANGE_FORMATS,
};

const ajv = new Ajv({ allErrors: true, strict: true });
for (const [name, { isMetBy }] of Object.entries(FORMATS)) ajv.addFormat(name, isMetBy);

const REQUEST_CHECKS = compileAll(REQUESTS);
const REPLY_CHECKS = compileAll(REPLIES);

/** A message that has its form, or every field that has not. */
export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fields: readonly FieldProblem[] };

/** Whether `value` is a request of this method. Never throws, whatever it is. */
export function checkRequest<Method extends MethodName>(
  method: Method,
  value: unknown,
): Checked<Requests[Method]> {
  return check(REQUEST_CHECKS[method], value);
}

/** Whether `value` is a reply of this method. */
export function checkReply<Method extends MethodName>(
  method: Method,
  value: unknown,
): Checked<Replies[Method]> {
  return check(REPLY_CHECKS[method], value);
}

function check<T>(isValid: ValidateFunction, value: unknown): Checked<T> {
  if (isValid(value)) return { ok: true, value: value as T };
  const fields = new Map<string, FieldProblem>();
  for (const error of isValid.errors ?? []) {
    // What follows from the condition has errors of its own.
    if (error.keyword === 'if') continue;
    const field = fieldOf(error);
    if (!fields.has(field)) fields.set(field, { field, expected: expectedOf(error) });
  }
  return { ok: false, fields: [...fields.values()] };
}

/** `/folders/0/name` becomes `folders[0].name`. */
function fieldOf({ instancePath, params }: ErrorObject): string {
  const parts = instancePath.split('/').slice(1);
  const member: unknown = params['additionalProperty'] ?? params['missingProperty'];
  // A name from outside is shown, so that a mistyped one is found; not more of it than a name has.
  if (typeof member === 'string') parts.push(member.slice(0, FIELD_CHARACTERS_MAX));
  const path = parts.map((part) => (/^[0-9]+$/.test(part) ? `[${part}]` : `.${part}`)).join('');
  return path.replace(/^\./, '') || 'body';
}

const FIELD_CHARACTERS_MAX = 64;

function expectedOf({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case 'required':
      return 'to be there';
    case 'additionalProperties':
    case 'false schema':
      return 'not to be there';
    case 'const':
      return JSON.stringify(params['allowedValue']);
    case 'format':
      return FORMATS[String(params['format'])]?.expected ?? 'another form';
    case 'enum':
      return `one of ${JSON.stringify(params['allowedValues'])}`;
    default:
      return message ?? 'another value';
  }
}

function strict(properties: Readonly<Record<string, object>>, required = Object.keys(properties)) {
  return { type: 'object', additionalProperties: false, properties, required } as const;
}

function compileAll(
  schemas: Readonly<Record<MethodName, object>>,
): Readonly<Record<MethodName, ValidateFunction>> {
  const compiled = Object.entries(schemas).map(([name, schema]) => [name, ajv.compile(schema)]);
  return Object.fromEntries(compiled) as Record<MethodName, ValidateFunction>;
}
