import { BlockList, isIP } from 'node:net';

/** The operator's list of networks. */
export interface Networks {
  /** Whether a datagram may go to this address, IPv4 or IPv6 without a zone. */
  allow(ip: string): boolean;
}

export type NetworksReading =
  | { readonly kind: 'read'; readonly networks: Networks }
  /** Each problem is a sentence that names the text. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Each wake looks through the list. */
export const NETWORKS_MAX = 1000;

type Family = 'ipv4' | 'ipv6';

interface Network {
  readonly address: string;
  readonly family: Family;
  readonly prefixBits: number;
}

const NETWORK = /^(?<ip>[^/]+)(?:\/(?<bits>0|[1-9][0-9]{0,2}))?$/;
/** IPv4-mapped IPv6 (RFC 4291, section 2.5.5.2) after URL has brought it into one form. */
const MAPPED = /^\[::ffff:(?<high>[0-9a-f]{1,4}):(?<low>[0-9a-f]{1,4})\]$/;
const MAPPED_BITS = 96;
const IPV6_WORDS = 8;

/** Reads networks such as `10.0.0.0/8`, `fd00::/8` and single addresses. Pure. */
export function parseNetworks(texts: readonly string[]): NetworksReading {
  if (texts.length > NETWORKS_MAX) {
    return { kind: 'refused', problems: [`More than ${NETWORKS_MAX} networks are listed.`] };
  }
  const networks: Network[] = [];
  const problems: string[] = [];
  for (const text of texts) {
    const network = parseNetwork(text);
    if (typeof network === 'string') problems.push(network);
    else networks.push(network);
  }
  if (problems.length > 0) return { kind: 'refused', problems };
  return { kind: 'read', networks: createNetworks(networks) };
}

function createNetworks(networks: readonly Network[]): Networks {
  const allowed = toLists(networks);
  return {
    allow(ip) {
      const address = plainAddress(ip);
      if (address === undefined) return false;
      const family = familyOf(address);
      return !NOBODYS[family].check(address, family) && allowed[family].check(address, family);
    },
  };
}

/** One list for each family: the library takes ::/0 for every IPv4 address, too, and who writes it means IPv6. */
function toLists(networks: readonly Network[]): Readonly<Record<Family, BlockList>> {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const { address, prefixBits, family } of networks) {
    lists[family].addSubnet(address, prefixBits, family);
  }
  return lists;
}

/**
 * Where no single device is, whatever the operator's list says: this network and the unspecified address, multicast, and what is above it
 * in IPv4, which ends in the broadcast address.
 */
const NOBODYS = toLists([
  { address: '0.0.0.0', family: 'ipv4', prefixBits: 8 },
  { address: '224.0.0.0', family: 'ipv4', prefixBits: 3 },
  { address: '::', family: 'ipv6', prefixBits: 128 },
  { address: 'ff00::', family: 'ipv6', prefixBits: 8 },
]);

/** The network, or what is wrong with the text. */
function parseNetwork(text: string): Network | string {
  const { ip = '', bits } = NETWORK.exec(text)?.groups ?? {};
  const plain = plainAddress(ip);
  if (plain === undefined) return `"${text}" is not a network such as 10.0.0.0/8 or fd00::/8.`;
  const family = familyOf(plain);
  const isMapped = isIP(ip) === 6 && family === 'ipv4';
  const bitsMax = isIP(ip) === 6 ? 128 : 32;
  const written = bits === undefined ? bitsMax : Number(bits);
  if (written > bitsMax) return `"${text}" has more than ${bitsMax} bits.`;
  const prefixBits = isMapped ? written - MAPPED_BITS : written;
  // It would hold IPv6 addresses that are no IPv4 ones.
  if (prefixBits < 0) return `"${text}" holds more than mapped IPv4 addresses.`;
  if (hasBitsAfter(prefixBits, bytesOf(plain))) {
    return `"${text}" has bits after its prefix: is the prefix too short?`;
  }
  return { address: plain, family, prefixBits };
}

/** The one form of an address; a mapped IPv4 address as IPv4, so that it cannot pass by the IPv4 networks. Undefined when it is none. */
export function plainAddress(ip: string): string | undefined {
  const version = isIP(ip);
  if (version === 4) return ip;
  if (version === 0 || ip.includes('%')) return undefined;
  const { host } = new URL(`udp://[${ip}]`);
  const { high, low } = MAPPED.exec(host)?.groups ?? {};
  if (high === undefined || low === undefined) return host.slice(1, -1);
  const bytes = Buffer.from(high.padStart(4, '0') + low.padStart(4, '0'), 'hex');
  return bytes.join('.');
}

function familyOf(plain: string): Family {
  return plain.includes(':') ? 'ipv6' : 'ipv4';
}

function bytesOf(plain: string): Buffer {
  if (familyOf(plain) === 'ipv4') return Buffer.from(plain.split('.').map(Number));
  const [head = '', tail = ''] = plain.split('::');
  const left = wordsOf(head);
  const right = wordsOf(tail);
  const zeros = '0000'.repeat(IPV6_WORDS - left.length - right.length);
  return Buffer.from([...left, zeros, ...right].join(''), 'hex');
}

function wordsOf(text: string): readonly string[] {
  return text === '' ? [] : text.split(':').map((word) => word.padStart(4, '0'));
}

function hasBitsAfter(prefixBits: number, bytes: Buffer): boolean {
  return bytes.some((byte, at) => {
    const kept = Math.min(Math.max(prefixBits - at * 8, 0), 8);
    return (byte & (0xff >> kept)) !== 0;
  });
}
