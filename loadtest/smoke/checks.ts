/**
 * The checks of the smoke test, in their order: what a device and an app server need of any SimplePush server. Where servers differ
 * without harm the difference is a remark, not a failure.
 */
import { type WireChannel, WireDevice } from '../wire/device.ts';
import { WireError } from '../wire/errors.ts';
import { exchange } from '../wire/http.ts';
import { WireSocket } from '../wire/web-socket.ts';
import type { Check, CheckContext } from './check.ts';
import {
  drain,
  expectUpdate,
  fence,
  leave,
  newVersion,
  of,
  plain,
  put,
  reconnect,
  requireTaken,
  requireVersion,
} from './steps.ts';

const CHANNELS_AT_ONCE = 5;
/** The close of the older connection has been sent before the newer is told of an update. */
const REPLACED_WAIT_MS = 200;
export const CHECKS: readonly Check[] = [
  { title: 'a WebSocket opens', needs: [], run: opens },
  { title: 'hello gives a new device an id', needs: [], run: greets },
  { title: 'register gives an endpoint', needs: ['device'], run: registers },
  { title: 'a PUT reaches the connected device', needs: ['device', 'channel'], run: delivers },
  {
    title: 'a PUT with data, and one without version',
    needs: ['device', 'channel'],
    run: takesForms,
  },
  { title: 'several channels keep apart', needs: ['device'], run: keepsApart },
  { title: 'hello again keeps the id', needs: ['uaid', 'channel'], run: remembers },
  { title: 'what was not acknowledged comes again', needs: ['uaid', 'channel'], run: sendsAgain },
  { title: 'what was acknowledged does not', needs: ['uaid', 'channel'], run: forgetsAcked },
  { title: 'a PUT for a device that is away waits', needs: ['uaid', 'channel'], run: keepsForAway },
  { title: 'of two that wait the newer comes', needs: ['uaid', 'channel'], run: keepsNewest },
  { title: 'a newer connection takes over', needs: ['uaid', 'channel'], run: takesOver },
  { title: 'a wrong endpoint is refused', needs: ['channel'], run: refusesWrongToken },
  { title: 'unregister ends a channel', needs: ['uaid'], run: unregisters },
  { title: 'a ping is answered', needs: [], run: answersPing },
  { title: 'the status page answers', needs: ['channel'], run: showsStatus },
  { title: 'a close is answered', needs: [], run: closes },
];

async function opens({ target, load }: CheckContext): Promise<string> {
  const socket = await WireSocket.open(target, load);
  socket.destroy();
  const chosen = socket.answer.headers.get('sec-websocket-protocol');
  if (target.subprotocol === '' || chosen === target.subprotocol) return '';
  if (chosen === undefined) return `the sub-protocol ${target.subprotocol} was not chosen`;
  throw new WireError(`the server chose the sub-protocol ${chosen}, which was not offered`);
}

async function greets({ target, load, known }: CheckContext): Promise<string> {
  const device = await WireDevice.open(target, load);
  try {
    known.uaid = await device.hello();
  } catch (error) {
    device.destroy();
    throw error;
  }
  known.device = device;
  return `uaid ${known.uaid}`;
}

async function registers({ known }: CheckContext): Promise<string> {
  known.channel = await of(known, 'device').register();
  return `at ${known.channel.endpoint.origin}`;
}

async function delivers(context: CheckContext): Promise<string> {
  const device = of(context.known, 'device');
  const channel = of(context.known, 'channel');
  const version = newVersion();
  const status = await put(context, channel, `version=${version}`);
  const update = await expectUpdate(device, channel, version);
  await device.ack([update]);
  return `${status}`;
}

async function takesForms(context: CheckContext): Promise<string> {
  const device = of(context.known, 'device');
  // A channel of its own: a server may refuse versions below the one that it makes here.
  const channel = await device.register();
  const version = newVersion();
  await put(context, channel, `version=${version}&data=hello`);
  const { data, ...update } = await expectUpdate(device, channel, version);
  await device.ack([update]);
  const answer = await exchange(channel.endpoint, {}, context);
  // Versions that a server makes are the time in seconds or milliseconds, and some make none.
  if (answer.status !== 400) {
    requireTaken(answer.status);
    await device.ack([await device.nextUpdate('the notification of a PUT without version')]);
  }
  await device.unregister(channel.channelID);
  const remarks = [
    data === 'hello' ? '' : 'data does not reach the device',
    answer.status === 400 ? 'a PUT must have a version' : '',
  ];
  return remarks.filter((remark) => remark !== '').join(', ');
}

async function keepsApart(context: CheckContext): Promise<string> {
  const device = of(context.known, 'device');
  const wanted = new Map<string, number>();
  const channels: WireChannel[] = [];
  for (let count = 0; count < CHANNELS_AT_ONCE; count++) channels.push(await device.register());
  for (const channel of channels) {
    const version = newVersion();
    wanted.set(plain(channel.channelID), version);
    await put(context, channel, `version=${version}`);
  }
  while (wanted.size > 0) {
    const update = await device.nextUpdate(`the notifications of ${wanted.size} channels`);
    const id = plain(update.channelID);
    const version = wanted.get(id);
    if (version === undefined) throw new WireError('an update came for a channel without a PUT');
    requireVersion(update, version);
    wanted.delete(id);
    await device.ack([update]);
  }
  for (const { channelID } of channels) await device.unregister(channelID);
  return '';
}

