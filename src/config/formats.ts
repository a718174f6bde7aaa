/** The forms that texts in the config may have, each with the words that tell an operator what is expected. */
import { isIP } from 'node:net';
import { TOKEN_KEY_BYTES } from '../protocol/token.ts';

export type FormatName =
  | 'host'
  | 'http-url-or-empty'
  | 'origin'
  | 'path'
  | 'path-or-empty'
  | 'server-address'
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

export const FORMATS: Readonly<Record<FormatName, Format>> = {
  host: { expected: 'an IP address without brackets, or a host name', isMetBy: isHost },
  'http-url-or-empty': orEmpty(HTTP_URL),
  origin: {
    expected: 'an origin such as "https://app.example", without path',
    isMetBy: isOrigin,
  },
  path: PATH,
  'path-or-empty': orEmpty(PATH),
  'server-address': {
    expected: 'host:port, an IPv6 address in brackets',
    isMetBy: isServerAddress,
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

/** An origin is compared as text with what a browser sends, so it must be written as browsers write it (RFC 6454, section 6.2). */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

function isServerAddress(text: string): boolean {
  const { bracketed, plain, port } = SERVER_ADDRESS.exec(text)?.groups ?? {};
  const isPort = Number(port) >= 1 && Number(port) <= 65_535;
  if (bracketed !== undefined) return isPort && isIP(bracketed) === 6;
  return isPort && plain !== undefined && isHost(plain);
}
