/** Clients that take their time: with heads, bodies, frames and reading. */
import { setTimeout as sleep } from 'node:timers/promises';
import { frameBytes } from '../../wire/frames.ts';
import { exchange, requestText } from '../../wire/http.ts';
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

const DRIP_BYTES = 40;
const DRIP_PAUSE_MS = 5;
/** Longer than any of our timeouts for strangers, and those of the servers we know of. */
const LONG_WAIT_MS = 60_000;
const SLOW_READER_PUTS = 40;
const SLOW_READER_DATA = 'x'.repeat(4_000);
const OTHERS = ['*others served'];

type Begin = (url: URL, context: SceneContext) => string;

const halfHead: Begin = (url) => requestText(url).slice(0, 40);
const halfBody: Begin = (url) =>
  requestText(url, { headers: ['Content-Length: 1000'], body: 'version=' });
const halfChunk: Begin = (url) =>
  requestText(url, { headers: ['Transfer-Encoding: chunked'], body: 'ff\r\nversion=' });
const halfUpgrade: Begin = (_, { target }) => upgradeText(target).slice(0, 60);
const nothing: Begin = () => '';

/** A crowd begins something and stops there; others want to be served meanwhile. */
function stopAt(listener: Listener, begin: Begin) {
  return async (context: SceneContext): Promise<Seen> => {
    const url = await urlOf(listener, context);
    const bytes = begin(url, context);
    return await withConnections(url, crowdOf(context), context, async (connections) => {
      for (const connection of connections) await connection.write(bytes);
      const sent = `${connections.length} times ${bytes.length} bytes, and no more`;
      return { sent, came: await othersNow(context) };
    });
  };
}

/** The same byte by byte. */
function dripTo(listener: Listener, begin: Begin) {
  return async (context: SceneContext): Promise<Seen> => {
    const url = await urlOf(listener, context);
    const bytes = Buffer.from(begin(url, context), 'latin1');
    return await withConnections(url, 4, context, async (connections) => {
      for (let at = 0; at < DRIP_BYTES; at++) {
        for (const connection of connections) await connection.write(bytes.subarray(at, at + 1));
        await sleep(DRIP_PAUSE_MS);
      }
      return { sent: `${DRIP_BYTES} bytes, one at a time`, came: await othersNow(context) };
    });
  };
}

/** One connection that stops there, and whether the server ends it. */
function outlast(listener: Listener, begin: Begin) {
  return async (context: SceneContext): Promise<Seen> => {
    const url = await urlOf(listener, context);
    return await withConnections(url, 1, context, async ([connection]) => {
      await connection?.write(begin(url, context));
      const isEnded = await connection?.ended(LONG_WAIT_MS);
      return { sent: 'a beginning, and no more', came: isEnded ? 'ended' : 'open' };
    });
  };
}

/** A device that says nothing; a close frame is as good as an end. */
async function outlastHello(context: SceneContext): Promise<Seen> {
  return await withSockets(1, context, async ([socket]) => {
    const event = await socket?.next(LONG_WAIT_MS);
    const isEnded = event?.kind === 'close' || event?.kind === 'ended';
    return { sent: 'no hello', came: isEnded ? 'ended' : 'open' };
  });
}

async function halfFrames(context: SceneContext): Promise<Seen> {
  return await withSockets(crowdOf(context), context, async (sockets) => {
    const half = frameBytes('{"messageType":"hello","channelIDs":[]}').subarray(0, 20);
    for (const { connection } of sockets) await connection.write(half);
    return { sent: `${sockets.length} times half a frame`, came: await othersNow(context) };
  });
}

async function silentDevices(context: SceneContext): Promise<Seen> {
  return await withSockets(crowdOf(context), context, async (sockets) => ({
    sent: `${sockets.length} WebSockets without hello`,
    came: await othersNow(context),
  }));
}

async function deviceThatDoesNotRead(context: SceneContext): Promise<Seen> {
  return await withDevice(context, async (device) => {
    const { endpoint } = await device.register();
    device.socket.connection.pause();
    const statuses = new Set<number>();
    for (let version = 1; version <= SLOW_READER_PUTS; version++) {
      const body = `version=${version}&data=${SLOW_READER_DATA}`;
      statuses.add((await exchange(endpoint, { body }, context)).status);
    }
    const others = await othersNow(context);
    return {
      sent: `${SLOW_READER_PUTS} PUTs for it`,
      came: `${[...statuses].join(', ')}, ${others}`,
    };
  });
}

async function appServerThatDoesNotRead(context: SceneContext): Promise<Seen> {
  const url = await urlOf('endpoint', context);
  return await withConnections(url, 1, context, async ([connection]) => {
    connection?.pause();
    const count = 500;
    await connection?.write(requestText(url, { method: 'OPTIONS' }).repeat(count), {
      sends: count,
    });
    return { sent: `${count} requests, no answer read`, came: await othersNow(context) };
  });
}

export const SLOW: Group = {
  name: 'slow',
  about: 'clients that take their time: with heads, bodies, frames and reading',
  isAlone: true,
  cases: [
    ...scenes(
      { accept: OTHERS, why: 'who sends nothing more holds a connection, and nobody else up' },
      [
        ['endpoint-nothing', stopAt('endpoint', nothing)],
        ['endpoint-half-head', stopAt('endpoint', halfHead)],
        ['endpoint-half-body', stopAt('endpoint', halfBody)],
        ['endpoint-half-chunk', stopAt('endpoint', halfChunk)],
        ['endpoint-drip', dripTo('endpoint', halfHead)],
        ['socket-nothing', stopAt('socket', nothing)],
        ['socket-half-upgrade', stopAt('socket', halfUpgrade)],
        ['socket-drip', dripTo('socket', halfUpgrade)],
        ['socket-half-frames', halfFrames],
        ['socket-no-hello', silentDevices],
        ['device-that-does-not-read', deviceThatDoesNotRead, { accept: ['20?*, others served'] }],
        ['app-server-that-does-not-read', appServerThatDoesNotRead],
      ],
    ),
    ...scenes(
      {
        isLong: true,
        accept: ['ended', 'open'],
        strict: ['ended'],
        why: 'the server ends what does not come to an end by itself',
      },
      [
        ['endpoint-head-without-end', outlast('endpoint', halfHead)],
        ['endpoint-body-without-end', outlast('endpoint', halfBody)],
        ['socket-head-without-end', outlast('socket', halfUpgrade)],
        ['socket-without-hello', outlastHello],
      ],
    ),
  ],
};
