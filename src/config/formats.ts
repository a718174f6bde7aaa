/** The forms that texts in the config may have, each with the words that tell an operator what is expected. */
import { isIP } from 'node:net';
import { TOKEN_KEY_BYTES } from '../protocol/token.ts';

export type FormatName =
  | 'apns-host'
  | 'apple-id'
  | 'bundle-id'
  | 'collapse-key'
  | 'host'
  | 'http-url'
  | 'http-url-or-empty'
  | 'https-url'
  | 'network'
  | 'origin'
  | 'origin-or-any'
  | 'path'
  | 'path-or-empty'
  | 'port'
  | 'server-address'
  | 'server-address-or-empty'
  | 'table-name'
  | 'text'
  | 'token-key'
  | 'url-path'
  | 'ws-url'
  | 'ws-url-or-empty';

export interface Format {
  /** Completes the sentence "expected …". */
  readonly expected: string;
  isMetBy(text: string): boolean;
}

const HOST_NAME =
  /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;
const SERVER_ADDRESS = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:]+)):(?<port>[0-9]{1,5})$/;
const URL_PATH = /^\/[\w\-.~!$&'()*+,;=:@%/]*$/;
const NETWORK = /^(?<address>[^/%]+)(?:\/(?<prefix>0|[1-9][0-9]{0,2}))?$/;
const APPLE_ID = /^[A-Z0-9]{10}$/;
const BUNDLE_ID = /^[A-Za-z0-9.-]{1,255}$/;
const COLLAPSE_KEY = /^[A-Za-z0-9_.-]{1,64}$/;
const TABLE_NAME = /^[a-z0-9-]{1,32}$/;
/** Characters without control characters; the bound keeps an alert within a provider's 4 KiB. */
const TEXT = /^\P{Cc}{0,200}$/u;
/** 32 bytes fill 42 characters and two thirds: the last one has two spare bits, which must be zero. */
const TOKEN_KEY = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/;

const WS_URL: Format = {
  expected: 'a ws:// or wss:// URL without user, query and fragment',
  isMetBy: (text) => isPlainUrl(text, ['ws:', 'wss:']),
};
const HTTP_URL: Format = {
  expected: 'an http:// or https:// URL without user, query and fragment',
  isMetBy: (text) => isPlainUrl(text, ['http:', 'https:']),
};
const PATH: Format = {
  expected: 'the path of a file or folder',
  // A NUL would cut the name short below us.
  isMetBy: (text) => text !== '' && !text.includes('\0'),
};

const HTTPS_URL: Format = {
  expected: 'an https:// URL without user, query and fragment',
  isMetBy: (text) => isPlainUrl(text, ['https:']),
};

const SERVER_ADDRESS_FORMAT: Format = {
  expected: 'host:port, an IPv6 address in brackets',
  isMetBy: isServerAddress,
};

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  'apns-host': {
    expected: '"production", "sandbox", or an origin such as "https://apns.example:8443"',
    isMetBy: (text) => text === 'production' || text === 'sandbox' || isHttpsOrigin(text),
  },
  'apple-id': {
    expected: 'ten capital letters and digits, as Apple shows it',
    isMetBy: (text) => APPLE_ID.test(text),
  },
  'bundle-id': {
    expected: 'a bundle id such as "com.example.chat"',
    isMetBy: (text) => BUNDLE_ID.test(text),
  },
  'collapse-key': {
    expected: '1 to 64 letters, digits, dots, dashes and underscores',
    isMetBy: (text) => COLLAPSE_KEY.test(text),
  },
  host: { expected: 'an IP address without brackets, or a host name', isMetBy: isHost },
  'http-url': HTTP_URL,
  'http-url-or-empty': orEmpty(HTTP_URL),
  'https-url': HTTPS_URL,
  network: {
    expected: 'a network such as "10.0.0.0/8" or "2001:db8::/32", or an address',
    isMetBy: isNetwork,
  },
  origin: {
    expected: 'an origin such as "https://app.example", without path',
    isMetBy: isOrigin,
  },
  'origin-or-any': {
    expected: 'an origin such as "https://app.example", without path, or "*"',
    isMetBy: (text) => text === '*' || isOrigin(text),
  },
  path: PATH,
  'path-or-empty': orEmpty(PATH),
  port: { expected: 'a port from 1 to 65535', isMetBy: isPort },
  'server-address': SERVER_ADDRESS_FORMAT,
  'server-address-or-empty': orEmpty(SERVER_ADDRESS_FORMAT),
  'table-name': {
    expected: 'a name of 1 to 32 small letters, digits and dashes',
    isMetBy: (text) => TABLE_NAME.test(text),
  },
  text: {
    expected: 'one line of at most 200 characters',
    isMetBy: (text) => TEXT.test(text),
  },
  'token-key': {
    expected: `base64url of ${TOKEN_KEY_BYTES} bytes (43 characters), as the command "keys" prints it`,
    isMetBy: (text) => TOKEN_KEY.test(text),
  },
  'url-path': {
    expected: 'a path that begins with /, without query and fragment',
    isMetBy: (text) => URL_PATH.test(text),
  },
  'ws-url': WS_URL,
  'ws-url-or-empty': orEmpty(WS_URL),
};

function orEmpty({ expected, isMetBy }: Format): Format {
  return { expected: `${expected}, or ""`, isMetBy: (text) => text === '' || isMetBy(text) };
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || (HOST_NAME.test(text) && !/^[0-9.]+$/.test(text));
}

function isPlainUrl(text: string, protocols: readonly string[]): boolean {
  if (/[?#\s]/.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return protocols.includes(protocol) && username === '' && password === '';
}

/**
 * An origin is compared as text with what a browser sends, so it must be written as browsers write it (RFC 6454, section 6.2). A URL may
 * have an asterisk in its host, which would match no page at all.
 */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text && !text.includes('*');
}

function isNetwork(text: string): boolean {
  const { address = '', prefix } = NETWORK.exec(text)?.groups ?? {};
  const family = isIP(address);
  return family !== 0 && Number(prefix ?? 0) <= (family === 4 ? 32 : 128);
}

function isHttpsOrigin(text: string): boolean {
  return isOrigin(text) && text.startsWith('https:');
}

function isServerAddress(text: string): boolean {
  const { bracketed, plain, port } = SERVER_ADDRESS.exec(text)?.groups ?? {};
  const isPort = Number(port) >= 1 && Number(port) <= 65_535;
  if (bracketed !== undefined) return isPort && isIP(bracketed) === 6;
  return isPort && plain !== undefined && isHost(plain);
}

function isPort(text: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(text) && Number(text) <= 65_535;
}
