/** What is known of certain mail providers. */

interface Quirk {
  /** The provider's hosts: this name, and all below it. */
  readonly domain: string;
  readonly idleMsMax: number;
}

/** Providers that forget an IDLE, or end it, long before the 30 minutes of RFC 2177; found out by others the hard way. */
const QUIRKS: readonly Quirk[] = [
  { domain: 'yahoo.com', idleMsMax: 180_000 },
  { domain: 'yahoo.co.jp', idleMsMax: 180_000 },
  { domain: 'aol.com', idleMsMax: 180_000 },
  { domain: 'rambler.ru', idleMsMax: 55_000 },
  { domain: '163.com', idleMsMax: 55_000 },
  { domain: '126.com', idleMsMax: 55_000 },
];

/** Longest IDLE with `host`, in milliseconds; never beyond `idleMs`, the config's. */
export function idleMsMaxAt(host: string, idleMs: number): number {
  const quirk = QUIRKS.find(({ domain }) => host === domain || host.endsWith(`.${domain}`));
  return Math.min(quirk?.idleMsMax ?? idleMs, idleMs);
}
