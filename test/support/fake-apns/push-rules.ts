import type { FakeApnsKey } from './provider-tokens.ts';
import type { FakeApnsReason } from './reasons.ts';

/** One request as it came. */
export interface PushRequest {
  readonly method: string;
  readonly path: string;
  /** Lower-case names; each once. */
  readonly headers: Readonly<Record<string, string>>;
  /** Names that came more than once. */
  readonly repeated: readonly string[];
  readonly body: Buffer;
}

/** What of a push Apple looks at. */
export interface Push {
  readonly deviceToken: string;
  readonly topic: string;
  readonly pushType: string;
  readonly priority: number;
  readonly expirationS: number;
  readonly collapseId: string | undefined;
  readonly payload: PushPayload;
}

export interface PushPayload {
  readonly aps: Readonly<Record<string, unknown>>;
  readonly [name: string]: unknown;
}

const PUSH_TYPES =
  'alert background controls complication fileprovider liveactivity location mdm pushtotalk voip widgets';
const DEVICE_PATH = '/3/device/';
const DEVICE_TOKEN = /^(?:[0-9a-f]{2}){32,100}$/;
const NOBODY = /^0+$/;
const TOPIC = /^[A-Za-z0-9.-]{1,255}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PAYLOAD_BYTES_MAX = 4096;
const COLLAPSE_ID_BYTES_MAX = 64;
const STORED_S_MAX = 30 * 86_400;

/** What is wrong before anybody asks who speaks. */
export function checkRoute({ method, path, repeated }: PushRequest): FakeApnsReason | undefined {
  if (method !== 'POST') return 'MethodNotAllowed';
  if (path === DEVICE_PATH || path === '/3/device') return 'MissingDeviceToken';
  if (!path.startsWith(DEVICE_PATH) || path.slice(DEVICE_PATH.length).includes('/')) {
    return 'BadPath';
  }
  return repeated.length > 0 ? 'DuplicateHeaders' : undefined;
}

/** The push, or what is wrong with it. */
export function checkPush(
  { path, headers, body }: PushRequest,
  { key, nowMs }: { readonly key: FakeApnsKey; readonly nowMs: number },
): Push | FakeApnsReason {
  const deviceToken = path.slice(DEVICE_PATH.length);
  const topic = headers['apns-topic'];
  if (topic === undefined) return 'MissingTopic';
  if (!TOPIC.test(topic)) return 'BadTopic';
  if (!key.topics.includes(topic)) return 'TopicDisallowed';
  const wrong = checkHeaders(headers, nowMs);
  if (wrong !== undefined) return wrong;
  if (body.length === 0) return 'PayloadEmpty';
  if (body.length > PAYLOAD_BYTES_MAX) return 'PayloadTooLarge';
  const payload = decodePayload(body);
  if (payload === undefined) return 'PayloadEmpty';
  if (!DEVICE_TOKEN.test(deviceToken) || NOBODY.test(deviceToken)) return 'BadDeviceToken';
  const pushType = headers['apns-push-type'] ?? '';
  const priority = Number(headers['apns-priority'] ?? 10);
  // Apple takes these, and no phone ever hears of them.
  const wrongKind = checkKind({ pushType, priority, payload });
  if (wrongKind !== undefined) return wrongKind;
  const expirationS = Number(headers['apns-expiration'] ?? 0);
  const collapseId = headers['apns-collapse-id'];
  return { deviceToken, topic, pushType, priority, expirationS, collapseId, payload };
}

function checkHeaders(headers: PushRequest['headers'], nowMs: number): FakeApnsReason | undefined {
  const pushType = headers['apns-push-type'] ?? '';
  if (!PUSH_TYPES.split(' ').includes(pushType)) return 'InvalidPushType';
  if (!['1', '5', '10'].includes(headers['apns-priority'] ?? '10')) return 'BadPriority';
  const expiration = headers['apns-expiration'] ?? '0';
  const expirationS = Number(expiration);
  const isPast = expirationS > 0 && expirationS < nowMs / 1000 - 60;
  if (!/^[0-9]{1,12}$/.test(expiration) || isPast || expirationS > nowMs / 1000 + STORED_S_MAX) {
    return 'BadExpirationDate';
  }
  if (!UUID.test(headers['apns-id'] ?? '00000000-0000-0000-0000-000000000000')) {
    return 'BadMessageId';
  }
  const collapseId = headers['apns-collapse-id'] ?? 'x';
  const collapseBytes = Buffer.byteLength(collapseId);
  return collapseBytes > COLLAPSE_ID_BYTES_MAX || collapseBytes === 0 ? 'BadCollapseId' : undefined;
}

function checkKind({
  pushType,
  priority,
  payload: { aps },
}: Pick<Push, 'pushType' | 'priority' | 'payload'>): FakeApnsReason | undefined {
  const isVisible = ['alert', 'badge', 'sound'].some((name) => Object.hasOwn(aps, name));
  if (pushType === 'background') {
    if (priority !== 5) return 'BadPriority';
    return aps['content-available'] === 1 && !isVisible ? undefined : 'InvalidPushType';
  }
  return pushType === 'alert' && !isVisible ? 'InvalidPushType' : undefined;
}

function decodePayload(body: Buffer): PushPayload | undefined {
  try {
    const value: unknown = JSON.parse(body.toString());
    if (typeof value !== 'object' || value === null || !('aps' in value)) return undefined;
    const { aps } = value;
    if (typeof aps !== 'object' || aps === null) return undefined;
    return { ...value, aps: { ...aps } };
  } catch {
    return undefined;
  }
}
