/** Connections that one end has left. */
import { frameBytes } from '../../wire/frames.ts';
import { readAnswer, requestText } from '../../wire/http.ts';
import { upgradeText } from '../../wire/web-socket.ts';
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

const OTHERS = ['others served'];
const HELLO = frameBytes('{"messageType":"hello","uaid":"","channelIDs":[]}');

type Leave = 'reset' | 'destroy' | 'halfClose';

/** A crowd sends this much and leaves in this way, before anything is answered. */
function leaveAfter(
  listener: Listener,
  leave: Leave,
  begin: (url: URL, context: SceneContext) => string,
) {
  return async (context: SceneContext): Promise<Seen> => {
    const url = await urlOf(listener, context);
    const bytes = begin(url, context);
    return await withConnections(url, crowdOf(context), context, async (connections) => {
      for (const connection of connections) {
        await connection.write(bytes);
        connection[leave]();
      }
      const sent = `${connections.length} times ${bytes.length} bytes, then ${leave}`;
      return { sent, came: await othersNow(context) };
    });
  };
}

/** A crowd of devices says this and is gone. */
function devicesLeave(leave: Leave, said: Buffer) {
  return async (context: SceneContext): Promise<Seen> =>
    await withSockets(crowdOf(context), context, async (sockets) => {
      for (const { connection } of sockets) {
        await connection.write(said);
        connection[leave]();
      }
      const sent = `${sockets.length} times ${said.length} bytes, then ${leave}`;
      return { sent, came: await othersNow(context) };
    });
}

/** A request, and the end of our half: the answer may still come. */
async function requestThenHalfClose(context: SceneContext): Promise<Seen> {
  const url = await urlOf('endpoint', context);
  return await withConnections(url, 1, context, async ([connection]) => {
    await connection?.write(requestText(url, { method: 'OPTIONS' }));
    connection?.halfClose();
    const arrival = await connection?.take(readAnswer(), context.target.timeoutMs);
    const came = arrival?.kind === 'value' ? `${arrival.value.status}` : `${arrival?.kind}`;
    return { sent: 'OPTIONS, then FIN', came };
  });
}

async function deviceHalfCloses(context: SceneContext): Promise<Seen> {
  return await withDevice(context, async ({ socket }) => {
    socket.connection.halfClose();
    const isEnded = await socket.connection.ended(context.target.timeoutMs);
    return { sent: 'FIN without a close frame', came: isEnded ? 'ended' : 'open' };
  });
}

export const HALF_OPEN: Group = {
  name: 'half-open',
  about: 'connections that one end has left',
  isAlone: true,
  cases: [
    ...scenes(
      { accept: OTHERS, why: 'who has left takes no more of the server, and nobody with him' },
      [
        ['endpoint-connect-and-reset', leaveAfter('endpoint', 'reset', () => '')],
        ['endpoint-connect-and-close', leaveAfter('endpoint', 'destroy', () => '')],
        ['endpoint-half-closed', leaveAfter('endpoint', 'halfClose', () => '')],
        [
          'endpoint-head-and-reset',
          leaveAfter('endpoint', 'reset', (url) => requestText(url).slice(0, 50)),
        ],
        [
          'endpoint-request-and-reset',
          leaveAfter('endpoint', 'reset', (url) => requestText(url, { method: 'OPTIONS' })),
        ],
        [
          'endpoint-bad-put-and-reset',
          leaveAfter('endpoint', 'reset', (url) => requestText(url, { body: 'version=x' })),
        ],
        ['socket-connect-and-reset', leaveAfter('socket', 'reset', () => '')],
        [
          'socket-upgrade-and-reset',
          leaveAfter('socket', 'reset', (_, { target }) => upgradeText(target)),
        ],
        [
          'socket-upgrade-and-half-close',
          leaveAfter('socket', 'halfClose', (_, { target }) => upgradeText(target)),
        ],
        ['device-hello-and-reset', devicesLeave('reset', HELLO)],
        ['device-half-hello-and-reset', devicesLeave('reset', HELLO.subarray(0, 20))],
        ['device-hello-and-close', devicesLeave('destroy', HELLO)],
        ['device-silent-and-half-close', devicesLeave('halfClose', Buffer.alloc(0))],
      ],
    ),
    ...scenes(
      {
        accept: ['???', 'ended', 'late', 'open'],
        why: 'half a connection: answered, or ended, as the transport has it',
      },
      [
        [
          'endpoint-request-and-half-close',
          requestThenHalfClose,
          { accept: ['200', '20?', '4??', 'ended'] },
        ],
        ['device-half-close', deviceHalfCloses, { accept: ['ended', 'open'], strict: ['ended'] }],
      ],
    ),
  ],
};
