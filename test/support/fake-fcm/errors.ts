/** Google's answers to what goes wrong, word for word where the documentation or a bug report shows one. */

/** One answer as it goes over the wire. */
export interface FakeAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };
const TYPES = 'type.googleapis.com/';

/** google.rpc.Status as JSON. */
export function googleError(
  status: number,
  { word, message, details }: { word: string; message: string; details?: readonly object[] },
): FakeAnswer {
  const error = {
    code: status,
    message,
    status: word,
    ...(details === undefined ? {} : { details }),
  };
  return { status, headers: JSON_TYPE, body: JSON.stringify({ error }, null, 2) };
}

/** FCM's own extension. */
export function fcmDetail(errorCode: string): object {
  return { '@type': `${TYPES}google.firebase.fcm.v1.FcmError`, errorCode };
}

function infoDetail(reason: string): object {
  return { '@type': `${TYPES}google.rpc.ErrorInfo`, reason, domain: 'googleapis.com' };
}

function quotaDetail(subject: string, description: string): object {
  return { '@type': `${TYPES}google.rpc.QuotaFailure`, violations: [{ subject, description }] };
}

/** What Google's front end says of a field that is not as the API wants it. */
export function fieldError(field: string, message: string): FakeAnswer {
  const fieldViolations = [{ field, description: message }];
  return googleError(400, {
    word: 'INVALID_ARGUMENT',
    message,
    details: [{ '@type': `${TYPES}google.rpc.BadRequest`, fieldViolations }],
  });
}

/** What FCM itself says of a message. */
export function messageError(message: string): FakeAnswer {
  const details = [fcmDetail('INVALID_ARGUMENT')];
  return googleError(400, { word: 'INVALID_ARGUMENT', message, details });
}

/** A page of a front end that never asked FCM. */
export function htmlError(status: number, title: string): FakeAnswer {
  return {
    status,
    headers: { 'content-type': 'text/html; charset=UTF-8' },
    body: `<!DOCTYPE html>\n<html lang=en>\n<title>Error ${status} (${title})!!1</title>\n<p><b>${status}.</b> <ins>That’s an error.</ins>\n`,
  };
}

/** RFC 6749, section 5.2. */
export function oauthError(status: number, error: string, description: string): FakeAnswer {
  const body = JSON.stringify({ error, error_description: description }, null, 2);
  return { status, headers: JSON_TYPE, body };
}

/** The same answer with Retry-After. */
export function withRetryAfter(answer: FakeAnswer, retryAfter: string): FakeAnswer {
  return { ...answer, headers: { ...answer.headers, 'retry-after': retryAfter } };
}

function unauthenticated(reason: string, message: string): FakeAnswer {
  const details = [infoDetail(reason)];
  return googleError(401, { word: 'UNAUTHENTICATED', message, details });
}

const BAD_CREDENTIALS =
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.';

/** Every error that FCM documents, and those that its front end adds. */
export const FCM_ERRORS = {
  UNREGISTERED: googleError(404, {
    word: 'NOT_FOUND',
    message: 'Requested entity was not found.',
    details: [fcmDetail('UNREGISTERED')],
  }),
  INVALID_ARGUMENT: messageError('The registration token is not a valid FCM registration token'),
  SENDER_ID_MISMATCH: googleError(403, {
    word: 'PERMISSION_DENIED',
    message: 'SenderId mismatch',
    details: [fcmDetail('SENDER_ID_MISMATCH')],
  }),
  THIRD_PARTY_AUTH_ERROR: googleError(401, {
    word: 'UNAUTHENTICATED',
    message: 'Auth error from APNS or Web Push Service',
    details: [fcmDetail('THIRD_PARTY_AUTH_ERROR')],
  }),
  QUOTA_EXCEEDED: googleError(429, {
    word: 'RESOURCE_EXHAUSTED',
    message: 'Resource has been exhausted (e.g. check quota).',
    details: [fcmDetail('QUOTA_EXCEEDED'), quotaDetail('project:1', 'Message rate exceeded')],
  }),
  DEVICE_QUOTA_EXCEEDED: googleError(429, {
    word: 'RESOURCE_EXHAUSTED',
    message: 'Resource has been exhausted (e.g. check quota).',
    details: [fcmDetail('QUOTA_EXCEEDED'), quotaDetail('token', 'Device message rate exceeded')],
  }),
  RATE_LIMIT_EXCEEDED: googleError(429, {
    word: 'RESOURCE_EXHAUSTED',
    message:
      "Quota exceeded for quota metric 'Send requests' and limit 'Send requests per minute' of service 'fcm.googleapis.com' for consumer 'project_number:1'.",
    details: [infoDetail('RATE_LIMIT_EXCEEDED')],
  }),
  UNAVAILABLE: googleError(503, {
    word: 'UNAVAILABLE',
    message: 'The service is currently unavailable.',
    details: [fcmDetail('UNAVAILABLE')],
  }),
  INTERNAL: googleError(500, {
    word: 'INTERNAL',
    message: 'Internal error encountered.',
    details: [fcmDetail('INTERNAL')],
  }),
  UNAUTHENTICATED: unauthenticated('ACCESS_TOKEN_TYPE_UNSUPPORTED', BAD_CREDENTIALS),
  TOKEN_EXPIRED: unauthenticated('ACCESS_TOKEN_EXPIRED', BAD_CREDENTIALS),
  TOKEN_MISSING: unauthenticated(
    'CREDENTIALS_MISSING',
    'Request is missing required authentication credential.',
  ),
  SERVICE_DISABLED: googleError(403, {
    word: 'PERMISSION_DENIED',
    message:
      'Firebase Cloud Messaging API has not been used in project 1 before or it is disabled.',
    details: [infoDetail('SERVICE_DISABLED')],
  }),
  PERMISSION_DENIED: googleError(403, {
    word: 'PERMISSION_DENIED',
    message:
      "Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/other' (or it may not exist).",
    details: [infoDetail('IAM_PERMISSION_DENIED')],
  }),
  NOT_FOUND: googleError(404, {
    word: 'NOT_FOUND',
    message: 'Requested entity was not found.',
  }),
  HTML_404: htmlError(404, 'Not Found'),
  HTML_408: htmlError(408, 'Request Timeout'),
  HTML_502: htmlError(502, 'Server Error'),
  HTML_504: htmlError(504, 'Gateway Timeout'),
} as const satisfies Readonly<Record<string, FakeAnswer>>;

export type FcmErrorName = keyof typeof FCM_ERRORS;
