/** Performs a case on a WebSocket and puts what came into words. */
import { randomUUID } from 'node:crypto';
import { unreachable } from '../../src/assert.ts';
import {
  isSuccess,
  parseMessage,
  updatesOf,
  type WireChannel,
  WireDevice,
  type WireMessage,
} from '../wire/device.ts';
import { exchange } from '../wire/http.ts';
import type { SocketEvent } from '../wire/web-socket.ts';
import type { SceneContext, Seen, TalkCase } from './case.ts';

/** Messages that a case listens to; a server that sends more is repeating itself. */
const WORDS_MAX = 1_000;

/** `waitMs`: longest wait for each answer. @throws WireError when the device cannot be made ready @throws UnreachableError */
export async function performTalk(
  talk: TalkCase,
  context: SceneContext,
  waitMs: number,
): Promise<Seen> {
  const device = await WireDevice.open(context.target, context.load);
  try {
    const channel = await prepare(talk, device, context);
    const channelID = channel?.channelID ?? randomUUID();
    const uaid = device.uaid;
    const pieces = talk.say({ uaid, channelID });
    for (const { bytes } of pieces) await device.socket.connection.write(bytes);
    const came = await listen(talk, device, waitMs);
    const kept =
      talk.pendingVersion === undefined || channel === undefined
        ? ''
        : `, keeps ${await pendingOf(uaid, channel, context)}`;
    return { sent: pieces.map(({ shown }) => shown).join(' '), came: `${came}${kept}` };
  } finally {
    device.destroy();
  }
}

async function prepare(
  { state, pendingVersion }: TalkCase,
  device: WireDevice,
  context: SceneContext,
): Promise<WireChannel | undefined> {
  if (state === 'fresh') return undefined;
  await device.hello();
  if (state === 'ready') return undefined;
  const channel = await device.register();
  if (pendingVersion !== undefined) {
    await exchange(channel.endpoint, { body: `version=${pendingVersion}` }, context);
    await device.nextUpdate('the notification before the case');
  }
  return channel;
}

/** Sends the proper request, and reads until it is answered, the connection ends or nothing comes. */
async function listen(talk: TalkCase, device: WireDevice, waitMs: number): Promise<string> {
  const fence = fenceOf(talk);
  await device.send(
    fence.isHello
      ? { messageType: 'hello', uaid: '', channelIDs: [] }
      : { messageType: 'register', channelID: fence.channelID },
  );
  const words: string[] = [];
  while (words.length < WORDS_MAX) {
    const event = await device.socket.next(waitMs);
    const message = event.kind === 'text' ? parseMessage(event.text) : undefined;
    const ending = endingOf(event) ?? fenceWord(message, fence);
    if (ending !== undefined) return [...told(words), ending].join(', ');
    words.push(event.kind === 'pong' ? 'PONG' : wordOf(message, talk, device.uaid));
  }
  return [...told(words), 'endless'].join(', ');
}

/** The proper request. */
interface Fence {
  readonly isHello: boolean;
  readonly channelID: string;
}

function fenceOf({ fence, state }: TalkCase): Fence {
  const isHello = (fence ?? (state === 'fresh' ? 'hello' : 'register')) === 'hello';
  return { isHello, channelID: randomUUID() };
}

/** Undefined when the conversation goes on. */
function endingOf(event: SocketEvent): string | undefined {
  switch (event.kind) {
    case 'text':
    case 'pong':
      return undefined;
    case 'close':
      return `closed ${event.code}`;
    case 'late':
      return 'silent';
    case 'ended':
    case 'broken':
      return event.kind;
    default:
      return unreachable(event);
  }
}

/** What became of the proper request; undefined when this is no answer to it. */
function fenceWord(message: WireMessage | undefined, fence: Fence): string | undefined {
  if (message === undefined) return undefined;
  const { messageType, status, channelID } = message;
  const isFine = isSuccess(status ?? 200);
  if (fence.isHello) return isFine && messageType === 'hello' ? 'served' : undefined;
  if (channelID !== fence.channelID) return undefined;
  return isFine ? 'served' : `fence ${status}`;
}

/** Words that repeat are counted: `register 200 ×3`. */
function told(words: readonly string[]): readonly string[] {
  const runs: { readonly word: string; count: number }[] = [];
  for (const word of words) {
    const last = runs.at(-1);
    if (last?.word === word) last.count++;
    else runs.push({ word, count: 1 });
  }
  return runs.map(({ word, count }) => (count === 1 ? word : `${word} ×${count}`));
}

function wordOf(message: WireMessage | undefined, talk: TalkCase, uaid: string): string {
  if (message === undefined) return 'no JSON';
  const { messageType, status } = message;
  const type = typeof messageType === 'string' ? messageType.toLowerCase() : '';
  if (isError(message)) return `error ${status}`;
  if (type === 'hello' && isSuccess(status ?? 200)) {
    // In the state `fresh` the only hello is the case's own.
    const asked = talk.state === 'fresh' ? talk.askedUaid : uaid;
    return plain(message.uaid) === plain(asked) ? 'hello same' : 'hello new';
  }
  if (type === 'ping' || Object.keys(message).length === 0) return 'pong';
  if (updatesOf(message).length > 0) return 'notification';
  return status === undefined ? type : `${type} ${status}`;
}

/** Servers tell what was wrong as `error`, as `reason`, or as both. */
function isError({ status, error, reason }: WireMessage): boolean {
  return error !== undefined || (reason !== undefined && !isSuccess(status));
}

function plain(id: unknown): string {
  return `${id}`.replaceAll('-', '').toLowerCase();
}

/** What a new connection of the device is sent of the channel. */
async function pendingOf(
  uaid: string,
  { channelID }: WireChannel,
  { target, load }: SceneContext,
): Promise<string> {
  const device = await WireDevice.open(target, load);
  try {
    await device.hello(uaid, [channelID]);
    // The reply to a later request comes after what is pending.
    await device.register(randomUUID());
    const versions = device
      .takeUpdates()
      .filter((update) => plain(update.channelID) === plain(channelID))
      .map(({ version }) => version);
    return versions.join('+') || 'nothing';
  } finally {
    device.destroy();
  }
}
