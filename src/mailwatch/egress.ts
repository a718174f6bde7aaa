/**
 * The guard on the way out: a device names the mail server, so it could name one of ours (a metadata service, a database, a printer). The
 * host is resolved once, all of its addresses are judged, and the very address that was judged is the one that is dialled: a name
 * that resolves to something else a moment later changes nothing.
 */
import type { MailFailure } from './account.ts';
import { judgeAddress, type Network } from './egress/addresses.ts';

/** What the operator allows. */
export interface EgressRules {
  /** Networks beside the public internet. */
  readonly allowedNetworks: readonly Network[];
  readonly ports: readonly number[];
  /** Longest wait for DNS. */
  readonly resolveMsMax: number;
}

export interface EgressDeps {
  readonly rules: EgressRules;
  /** All addresses of a name, IPv4 and IPv6; rejects when there are none. Settles soon after `signal` is aborted. */
  readonly resolve: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
}

export type EgressAnswer =
  /** Dial this and nothing else. */
  | { readonly ok: true; readonly address: string }
  | { readonly ok: false; readonly failure: MailFailure };

/** Never rejects; settles within `resolveMsMax`. */
export type Egress = (host: string, port: number) => Promise<EgressAnswer>;

/** One per process; the function it makes may run any number of times at once. */
export function createEgress({ rules, resolve }: EgressDeps): Egress {
  const { allowedNetworks, ports, resolveMsMax } = rules;
  return async (host, port) => {
    if (!ports.includes(port)) return blocked(`port ${port}`);
    const addresses = isLiteral(host)
      ? [bare(host)]
      : await addressesOf(host, resolveMsMax, resolve);
    const [first] = addresses;
    if (first === undefined) {
      return { ok: false, failure: { kind: 'network', detail: 'the host name does not resolve' } };
    }
    // All of them: a name with one public and one private address is a trick, or a split view of DNS, and either way not ours to choose from.
    for (const address of addresses) {
      const verdict = judgeAddress(address, allowedNetworks);
      if (verdict.kind === 'blocked') return blocked(`address (${verdict.range})`);
    }
    return { ok: true, address: first };
  };
}

function blocked(what: string): EgressAnswer {
  return { ok: false, failure: { kind: 'blocked', detail: `${what} is not allowed` } };
}

/** Never rejects. */
async function addressesOf(
  host: string,
  resolveMsMax: number,
  resolve: EgressDeps['resolve'],
): Promise<readonly string[]> {
  try {
    return await resolve(host, AbortSignal.timeout(resolveMsMax));
  } catch {
    // No such name, no answer, no server: to the watcher it is all the same, a server that cannot be reached now.
    return [];
  }
}

/** A name cannot end in a number (RFC 3696, section 2), so whatever does is meant as an address. */
function isLiteral(host: string): boolean {
  return host.includes(':') || /(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$/i.test(host);
}

function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
