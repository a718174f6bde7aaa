/** The statuses that both ends of the wire know (protocol.md, "Statuses"). */

/**
 * `error` of an error reply on the WebSocket: short, stable texts that existing test suites expect. What exactly was wrong
 * stands in `reason`.
 */
export const ERROR_TEXTS = {
  401: 'Invalid Command',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

export type ErrorStatus = keyof typeof ERROR_TEXTS;

/** Each answer of the endpoint, its status and its body: JSON, as SimplePush servers have always sent it. */
export const ENDPOINT_ANSWERS = {
  delivered: { status: 200, body: '{}' },
  stored: { status: 202, body: '{}' },
  invalidVersion: { status: 400, body: '"Invalid Version"' },
  invalidBody: { status: 400, body: '"Invalid Body"' },
  invalidToken: { status: 404, body: '"Invalid Token"' },
  notFound: { status: 404, body: '"Not Found"' },
  methodNotAllowed: { status: 405, body: '"Method Not Allowed"' },
  gone: { status: 410, body: '"Gone"' },
  dataTooLong: { status: 413, body: '"Data Too Long"' },
  bodyTooLarge: { status: 413, body: '"Body Too Large"' },
  tooManyRequests: { status: 429, body: '"Too Many Requests"' },
  options: { status: 200, body: '' },
  unavailable: { status: 503, body: '"Service Unavailable"' },
} as const satisfies Record<string, { readonly status: number; readonly body: string }>;

export type EndpointAnswer = keyof typeof ENDPOINT_ANSWERS;
