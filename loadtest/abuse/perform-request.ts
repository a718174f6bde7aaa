/** Performs a case of bytes for a listener and puts what came into words. */
import { WireConnection } from '../wire/connection.ts';
import { isSuccess, type WireChannel, WireDevice } from '../wire/device.ts';
import { WireError } from '../wire/errors.ts';
import {
  exchange,
  NO_ANSWER_STATUS,
  type RequestParts,
  readAnswer,
  requestText,
} from '../wire/http.ts';
import type { RequestCase, SceneContext, Seen } from './case.ts';
import { shownBytes } from './shown.ts';

/** A version that a server made of its clock may be this far from ours. */
const CLOCK_DIFFERENCE_SECS_MAX = 3600;
/** Longest `data` that is shown whole. */
const DATA_CHARACTERS_MAX = 20;

/** A device whose channel the request is about, and another channel to ask with whether anything else came. */
interface Witness {
  readonly device: WireDevice;
  readonly channel: WireChannel;
  readonly fence: WireChannel;
}

/** `waitMs`: longest wait for each answer. @throws WireError when there is no endpoint to try it on @throws UnreachableError */
export async function performRequest(
  request: RequestCase,
  context: SceneContext,
  waitMs: number,
): Promise<Seen> {
  if (request.to === 'socket') return await send(request, socketUrl(context), context, waitMs);
  const witness = await openWitness(context);
  try {
    return await send(request, witness.channel.endpoint, context, waitMs, () =>
      gotBy(witness, context),
    );
  } finally {
    witness.device.destroy();
  }
}

/** Registers the two channels. @throws WireError */
async function openWitness({ target, load }: SceneContext): Promise<Witness> {
  const device = await WireDevice.open(target, load);
  try {
    await device.hello();
    return { device, channel: await device.register(), fence: await device.register() };
  } catch (error) {
    device.destroy();
    throw error;
  }
}

function socketUrl({ target }: SceneContext): URL {
  return new URL(target.url.href.replace(/^ws/, 'http'));
}

async function send(
  request: RequestCase,
  url: URL,
  { target, load }: SceneContext,
  waitMs: number,
  ask?: () => Promise<string>,
): Promise<Seen> {
  const bytes = bytesOf(request.make(url), url);
  const connection = await WireConnection.open(url, target, load);
  try {
    await connection.write(bytes);
    const words = await answersOf(connection, request, waitMs);
    if (request.showsEnd) words.push((await connection.ended(waitMs)) ? 'closed' : 'open');
    const got = await ask?.();
    // Whatever else was answered has come by now.
    words.push(...(await answersOf(connection, { ...request, answers: 9 }, 0)).filter(isStatus));
    if (got !== undefined) words.push(`got ${got}`);
    return { sent: shownBytes(bytes), came: words.join(', ') };
  } finally {
    connection.destroy();
  }
}

function bytesOf(made: string | Buffer | RequestParts, url: URL): Buffer {
  if (Buffer.isBuffer(made)) return made;
  return Buffer.from(typeof made === 'string' ? made : requestText(url, made), 'latin1');
}

function isStatus(word: string): boolean {
  return /^\d/.test(word);
}

/** Statuses, until as many final ones came as are wanted; `ended` or `silent` when none came. */
async function answersOf(
  connection: WireConnection,
  { answers = 1, isHead }: Pick<RequestCase, 'answers' | 'isHead'>,
  waitMs: number,
): Promise<string[]> {
  const words: string[] = [];
  const read = readAnswer({ isHead: isHead === true });
  for (let finals = 0; finals < answers; ) {
    const arrival = await connection.take(read, waitMs);
    if (arrival.kind !== 'value') {
      if (words.length > 0) return words;
      return [arrival.kind === 'ended' ? 'ended' : 'silent'];
    }
    const { status } = arrival.value;
    words.push(status === NO_ANSWER_STATUS ? 'no HTTP' : `${status}`);
    if (isFinal(status)) finals++;
  }
  return words;
}

/** 101 is the last that HTTP says on a connection; the others below 200 announce another answer. */
function isFinal(status: number): boolean {
  return status >= 200 || status === 101 || status === NO_ANSWER_STATUS;
}

/** What the device got of the channel by the time that a PUT to its other channel has arrived. */
async function gotBy({ device, channel, fence }: Witness, context: SceneContext): Promise<string> {
  const { status } = await exchange(fence.endpoint, { body: 'version=1' }, context);
  if (!isSuccess(status)) throw new WireError(`the next PUT was answered ${status}`);
  const got: string[] = [];
  for (;;) {
    const update = await device.nextUpdate('the notification of the next PUT');
    if (update.channelID === fence.channelID) return got.join('+') || 'nothing';
    if (update.channelID !== channel.channelID) {
      throw new WireError('an update came for a channel of another');
    }
    got.push(`${versionWord(Number(update.version))}${dataWord(update.data)}`);
  }
}

function versionWord(version: number): string {
  const nowSecs = Date.now() / 1000;
  const isNow = [version, version / 1000].some(
    (secs) => Math.abs(secs - nowSecs) < CLOCK_DIFFERENCE_SECS_MAX,
  );
  return isNow ? 'now' : `${version}`;
}

function dataWord(data: unknown): string {
  if (typeof data !== 'string' || data === '') return '';
  return data.length <= DATA_CHARACTERS_MAX
    ? ` ${JSON.stringify(data)}`
    : ` and ${data.length} characters`;
}