async function remembers(context: CheckContext): Promise<string> {
  await drain(await reconnect(context));
  return '';
}

async function sendsAgain(context: CheckContext): Promise<string> {
  const channel = of(context.known, 'channel');
  const version = newVersion();
  const device = await reconnect(context);
  await put(context, channel, `version=${version}`);
  await expectUpdate(device, channel, version);
  await expectUpdate(await reconnect(context), channel, version);
  return '';
}

async function forgetsAcked(context: CheckContext): Promise<string> {
  const channel = of(context.known, 'channel');
  const version = newVersion();
  const device = await reconnect(context);
  await put(context, channel, `version=${version}`);
  await device.ack([await expectUpdate(device, channel, version)]);
  // An ack has no reply; the reply to what follows says that it was read.
  await fence(device);
  const left = await drain(await reconnect(context));
  if (left.some((update) => Number(update.version) === version)) {
    throw new WireError('an acknowledged update came again');
  }
  return '';
}

async function keepsForAway(context: CheckContext): Promise<string> {
  const channel = of(context.known, 'channel');
  leave(context.known);
  const version = newVersion();
  const status = await put(context, channel, `version=${version}`);
  const device = await reconnect(context);
  await device.ack([await expectUpdate(device, channel, version)]);
  return `${status}`;
}

async function keepsNewest(context: CheckContext): Promise<string> {
  const channel = of(context.known, 'channel');
  leave(context.known);
  await put(context, channel, `version=${newVersion()}`);
  const version = newVersion();
  await put(context, channel, `version=${version}`);
  const device = await reconnect(context);
  const update = await device.nextUpdate('the newer of two updates');
  requireVersion(update, version);
  await device.ack([update]);
  return '';
}

async function takesOver(context: CheckContext): Promise<string> {
  const channel = of(context.known, 'channel');
  const older = of(context.known, 'device');
  delete context.known.device;
  try {
    const device = await reconnect(context);
    const version = newVersion();
    await put(context, channel, `version=${version}`);
    await device.ack([await expectUpdate(device, channel, version)]);
    const end = await older.socket.next(REPLACED_WAIT_MS);
    return end.kind === 'late' ? 'the older connection is left open' : '';
  } finally {
    older.destroy();
  }
}

async function refusesWrongToken(context: CheckContext): Promise<string> {
  const { endpoint } = of(context.known, 'channel');
  const wrong = new URL(endpoint);
  wrong.pathname = `${endpoint.pathname.slice(0, -12)}${'A'.repeat(12)}`;
  const { status } = await exchange(wrong, { body: `version=${newVersion()}` }, context);
  if (status >= 400 && status !== 500) return `${status}`;
  throw new WireError(`a PUT to an endpoint that nobody has was answered ${status}`);
}

async function unregisters(context: CheckContext): Promise<string> {
  const device = await reconnect(context);
  const channel = await device.register();
  await device.unregister(channel.channelID);
  const { status } = await exchange(channel.endpoint, { body: 'version=1' }, context);
  if (status >= 500) throw new WireError(`a PUT to it was answered ${status}`);
  const revived = (await drain(device)).some(
    ({ channelID }) => plain(channelID) === plain(channel.channelID),
  );
  return revived ? `a PUT revives it (${status})` : `a PUT to it: ${status}`;
}

async function answersPing({ target, load }: CheckContext): Promise<string> {
  // A connection of its own, for servers count pings.
  const device = await WireDevice.open(target, load);
  try {
    await device.hello();
    await device.socket.sendText('{}');
    const pong = await device.next('the answer to a ping', () => true);
    if (pong.error !== undefined) throw new WireError(`a ping was answered ${pong.status}`);
    return JSON.stringify(pong) === '{}' ? '' : 'in the long form';
  } finally {
    device.destroy();
  }
}

async function showsStatus(context: CheckContext): Promise<string> {
  const { endpoint } = of(context.known, 'channel');
  const { status } = await exchange(new URL('/status/', endpoint), { method: 'GET' }, context);
  if (status >= 500) throw new WireError(`GET /status/ was answered ${status}`);
  return status === 200 ? '' : `there is none (${status})`;
}

async function closes({ target, load }: CheckContext): Promise<string> {
  const device = await WireDevice.open(target, load);
  try {
    await device.hello();
    await device.socket.close(1000);
    const event = await device.socket.next(target.timeoutMs);
    if (event.kind === 'close') return `${event.code}`;
    if (event.kind === 'ended') return 'without a close frame';
    throw new WireError('the server neither answers a close frame nor ends the connection');
  } finally {
    device.destroy();
  }
}
