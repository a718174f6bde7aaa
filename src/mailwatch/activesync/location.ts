/** Where an ActiveSync server is. */
export interface ExchangeLocation {
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
}

/** Longest URL that a server may send us to. */
export const LOCATION_CHARACTERS_MAX = 2048;
const HTTPS_PORT = 443;

/**
 * Where the header X-MS-Location of a 451 leads (MS-ASHTTP, section 3.1.5.2.2); undefined when it is no https URL, or one with a user in
 * it. The query stays the device's: what is asked is not the server's to change.
 */
export function parseLocation(
  text: string,
  { path }: ExchangeLocation,
): ExchangeLocation | undefined {
  if (text.length > LOCATION_CHARACTERS_MAX || !URL.canParse(text)) return undefined;
  const { protocol, username, password, hostname, port, pathname } = new URL(text);
  if (protocol !== 'https:' || username !== '' || password !== '') return undefined;
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const query = path.includes('?') ? path.slice(path.indexOf('?')) : '';
  return { host, port: Number(port || HTTPS_PORT), path: pathname + query };
}

/** For the Host header (RFC 9110, section 7.2). */
export function hostHeaderOf({ host, port }: ExchangeLocation): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === HTTPS_PORT ? name : `${name}:${port}`;
}
