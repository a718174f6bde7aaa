/** Where a connection comes from, as far as strangers are counted. */
import { isIPv6 } from 'node:net';

/** An IPv4 address as a number, or the /64 of an IPv6 address as text. */
export type Origin = number | string;

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const IPV6_PREFIX_BYTES = 8;
/** ::ffff:0:0/96 (RFC 4291, section 2.5.5.2): how a dual-stack socket shows an IPv4 peer. */
const MAPPED_PREFIX = Buffer.from('00000000000000000000ffff', 'hex');

/** The origin of an address in network byte order. A household has a /64, so that is what counts as one address of IPv6. */
export function originOf(address: Uint8Array): Origin {
  const bytes = Buffer.from(address.buffer, address.byteOffset, address.byteLength);
  if (bytes.length === IPV4_BYTES) return bytes.readUInt32BE(0);
  if (bytes.length !== IPV6_BYTES) return 0;
  if (bytes.subarray(0, MAPPED_PREFIX.length).equals(MAPPED_PREFIX)) {
    return bytes.readUInt32BE(MAPPED_PREFIX.length);
  }
  return bytes.toString('hex', 0, IPV6_PREFIX_BYTES);
}

/** An address as Node.js writes it, as bytes in network order. */
export function addressBytes(address: string): Uint8Array {
  const mapped =
    address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
  if (!isIPv6(mapped)) return Uint8Array.from(mapped.split('.'), Number);
  const [head = '', tail] = mapped.replace(/%.*$/, '').split('::');
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
  const first = groups(head);
  const last = tail === undefined ? [] : groups(tail);
  const middle = new Array<number>(Math.max(0, 8 - first.length - last.length)).fill(0);
  return Uint8Array.from(
    [...first, ...middle, ...last].flatMap((group) => [group >> 8, group & 255]),
  );
}
