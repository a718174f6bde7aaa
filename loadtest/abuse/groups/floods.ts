/** Much of what is allowed, as much as the stated load lets through. */
import { randomUUID } from 'node:crypto';
import { frameBytes, OPCODES } from '../../wire/frames.ts';
import { requestText } from '../../wire/http.ts';
import { scenes } from '../build.ts';
import type { Group, SceneContext, Seen } from '../case.ts';
import {
  crowdOf,
  type Listener,
  othersNow,
  urlOf,
  withConnections,
  withDevice,
  withSockets,
} from './crowd.ts';

const FRAMES = 1_000;
const REQUESTS = 300;
const OTHERS = ['others served'];

/** One device sends these in one go, and reads nothing. */
function frames(make: (at: number) => Buffer, count = FRAMES) {
  return async (context: SceneContext): Promise<Seen> =>
    await withDevice(context, async ({ socket }) => {
      const bytes = Buffer.concat(Array.from({ length: count }, (_, at) => make(at)));
      await socket.connection.write(bytes, { sends: count });
      const sent = `${count} frames, ${bytes.length} bytes`;
      return { sent, came: await othersNow(context) };
    });
}

function message(members: object): Buffer {
  return frameBytes(JSON.stringify(members));
}

/** One connection sends these in one go. */
function requestsTo(listener: Listener, make: (url: URL, at: number) => string) {
  return async (context: SceneContext): Promise<Seen> => {
    const url = await urlOf(listener, context);
    return await withConnections(url, 1, context, async ([connection]) => {
      const text = Array.from({ length: REQUESTS }, (_, at) => make(url, at)).join('');
      await connection?.write(text, { sends: REQUESTS });
      return { sent: `${REQUESTS} requests in one go`, came: await othersNow(context) };
    });
  };
}

async function connectAll(listener: Listener, context: SceneContext): Promise<Seen> {
  const url = await urlOf(listener, context);
  return await withConnections(url, crowdOf(context), context, async (connections) => ({
    sent: `${connections.length} connections at once`,
    came: await othersNow(context),
  }));
}

/** Devices that come, say hello and go, many times. */
async function comeAndGo(context: SceneContext): Promise<Seen> {
  const count = crowdOf(context);
  for (let turn = 0; turn < 3; turn++) {
    await withSockets(count, context, async (sockets) => {
      for (const socket of sockets) {
        await socket.sendText(JSON.stringify({ messageType: 'hello', uaid: '', channelIDs: [] }));
      }
    });
  }
  return { sent: `3 times ${count} devices`, came: await othersNow(context) };
}

/** One device that is everywhere at once. */
async function sameDevice(context: SceneContext): Promise<Seen> {
  const uaid = randomUUID();
  return await withSockets(crowdOf(context), context, async (sockets) => {
    for (const socket of sockets) {
      await socket.sendText(JSON.stringify({ messageType: 'hello', uaid, channelIDs: [] }));
    }
    return { sent: `${sockets.length} hellos of one uaid`, came: await othersNow(context) };
  });
}

const HELLO = message({ messageType: 'hello', uaid: '', channelIDs: [] });
const FRAGMENT = frameBytes('x', { opcode: OPCODES.continuation, isFinal: false });

export const FLOODS: Group = {
  name: 'floods',
  about: 'much of what is allowed, as much as the stated load lets through',
  isAlone: true,
  cases: scenes(
    { accept: OTHERS, why: 'one who sends much is slowed or sent away; nobody else notices' },
    [
      ['frames-ping', frames(() => frameBytes('', { opcode: OPCODES.ping }))],
      ['frames-ping-of-125', frames(() => frameBytes('x'.repeat(125), { opcode: OPCODES.ping }))],
      ['frames-pong', frames(() => frameBytes('', { opcode: OPCODES.pong }))],
      ['frames-empty-text', frames(() => frameBytes(''))],
      ['messages-ping', frames(() => frameBytes('{}'))],
      ['messages-hello', frames(() => HELLO)],
      [
        'messages-register',
        frames(() => message({ messageType: 'register', channelID: randomUUID() })),
      ],
      [
        'messages-same-register',
        frames(() => message({ messageType: 'register', channelID: '0'.repeat(32) })),
      ],
      [
        'messages-unregister',
        frames(() => message({ messageType: 'unregister', channelID: randomUUID() })),
      ],
      [
        'messages-ack',
        frames((at) =>
          message({ messageType: 'ack', updates: [{ channelID: randomUUID(), version: at }] }),
        ),
      ],
      [
        'messages-of-60-kb',
        frames(() => message({ messageType: 'purge', x: 'x'.repeat(60_000) }), 30),
      ],
      ['fragments', frames((at) => (at === 0 ? frameBytes('{', { isFinal: false }) : FRAGMENT))],
      [
        'requests-bad-token',
        requestsTo('endpoint', (url, at) => requestText(url, { path: `/update/${at}` })),
      ],
      [
        'requests-bad-version',
        requestsTo('endpoint', (url) => requestText(url, { body: 'version=x' })),
      ],
      [
        'requests-options',
        requestsTo('endpoint', (url) => requestText(url, { method: 'OPTIONS' })),
      ],
      [
        'requests-get-socket',
        requestsTo('socket', (url) => requestText(url, { method: 'GET', path: '/x' })),
      ],
      ['connections-endpoint', (context) => connectAll('endpoint', context)],
      ['connections-socket', (context) => connectAll('socket', context)],
      ['devices-come-and-go', comeAndGo],
      ['devices-with-one-uaid', sameDevice],
    ],
  ),
};
