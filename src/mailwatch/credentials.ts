/** What comes out of an envelope, checked: structured credentials, never commands. */
import type { Credentials } from './account.ts';
import type { FieldProblem } from './rpc/methods.ts';

export type ParsedCredentials =
  /** `sealedAtMs`: when, by the device's own clock, if it says so. */
  | { readonly ok: true; readonly credentials: Credentials; readonly sealedAtMs?: number }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** Longest user name and password; RFC 5321 and the providers' own bounds are below. */
export const USERNAME_CHARACTERS_MAX = 320;
/** As above; also of client ids. */
export const PASSWORD_CHARACTERS_MAX = 1024;
/** Microsoft's refresh tokens have some 1,500 characters. */
export const OAUTH_TOKEN_CHARACTERS_MAX = 8192;
const URL_CHARACTERS_MAX = 2048;

type Members = Readonly<Record<string, unknown>>;

/** Reads the JSON inside an envelope. Problems name members and never show what was in them. Never throws. */
export function parseCredentials(text: string): ParsedCredentials {
  const members = parseMembers(text);
  if (members === undefined) return refused([['sealed', 'a JSON object']]);
  const { sealedAtMs } = members;
  if (sealedAtMs === undefined) return parseByKind(members);
  if (!isMoment(sealedAtMs)) return refused([['sealed.sealedAtMs', 'milliseconds since 1970']]);
  const parsed = parseByKind(members);
  return parsed.ok ? { ...parsed, sealedAtMs } : parsed;
}

function parseByKind(members: Members): ParsedCredentials {
  switch (members['kind']) {
    case 'password':
      return parsePassword(members);
    case 'oauth':
      return parseOauth(members);
    default:
      return refused([['sealed.kind', '"password" or "oauth"']]);
  }
}

function isMoment(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}

function parsePassword({ username, password }: Members): ParsedCredentials {
  const isName = isLine(username, USERNAME_CHARACTERS_MAX);
  const isPassword = isLine(password, PASSWORD_CHARACTERS_MAX);
  if (isName && isPassword)
    return { ok: true, credentials: { kind: 'password', username, password } };
  return refused([
    ...(isName ? [] : [line('username', USERNAME_CHARACTERS_MAX)]),
    ...(isPassword ? [] : [line('password', PASSWORD_CHARACTERS_MAX)]),
  ]);
}

function parseOauth(members: Members): ParsedCredentials {
  const { username, refreshToken, tokenEndpoint, clientId } = members;
  const isName = isLine(username, USERNAME_CHARACTERS_MAX);
  const isToken = isLine(refreshToken, OAUTH_TOKEN_CHARACTERS_MAX);
  const isEndpoint = isHttps(tokenEndpoint);
  const isClient = isLine(clientId, PASSWORD_CHARACTERS_MAX);
  const options = optionsOf(members);
  if (isName && isToken && isEndpoint && isClient && options !== undefined) {
    const needed = { kind: 'oauth', username, refreshToken, tokenEndpoint, clientId } as const;
    return { ok: true, credentials: { ...needed, ...options } };
  }
  return refused([
    ...(isName ? [] : [line('username', USERNAME_CHARACTERS_MAX)]),
    ...(isToken ? [] : [line('refreshToken', OAUTH_TOKEN_CHARACTERS_MAX)]),
    ...(isEndpoint ? [] : [['sealed.tokenEndpoint', 'an https URL'] as const]),
    ...(isClient ? [] : [line('clientId', PASSWORD_CHARACTERS_MAX)]),
    ...(options === undefined
      ? [['sealed', 'clientSecret, scope and accessToken as texts, or left out'] as const]
      : []),
  ]);
}

/** What may be left out; undefined when a member is there and is none. */
function optionsOf({ clientSecret, scope, accessToken, accessTokenExpiresAtMs }: Members) {
  const texts = { clientSecret, scope, accessToken };
  const options: { clientSecret?: string; scope?: string; accessToken?: string } = {};
  for (const [name, value] of Object.entries(texts)) {
    if (value === undefined) continue;
    if (!isLine(value, OAUTH_TOKEN_CHARACTERS_MAX)) return undefined;
    options[name as keyof typeof texts] = value;
  }
  // A token whose end nobody has named is used until it is refused; that is one login too many, so it is left out.
  if (!Number.isSafeInteger(accessTokenExpiresAtMs)) return withoutToken(options);
  return { ...options, accessTokenExpiresAtMs: Number(accessTokenExpiresAtMs) };
}

function withoutToken<Options extends { accessToken?: string }>({
  accessToken: _,
  ...rest
}: Options) {
  return rest;
}

/** One line: CR, LF and NUL would end a command of the mail protocol and begin another one. */
function isLine(value: unknown, charactersMax: number): value is string {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= charactersMax &&
    !/[\r\n\0]/.test(value)
  );
}

function isHttps(value: unknown): value is string {
  if (!isLine(value, URL_CHARACTERS_MAX) || !URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return protocol === 'https:' && username === '' && password === '';
}

function parseMembers(text: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Members) : undefined;
  } catch {
    // What is wrong with it would be told by showing it.
    return undefined;
  }
}

function line(name: string, charactersMax: number): readonly [string, string] {
  return [`sealed.${name}`, `one line of 1 to ${charactersMax} characters`];
}

function refused(problems: readonly (readonly [string, string])[]): ParsedCredentials {
  return { ok: false, problems: problems.map(([field, expected]) => ({ field, expected })) };
}
