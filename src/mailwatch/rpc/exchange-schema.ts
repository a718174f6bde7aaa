/** The form of what an ActiveSync account asks: each part by itself, so a device can add no header and ask nothing that does not watch. */

/** Of the request data, and of the answer that says "nothing new". */
export const WBXML_BYTES_MAX = 10_240;
/** What an ActiveSync server can be asked to hold its answer back for (MS-ASCMD, HeartbeatInterval). */
export const RESPONSE_TIMEOUT_MS_MIN = 60_000;
/** As above. */
export const RESPONSE_TIMEOUT_MS_MAX = 3_600_000;

/** Of ActiveSync, as the header MS-ASProtocolVersion has them (MS-ASHTTP). */
export const PROTOCOL_VERSIONS = ['2.5', '12.0', '12.1', '14.0', '14.1', '16.0', '16.1'] as const;

const PATH_CHARACTERS_MAX = 2048;
const HEADER_CHARACTERS_MAX = 255;
/** 32 bits, as MS-ASHTTP has it. */
const POLICY_KEY_CHARACTERS_MAX = 10;

const WBXML = {
  type: 'string',
  format: 'wbxml',
  maxLength: Math.ceil(WBXML_BYTES_MAX / 3) * 4,
} as const;
const IS_SYNC = { type: 'object', required: ['isSync'], properties: { isSync: { const: true } } };

/** The member `exchange` of a registration. */
export const EXCHANGE = {
  type: 'object',
  additionalProperties: false,
  properties: {
    path: { type: 'string', maxLength: PATH_CHARACTERS_MAX },
    requestData: WBXML,
    noChangeReply: { ...WBXML, minLength: 4 },
    isSync: { type: 'boolean' },
    responseTimeoutMs: {
      type: 'integer',
      minimum: RESPONSE_TIMEOUT_MS_MIN,
      maximum: RESPONSE_TIMEOUT_MS_MAX,
    },
    protocolVersion: { enum: PROTOCOL_VERSIONS },
    policyKey: { type: 'string', format: 'digits', maxLength: POLICY_KEY_CHARACTERS_MAX },
    userAgent: { type: 'string', format: 'header-text', maxLength: HEADER_CHARACTERS_MAX },
  },
  required: ['path', 'requestData', 'isSync', 'responseTimeoutMs', 'protocolVersion'],
  ...dependingOn(IS_SYNC, {
    met: { type: 'object', properties: { path: { type: 'string', format: 'sync-path' } } },
    unmet: {
      type: 'object',
      required: ['noChangeReply'],
      properties: { path: { type: 'string', format: 'ping-path' }, noChangeReply: {} },
    },
  }),
};

/** A text's form, and what is said to a device that missed it. */
export interface Format {
  readonly expected: string;
  readonly isMetBy: (text: string) => boolean;
}

/** The formats that EXCHANGE names. */
export const EXCHANGE_FORMATS: Readonly<Record<string, Format>> = {
  wbxml: {
    expected: `base64 of at most ${WBXML_BYTES_MAX} bytes`,
    isMetBy: (text) =>
      /^[A-Za-z0-9+/]*={0,2}$/.test(text) &&
      text.length % 4 === 0 &&
      Buffer.byteLength(text, 'base64') <= WBXML_BYTES_MAX,
  },
  'ping-path': pathFor('Ping'),
  'sync-path': pathFor('Sync'),
  digits: { expected: 'digits', isMetBy: (text) => /^[0-9]+$/.test(text) },
  'header-text': {
    expected: `1 to ${HEADER_CHARACTERS_MAX} printable ASCII characters`,
    isMetBy: (text) => /^[!-~](?:[ -~]*[!-~])?$/.test(text),
  },
};

/** Members of a schema that hold when it meets `condition`, and when it does not. */
export function dependingOn(
  condition: object,
  { met, unmet }: { readonly met: object; readonly unmet: object },
): object {
  // Two halves: an object with a member named "then" is a trap for await.
  return {
    allOf: [
      { if: { not: condition }, else: met },
      { if: condition, else: unmet },
    ],
  };
}

/**
 * Where an ActiveSync request goes. The command in the query is the one that watches, once and in clear: another one could send or
 * delete mail with the device's credentials.
 */
export function pathFor(command: 'Ping' | 'Sync'): Format {
  return {
    expected: `a path and a query without spaces, with Cmd=${command} once`,
    isMetBy(text) {
      if (!/^\/[!-"$-~]*$/.test(text) || !text.includes('?')) return false;
      const query = new URLSearchParams(text.slice(text.indexOf('?')));
      const commands = [...query].filter(([name]) => /cmd/i.test(name));
      return commands.length === 1 && commands[0]?.[0] === 'Cmd' && commands[0][1] === command;
    },
  };
}
