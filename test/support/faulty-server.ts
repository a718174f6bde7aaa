/**
 * A small SimplePush server with a fault in every so manieth case, to see that stress finds it:
 * `node faulty-server.js <fault> <interval>`. Without a fault it does all that stress asks for, and shows that stress accepts a
 * server which is not ours.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export const SERVER_FAULTS = [
  'none',
  /** A PUT is answered 200 and forgotten. */
  'drop',
  /** Every PUT is answered 200 before it is stored; some to devices that are away are then forgotten. */
  'answer-early',
  /** An update stays pending although it was acknowledged. */
  'keep-acked',
  /** A connection is closed soon after its hello. */
  'close',
  /** An update is held back until the next of its channel was sent. */
  'reorder',
  /** A PUT is never answered; the device has its update. */
  'silent',
  /** A hello is answered with another UAID. */
  'change-uaid',
  /** An update is stored, and not sent to the live connection. */
  'stuck',
  'double',
  /** The version is changed on its way. */
  'alter',
  /** An update goes to another device. */
  'misdeliver',
  /** A valid endpoint is answered 404. */
  'refuse',
  /** A connection is cut amid a PUT. */
  'cut-put',
  /** A channel is declared expired at a hello. */
  'forget',
  /** A notification that is no JSON. */
  'garble',
] as const;
export type ServerFault = (typeof SERVER_FAULTS)[number];

interface FaultyChannel {
  readonly id: string;
  readonly device: FaultyDevice;
  pending: number | undefined;
  heldBack: number | undefined;
}

interface FaultyDevice {
  readonly channels: Map<string, FaultyChannel>;
  socket: WebSocket | undefined;
}

interface Message {
  readonly messageType: string;
  readonly uaid?: string;
  readonly channelID?: string;
  readonly channelIDs?: readonly string[];
  readonly updates?: readonly { readonly channelID: string; readonly version: number }[];
}

const CLOSE_AFTER_MS = 200;
const INVENTED = 1_000_000_000;

const [, , fault = 'none', interval = '1000'] = process.argv;
let chances = 0;
let endpointUrl = '';
const devices = new Map<string, FaultyDevice>();
const channels = new Map<string, FaultyChannel>();

/** Whether this case is one of the faulty ones. Only cases of the chosen fault count. */
function isFaulty(candidate: ServerFault): boolean {
  if (candidate !== fault) return false;
  chances++;
  return chances % Number(interval) === 0;
}

function notify(socket: WebSocket, updates: readonly { channelID: string; version: number }[]) {
  socket.send(
    isFaulty('garble')
      ? '{"messageType":'
      : JSON.stringify({ messageType: 'notification', updates }),
  );
}

function onHello(socket: WebSocket, { uaid = '', channelIDs = [] }: Message): FaultyDevice {
  const isKnown = devices.has(uaid) && !isFaulty('change-uaid');
  const ownUaid = isKnown ? uaid : randomBytes(16).toString('hex');
  const device = devices.get(ownUaid) ?? { channels: new Map(), socket: undefined };
  devices.set(ownUaid, device);
  device.socket = socket;
  socket.send(JSON.stringify({ messageType: 'hello', uaid: ownUaid, status: 200 }));
  const pending = [...device.channels.values()].flatMap(({ id, pending: version }) =>
    version === undefined ? [] : [{ channelID: id, version }],
  );
  if (pending.length > 0) notify(socket, pending);
  if (channelIDs.length > 0 && isFaulty('forget')) {
    const expired = channelIDs.slice(0, 1);
    socket.send(JSON.stringify({ messageType: 'notification', expired }));
  }
  if (isFaulty('close')) setTimeout(() => socket.close(), CLOSE_AFTER_MS).unref();
  return device;
}

function onRegister(socket: WebSocket, device: FaultyDevice, id: string): void {
  const token = randomBytes(24).toString('base64url');
  const channel = device.channels.get(id) ?? {
    id,
    device,
    pending: undefined,
    heldBack: undefined,
  };
  device.channels.set(id, channel);
  channels.set(token, channel);
  const pushEndpoint = `${endpointUrl}${token}`;
  socket.send(
    JSON.stringify({ messageType: 'register', status: 200, channelID: id, pushEndpoint }),
  );
}

function onAck(device: FaultyDevice, updates: Message['updates'] = []): void {
  for (const { channelID, version } of updates) {
    const channel = device.channels.get(channelID);
    if (channel?.pending === undefined || isFaulty('keep-acked')) continue;
    if (version >= channel.pending) channel.pending = undefined;
  }
}

function send(channel: FaultyChannel, version: number): void {
  const { socket } = isFaulty('misdeliver') ? anyOther(channel.device) : channel.device;
  if (socket === undefined || isFaulty('stuck')) return;
  if (isFaulty('reorder')) {
    channel.heldBack = version;
    return;
  }
  const sent = isFaulty('alter') ? version + INVENTED : version;
  notify(socket, [{ channelID: channel.id, version: sent }]);
  if (isFaulty('double')) notify(socket, [{ channelID: channel.id, version: sent }]);
  if (channel.heldBack === undefined) return;
  notify(socket, [{ channelID: channel.id, version: channel.heldBack }]);
  channel.heldBack = undefined;
}

function anyOther(device: FaultyDevice): FaultyDevice {
  return [...devices.values()].find((other) => other !== device && other.socket) ?? device;
}

function onPut(channel: FaultyChannel, version: number, response: ServerResponse): void {
  const isAway = channel.device.socket === undefined;
  const isForgotten = isFaulty('drop') || (isAway && isFaulty('answer-early'));
  if (!isForgotten) {
    channel.pending = Math.max(channel.pending ?? 0, version);
    send(channel, version);
  }
  if (isFaulty('silent')) return;
  if (isFaulty('cut-put')) {
    response.destroy();
    return;
  }
  response.statusCode = isAway && fault !== 'answer-early' ? 202 : 200;
  if (isFaulty('refuse')) response.statusCode = 404;
  response.end('{}');
}

function onRequest(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.setEncoding('utf8').on('data', (chunk: string) => {
    body += chunk;
  });
  request.on('end', () => {
    const channel = channels.get(`${request.url}`.slice('/update/'.length));
    const version = Number(new URLSearchParams(body).get('version'));
    if (channel !== undefined) onPut(channel, version, response);
    else {
      response.statusCode = 404;
      response.end();
    }
  });
}

const server = createServer({ keepAliveTimeout: 60_000 }, onRequest);
const sockets = new WebSocketServer({ server, clientTracking: false });
sockets.on('connection', (socket) => {
  let device: FaultyDevice | undefined;
  socket.on('error', () => undefined);
  socket.on('message', (bytes) => {
    const message = JSON.parse(String(bytes)) as Message;
    if (message.messageType === 'hello') device = onHello(socket, message);
    else if (device === undefined) socket.close();
    else if (message.messageType === 'register') onRegister(socket, device, `${message.channelID}`);
    else if (message.messageType === 'ack') onAck(device, message.updates);
  });
  socket.on('close', () => {
    if (device?.socket === socket) device.socket = undefined;
  });
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  endpointUrl = `http://127.0.0.1:${port}/update/`;
  console.log(`reveille ready ws=ws://127.0.0.1:${port}/ endpoint=${endpointUrl} admin=-`);
});
