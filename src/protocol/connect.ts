/**
 * The `connect` member of a hello (protocol.md, "Waking a device"): how a device that is not connected is kicked.
 */
import { isIP } from 'node:net';

/** Where a kick goes. Kept by the store as JSON in exactly this form. */
export type KickTarget =
  | { readonly type: 'fcm'; readonly token: string }
  | { readonly type: 'apns'; readonly token: string; readonly topic?: string }
  | {
      readonly type: 'udp';
      readonly ip: string;
      readonly port: number;
      readonly mobileNetwork?: {
        readonly mcc: string;
        readonly mnc: string;
        readonly netid?: string;
      };
    };

/** What a hello says about kicks. `absent` leaves what is stored, `removed` (null) deletes it. */
export type ConnectRequest =
  | { readonly kind: 'absent' }
  | { readonly kind: 'removed' }
  | { readonly kind: 'given'; readonly target: KickTarget }
  | { readonly kind: 'invalid'; readonly reason: string };

/** FCM registration tokens are some 160 characters today and are documented to grow up to this. */
export const FCM_TOKEN_CHARACTERS_MAX = 4096;
/** APNs device tokens are 64 hex digits today; Apple says not to hard-code that. */
export const APNS_TOKEN_CHARACTERS_MAX = 200;
const TOPIC_CHARACTERS_MAX = 255;

const ABSENT: ConnectRequest = { kind: 'absent' };
const REMOVED: ConnectRequest = { kind: 'removed' };
const TOKEN = /^[\x21-\x7e]+$/;
const HEX = /^(?:[0-9a-f]{2})+$/i;
const TOPIC = /^[A-Za-z0-9.-]+$/;
const NETWORK_CODE = /^[0-9]{1,3}$/;

type Members = Readonly<Record<string, unknown>>;

/** Reads `connect`, or the historic `wakeup_hostport` with `mobilenetwork`, of a hello. Never throws. */
export function decodeConnect(hello: Members): ConnectRequest {
  const connect = hello['connect'];
  if (connect === null) return REMOVED;
  if (connect !== undefined) return decodeTyped(connect);
  const hostPort = hello['wakeup_hostport'];
  return hostPort === undefined || hostPort === null
    ? ABSENT
    : decodeUdp(hostPort, hello['mobilenetwork']);
}

function decodeTyped(connect: unknown): ConnectRequest {
  if (!isMembers(connect)) return invalid('connect must be an object');
  switch (connect['type']) {
    case 'fcm':
      return decodeFcm(connect['token']);
    case 'apns':
      return decodeApns(connect['token'], connect['topic']);
    case 'udp':
      return decodeUdp(connect, connect['mobilenetwork']);
    default:
      return invalid('connect.type must be fcm, apns or udp');
  }
}

function decodeFcm(token: unknown): ConnectRequest {
  if (typeof token !== 'string' || token.length > FCM_TOKEN_CHARACTERS_MAX || !TOKEN.test(token)) {
    return invalid(`connect.token must be 1 to ${FCM_TOKEN_CHARACTERS_MAX} printable characters`);
  }
  return { kind: 'given', target: { type: 'fcm', token } };
}

function decodeApns(token: unknown, topic: unknown): ConnectRequest {
  if (typeof token !== 'string' || token.length > APNS_TOKEN_CHARACTERS_MAX || !HEX.test(token)) {
    return invalid(`connect.token must be 2 to ${APNS_TOKEN_CHARACTERS_MAX} hex digits`);
  }
  if (topic === undefined || topic === null) {
    return { kind: 'given', target: { type: 'apns', token } };
  }
  if (typeof topic !== 'string' || topic.length > TOPIC_CHARACTERS_MAX || !TOPIC.test(topic)) {
    return invalid('connect.topic must be a bundle id');
  }
  return { kind: 'given', target: { type: 'apns', token, topic } };
}

function decodeUdp(hostPort: unknown, mobileNetwork: unknown): ConnectRequest {
  if (!isMembers(hostPort)) return invalid('wakeup_hostport must be an object');
  const { ip, port } = hostPort as { ip?: unknown; port?: unknown };
  // A zone names an interface of our own machine, and isIP takes one of any length.
  if (typeof ip !== 'string' || isIP(ip) === 0 || ip.includes('%')) {
    return invalid('ip must be an IP address without a zone');
  }
  // Old clients wrote the port as text.
  const number = typeof port === 'string' && /^[0-9]{1,5}$/.test(port) ? Number(port) : port;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 1 || number > 65_535) {
    return invalid('port must be from 1 to 65535');
  }
  if (mobileNetwork === undefined || mobileNetwork === null) {
    return { kind: 'given', target: { type: 'udp', ip, port: number } };
  }
  return decodeMobileNetwork({ ip, port: number }, mobileNetwork);
}

function decodeMobileNetwork(
  address: { readonly ip: string; readonly port: number },
  mobileNetwork: unknown,
): ConnectRequest {
  if (!isMembers(mobileNetwork)) return invalid('mobilenetwork must be an object');
  const mcc = networkCode(mobileNetwork['mcc']);
  const mnc = networkCode(mobileNetwork['mnc']);
  if (mcc === undefined || mnc === undefined) {
    return invalid('mobilenetwork.mcc and mobilenetwork.mnc must be 1 to 3 digits');
  }
  const netid = mobileNetwork['netid'] ?? undefined;
  if (netid !== undefined && (typeof netid !== 'string' || netid.length > TOPIC_CHARACTERS_MAX)) {
    return invalid('mobilenetwork.netid must be a short string');
  }
  const network = netid === undefined ? { mcc, mnc } : { mcc, mnc, netid };
  return { kind: 'given', target: { type: 'udp', ...address, mobileNetwork: network } };
}

function networkCode(value: unknown): string | undefined {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && NETWORK_CODE.test(text) ? text : undefined;
}

function invalid(reason: string): ConnectRequest {
  return { kind: 'invalid', reason };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
