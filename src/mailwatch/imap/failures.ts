/** What an error of the IMAP library, of TLS or of the network means for a watch. */
import type { MailFailure } from '../account.ts';

/** The members that errors of these layers may carry; each is unknown until it is looked at. */
export interface ImapError {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly authenticationFailed?: unknown;
  readonly serverResponseCode?: unknown;
  readonly responseStatus?: unknown;
  readonly responseText?: unknown;
  readonly response?: unknown;
  readonly reason?: unknown;
  readonly mailboxMissing?: unknown;
  readonly tlsFailed?: unknown;
}

type TlsDetail = Extract<MailFailure, { kind: 'tls' }>['detail'];

/** Codes of Node's TLS layer, as OpenSSL names what is wrong with a certificate. */
const TLS_DETAILS: Readonly<Record<string, TlsDetail>> = {
  CERT_HAS_EXPIRED: 'expired',
  CERT_NOT_YET_VALID: 'expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'wrong-name',
  SELF_SIGNED_CERT_IN_CHAIN: 'untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'untrusted',
  CERT_UNTRUSTED: 'untrusted',
};

/** Response codes of RFC 5530, of the drafts before it and of Exchange, which say that there is too much of us. */
const LIMIT_CODES = new Set([
  'LIMIT',
  'INUSE',
  'UNAVAILABLE',
  'OVERQUOTA',
  'SERVERBUG',
  'THROTTLED',
]);
/** Servers say it in words too, often in what else looks like a wrong password. */
const LIMIT_WORDS =
  /too many|maximum number of connections|connection limit|rate limit|throttled|try again later|temporarily|simultaneous|exceeded/i;
/** What the library says of a server that offers no way to log in that it knows; no error code comes with it. */
const NO_MECHANISM = /^Unsupported authentication mechanism/;
/** Beyond our bounds, or no IMAP. */
const PROTOCOL_CODES =
  /^(?:ParserError|LineTooLarge|LiteralTooLarge|ResponseTooLarge|TooManyTokens|TooManyResponses|MAX_IMAP_NESTING|UnexpectedTag|MissingTag|InvalidResponse|ResponseProcessingFailed|STARTTLS_INJECTION)/;

/** `isOauth` says that it was a token that the server did not take, and no password. */
export function failureOf(
  error: ImapError,
  { isOauth }: { readonly isOauth: boolean },
): MailFailure {
  const word = textOf(error.serverResponseCode) || textOf(error.code);
  // Servers say that there is too much of us in what else looks like a wrong password.
  if (isLimit(error)) return { kind: 'limited', detail: word || 'too many connections' };
  const refusal = refusalOf(error, word);
  if (refusal !== undefined) return { kind: isOauth ? 'oauth' : 'auth', detail: refusal };
  const tls = tlsDetailOf(error);
  if (tls !== undefined) return { kind: 'tls', detail: tls };
  return (
    answerFailureOf(error, word) ?? { kind: 'network', detail: word || 'the connection ended' }
  );
}

/** How the credentials were refused, if they were. */
function refusalOf(error: ImapError, word: string): string | undefined {
  if (error.authenticationFailed === true) return word || 'refused';
  const offersNothing = NO_MECHANISM.test(textOf(error.message));
  return offersNothing ? 'the server takes no such credentials' : undefined;
}

function tlsDetailOf({ code, message, tlsFailed }: ImapError): TlsDetail | undefined {
  const known = TLS_DETAILS[textOf(code)];
  if (known !== undefined) return known;
  if (tlsFailed === true) return /starttls/i.test(textOf(message)) ? 'no-starttls' : 'other';
  return /^(?:ERR_SSL|EPROTO)/.test(textOf(code)) ? 'other' : undefined;
}

/** What an answer says that has come, but is not what was asked for. */
function answerFailureOf(error: ImapError, word: string): MailFailure | undefined {
  const { mailboxMissing, responseStatus } = error;
  const code = textOf(error.code);
  if (mailboxMissing === true || code === 'NotFound') {
    return { kind: 'folder', detail: 'there is no such folder' };
  }
  if (PROTOCOL_CODES.test(code)) return { kind: 'protocol', detail: word };
  // The tagged answer NO to EXAMINE or STATUS of a folder that is there; BAD is a server that does not know the command.
  if (responseStatus === 'NO') return { kind: 'folder', detail: word || 'refused' };
  if (responseStatus === 'BAD') return { kind: 'protocol', detail: word || 'BAD' };
  return undefined;
}

function isLimit(error: ImapError): boolean {
  if (LIMIT_CODES.has(textOf(error.serverResponseCode).toUpperCase())) return true;
  const said = [error.responseText, error.response, error.reason].map(textOf);
  return said.some((text) => LIMIT_WORDS.test(text));
}

/** Only what is a short text is looked at, and only a code is ever shown: a server may write anything into its texts. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, TEXT_CHARACTERS_MAX) : '';
}

const TEXT_CHARACTERS_MAX = 200;
