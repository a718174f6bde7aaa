/** A device for tests of the wire: sends what it is told, well-formed or not, and misses no frame. */
import { type ClientOptions, WebSocket } from 'ws';
import { ARRIVAL_WAIT_MS_MAX, Arrivals } from './arrivals.ts';

/** What a SimplePush server may send; a test looks at the members it is about. */
export interface RawMessage {
  readonly messageType?: string;
  readonly status?: number;
  readonly uaid?: string;
  readonly channelID?: string;
  readonly pushEndpoint?: string;
  readonly redirect?: string;
  readonly updates?: readonly {
    readonly channelID: string;
    readonly version: number;
    readonly data?: string;
  }[];
  readonly expired?: readonly string[];
  readonly connect?: { readonly status: number; readonly reason: string };
  readonly error?: string;
  readonly reason?: string;
}

export interface RawClose {
  /** 1005 when the frame had none, 1006 when the connection ended without a frame. */
  readonly code: number;
  readonly reason: string;
}

export interface RawDeviceOptions {
  /** Sub-protocols to offer; by default the one of SimplePush. An empty array offers none. */
  readonly protocol?: string | readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Longest wait of each promise below, in milliseconds. */
  readonly waitMsMax?: number;
  /** More options of the `ws` package, such as `localAddress` or `autoPong`. */
  readonly socketOptions?: ClientOptions;
}

export interface RawDevice {
  /** The socket itself, for what the methods do not offer. */
  readonly socket: WebSocket;
  /** Sends a string as it is, and anything else as JSON. */
  send(message: unknown): void;
  /** The next message in order of arrival. Rejects after the longest wait, when the socket closes, or on a frame that is no JSON object. */
  next(): Promise<RawMessage>;
  /** The next message of this type; messages of other types stay for later. */
  nextOf(messageType: string): Promise<RawMessage>;
  /** What has arrived and was not read, as text. Takes it. */
  takeUnread(): readonly string[];
  /** How the socket was closed, also when that was before the call. Unread messages stay. */
  nextClose(): Promise<RawClose>;
  /** Sends a hello, of a new device unless `members` name one, and resolves to the next message: the first must be the reply. */
  hello(members?: Readonly<Record<string, unknown>>): Promise<RawMessage>;
  /** Sends a register and resolves to its reply, which may be an error. */
  register(channelID: string): Promise<RawMessage>;
  /** Sends a ping and resolves to the pong: everything the server had sent before is then in the queue. */
  ping(): Promise<RawMessage>;
  /** Closes with 1000 unless told otherwise, and waits for the other end's answer. */
  close(code?: number, reason?: string): Promise<RawClose>;
  /** Cuts the connection without a close frame. */
  terminate(): void;
}

/** Rejects when the server refuses the upgrade, with its status in the message. */
export async function openRawDevice(
  url: string,
  options: RawDeviceOptions = {},
): Promise<RawDevice> {
  const waitMsMax = options.waitMsMax ?? ARRIVAL_WAIT_MS_MAX;
  const protocols = options.protocol ?? 'push-notification';
  const socket = new WebSocket(url, typeof protocols === 'string' ? protocols : [...protocols], {
    perMessageDeflate: false,
    headers: options.headers ?? {},
    ...options.socketOptions,
  });
  const frames = new Arrivals<string>(waitMsMax);
  const closes = new Arrivals<RawClose>(waitMsMax);
  const opens = new Arrivals<true>(waitMsMax);
  let closed: RawClose | undefined;

  socket.on('open', () => opens.push(true));
  socket.on('message', (bytes) => frames.push(bytes.toString()));
  socket.on('error', (error) => opens.end(error.message));
  socket.on('close', (code, bytes) => {
    const reason = bytes.toString();
    closed = { code, reason };
    frames.end(`the socket was closed with ${code} ${JSON.stringify(reason)}`);
    closes.push(closed);
  });
  await opens.next(`an open socket to ${url}`);

  const device: RawDevice = {
    socket,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: async () => parse(await frames.next('a message')),
    nextOf: async (messageType) =>
      parse(await frames.next(messageType, (text) => messageTypeOf(text) === messageType)),
    takeUnread: () => frames.takeUnread(),
    nextClose: async () => closed ?? closes.next('a close'),
    hello: (members = {}) => {
      device.send({ messageType: 'hello', uaid: '', channelIDs: [], ...members });
      return device.next();
    },
    register: (channelID) => {
      device.send({ messageType: 'register', channelID });
      return device.nextOf('register');
    },
    ping: async () => {
      device.send({});
      return parse(await frames.next('a pong', isPong));
    },
    close: (code = 1000, reason = '') => {
      socket.close(code, reason);
      return device.nextClose();
    },
    terminate: () => socket.terminate(),
  };
  return device;
}

/** Servers answer a ping with {} or, if told to, in the long form. */
function isPong(text: string): boolean {
  return text === '{}' || messageTypeOf(text) === 'ping';
}

/** Undefined also for what is no message: a search passes over it, and the test that reads it is told. */
function messageTypeOf(text: string): string | undefined {
  try {
    return parse(text).messageType;
  } catch {
    // Thrown here, the error would end up in the socket's event handler instead of a test.
    return undefined;
  }
}

function parse(text: string): RawMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (cause) {
    throw new Error(`the server sent what is no JSON: ${text.slice(0, 200)}`, { cause });
  }
  if (typeof message !== 'object' || message === null || Array.isArray(message)) {
    throw new Error(`the server sent what is no JSON object: ${text.slice(0, 200)}`);
  }
  return message;
}
