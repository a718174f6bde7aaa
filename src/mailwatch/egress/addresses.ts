/** Which addresses the backend may connect to. What it is told to dial comes from strangers, so the default is: public unicast only. */
import ipaddr from 'ipaddr.js';

/** A network of the operator's, such as `10.1.0.0/16`. */
export interface Network {
  /** Any address inside. */
  readonly address: ipaddr.IPv4 | ipaddr.IPv6;
  /** How many leading bits an address must share with it. */
  readonly bits: number;
}

/** Why an address may not be dialled: the library's name of its range. */
export type AddressVerdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'blocked'; readonly range: string };

const GLOBAL_UNICAST = ipaddr.parse('2000::');
const GLOBAL_UNICAST_BITS = 3;
const ALLOWED: AddressVerdict = { kind: 'allowed' };

/** A network in CIDR form, or one address; undefined when it is neither. */
export function parseNetwork(text: string): Network | undefined {
  const [start = '', ...rest] = text.split('/');
  if (!isAddress(start)) return undefined;
  const address = ipaddr.parse(start);
  if (rest.length === 0) return { address, bits: address.kind() === 'ipv4' ? 32 : 128 };
  if (!ipaddr.isValidCIDR(text)) return undefined;
  return { address, bits: ipaddr.parseCIDR(text)[1] };
}

/**
 * Public unicast, or inside one of `allowed`. An IPv4 address inside an IPv6 one (mapped, NAT64, 6to4, Teredo) is judged as what
 * it is: mapped ones as the IPv4 address, the others not at all, since what they end at is up to a gateway.
 */
export function judgeAddress(text: string, allowed: readonly Network[]): AddressVerdict {
  // The library reads octal and hexadecimal forms too; what comes from DNS has none, and a literal that has them is a trick.
  if (!isAddress(text)) return { kind: 'blocked', range: 'no address' };
  const address = ipaddr.process(text);
  if (allowed.some((network) => isIn(address, network))) return ALLOWED;
  const range = address.range();
  if (range !== 'unicast') return { kind: 'blocked', range };
  // The library calls unicast whatever it has no name for; of IPv6 only this much is given out (RFC 4291, section 2.4; IANA).
  const isGlobal = address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST, GLOBAL_UNICAST_BITS);
  return isGlobal ? ALLOWED : { kind: 'blocked', range: 'reserved' };
}

function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || (text.includes(':') && isIPv6(text));
}

/** Without a zone: it names an interface of this machine. */
function isIPv6(text: string): boolean {
  return !text.includes('%') && ipaddr.IPv6.isValid(text);
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, network: Network): boolean {
  return address.kind() === network.address.kind() && address.match(network.address, network.bits);
}
