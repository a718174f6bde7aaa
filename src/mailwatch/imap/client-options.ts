/** How the IMAP library is told to connect, and what is told to it at all. */
import { isIP } from 'node:net';
import type { Credentials } from '../account.ts';
import type { MailTarget } from '../mailbox.ts';

export interface ClientBounds {
  /** Of TCP and TLS, and of the greeting. */
  readonly commandMsMax: number;
  /** Of one line or literal. */
  readonly responseBytesMax: number;
}

const TOKENS_MAX = 2_000;
/** How we introduce ourselves (RFC 2971); some providers let nobody in who does not. What is empty is not sent. */
const CLIENT_INFO = { name: 'reveille', version: '', vendor: '', 'support-url': '' };
/** The library's own watchdog on a silent socket must not bite before our own: IDLE is silent for up to half an hour. */
const SOCKET_TIMEOUT_MS = 2_147_000_000;
/** What would end a command in the middle. */
const CONTROL = /\p{Cc}/u;

/** Whether nothing in it could end a command: the library quotes and encodes, and we do not depend on that. */
export function isText(word: string): boolean {
  return !CONTROL.test(word);
}

/** Whether user and secret are. */
export function isSpeakable(credentials: Credentials): boolean {
  const { kind, username } = credentials;
  const secret = kind === 'password' ? credentials.password : (credentials.accessToken ?? '');
  return isText(username) && isText(secret);
}

/** What the library is told of one connection. */
export function clientOptions(
  { server, address, credentials }: MailTarget,
  { commandMsMax, responseBytesMax }: ClientBounds,
) {
  const isTls = server.security === 'tls';
  return {
    host: address,
    port: server.port,
    // An address has no name to ask for, and is itself what the certificate must prove.
    ...(isIP(server.host) === 0 ? { servername: server.host } : {}),
    secure: isTls,
    // Without this the library would go on in the clear where STARTTLS is not offered.
    ...(isTls ? {} : { doSTARTTLS: true }),
    auth:
      credentials.kind === 'password'
        ? { user: credentials.username, pass: credentials.password }
        : { user: credentials.username, accessToken: credentials.accessToken ?? '' },
    clientInfo: CLIENT_INFO,
    logger: false as const,
    disableAutoIdle: true,
    // Costs two zlib contexts, some 300 kB, for a connection that is silent.
    disableCompression: true,
    disableAutoEnable: true,
    connectionTimeout: commandMsMax,
    greetingTimeout: commandMsMax,
    socketTimeout: SOCKET_TIMEOUT_MS,
    maxLineLength: responseBytesMax,
    maxLiteralSize: responseBytesMax,
    maxResponseSize: 2 * responseBytesMax,
    maxResponseTokens: TOKENS_MAX,
    maxLockHoldTime: false as const,
  };
}
