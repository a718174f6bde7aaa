/** What a SimplePush server may send a device, read leniently: members that are not needed are not looked at. */

export type ServerMessage =
  | {
      readonly kind: 'hello';
      readonly status: number;
      readonly uaid: string;
      readonly redirect: string | undefined;
    }
  | {
      readonly kind: 'register';
      readonly status: number;
      readonly channelId: string;
      readonly endpoint: string;
    }
  | {
      readonly kind: 'notification';
      readonly updates: readonly { readonly channelId: string; readonly version: number }[];
      readonly expired: readonly string[];
    }
  /** A pong, or a message type that devices pass over. */
  | { readonly kind: 'other' };

/** Undefined for what SimplePush does not know: no JSON, no object, members that are missing or of a wrong type. */
export function parseServerMessage(bytes: Buffer): ServerMessage | undefined {
  const message = objectOf(parseJson(bytes.toString()));
  if (message === undefined) return undefined;
  switch (String(message['messageType']).toLowerCase()) {
    case 'hello':
      return helloOf(message);
    case 'register':
      return registerOf(message);
    case 'notification':
      return notificationOf(message);
    default:
      return { kind: 'other' };
  }
}

type Members = Readonly<Record<string, unknown>>;

function helloOf({ status, uaid, redirect }: Members): ServerMessage | undefined {
  // Early servers say hello without a status, or with it as a text.
  const code = status === undefined ? 200 : Number(status);
  if (!Number.isInteger(code) || (code === 200 && typeof uaid !== 'string')) return undefined;
  return {
    kind: 'hello',
    status: code,
    uaid: typeof uaid === 'string' ? uaid : '',
    redirect: typeof redirect === 'string' && URL.canParse(redirect) ? redirect : undefined,
  };
}

function registerOf({ status, channelID, pushEndpoint }: Members): ServerMessage | undefined {
  const code = Number(status);
  if (!Number.isInteger(code) || typeof channelID !== 'string') return undefined;
  if (code !== 200) return { kind: 'register', status: code, channelId: channelID, endpoint: '' };
  if (typeof pushEndpoint !== 'string' || !URL.canParse(pushEndpoint)) return undefined;
  return { kind: 'register', status: code, channelId: channelID, endpoint: pushEndpoint };
}

function notificationOf({ updates = [], expired = [] }: Members): ServerMessage | undefined {
  if (!Array.isArray(updates) || !Array.isArray(expired)) return undefined;
  const read = updates.map((update: unknown) => {
    const { channelID, version } = objectOf(update) ?? {};
    return { channelId: channelID, version: Number(version) };
  });
  const isWhole = (update: { channelId: unknown; version: number }): update is Update =>
    typeof update.channelId === 'string' && Number.isSafeInteger(update.version);
  if (!read.every(isWhole) || !expired.every((id: unknown) => typeof id === 'string')) {
    return undefined;
  }
  return { kind: 'notification', updates: read, expired };
}

interface Update {
  readonly channelId: string;
  readonly version: number;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Counted by who asked.
    return undefined;
  }
}

function objectOf(value: unknown): Members | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Members;
}
