import { expect } from 'chai';
import {
  frameBytes,
  OPCODES,
  openRawWebSocket,
  type RawWebSocket,
  upgradeBytes,
} from '../support/raw-frames.ts';
import { nextAnswer } from '../support/raw-http.ts';
import { openTcpClient } from '../support/tcp-client.ts';
import { describeRule } from './rule.ts';

describeRule('Device side 1: connection', (open, { socket }) => {
  it('serves the configured path, with any query, and no other', async () => {
    await using server = await open({ settings: { 'socket.path': '/push' } });
    const paths = [
      { path: '/push', status: 101 },
      { path: '/push?a=b', status: 101 },
      { path: '/', status: 404 },
      { path: '/push/', status: 404 },
      { path: '/pushy', status: 404 },
    ];
    for (const { path, status } of paths) {
      const answer = await answerTo(upgradeBytes(new URL(path, server.urls.ws).href));
      expect(answer.status, path).to.equal(status);
    }
  });

  it('echoes push-notification when it is offered, and demands nothing', async () => {
    await using server = await open();
    const offers = [
      { offered: 'push-notification', echoed: 'push-notification' },
      { offered: 'chat, push-notification', echoed: 'push-notification' },
      { offered: 'chat', echoed: undefined },
      { offered: undefined, echoed: undefined },
    ];
    for (const { offered, echoed } of offers) {
      const header = offered === undefined ? [] : [`Sec-WebSocket-Protocol: ${offered}`];
      const { client, headers } = await openRawWebSocket(server.urls.ws, header);
      expect(headers.get('sec-websocket-protocol'), offered).to.equal(echoed);
      client.destroy();
    }
  });

  it('agrees to no compression', async () => {
    await using server = await open();
    const offer = ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'];
    const { client, headers } = await openRawWebSocket(server.urls.ws, offer);
    expect(headers.has('sec-websocket-extensions')).to.equal(false);
    client.destroy();
  });

  it('answers 426 to what is no WebSocket request', async () => {
    await using server = await open();
    const response = await fetch(server.urls.ws.replace('ws:', 'http:'));
    expect(response.status).to.equal(426);
    expect(await response.json()).to.equal('Upgrade Required');
  });

  describe('reads', () => {
    const ping = '{"messageType":"ping"}';
    const messages: readonly { title: string; bytes: readonly Buffer[] }[] = [
      { title: 'a text frame', bytes: [frameBytes(ping)] },
      { title: 'a binary frame', bytes: [frameBytes(ping, { opcode: OPCODES.binary })] },
      {
        title: 'a message in fragments',
        bytes: [
          frameBytes(ping.slice(0, 5), { isFinal: false }),
          frameBytes('', { opcode: OPCODES.continuation, isFinal: false }),
          frameBytes(ping.slice(5), { opcode: OPCODES.continuation }),
        ],
      },
      {
        title: 'a message in fragments with a PING between them',
        bytes: [
          frameBytes(ping.slice(0, 5), { isFinal: false }),
          frameBytes('between', { opcode: OPCODES.ping }),
          frameBytes(ping.slice(5), { opcode: OPCODES.continuation }),
        ],
      },
      { title: 'a frame that comes byte by byte', bytes: byteByByte(frameBytes(ping)) },
    ];
    for (const { title, bytes } of messages) {
      it(title, async () => {
        await using server = await open();
        const device = await openRawWebSocket(server.urls.ws);
        for (const part of bytes) device.client.write(part);
        expect(await nextTextOf(device)).to.equal('{}');
        device.client.destroy();
      });
    }
  });

  it('answers a PING with its payload, before hello, and passes over a PONG', async () => {
    await using server = await open();
    const device = await openRawWebSocket(server.urls.ws);
    device.client.write(frameBytes('unasked', { opcode: OPCODES.pong }));
    device.client.write(frameBytes('are you there', { opcode: OPCODES.ping }));
    const { opcode, payload } = await device.nextFrame();
    expect(opcode).to.equal(OPCODES.pong);
    expect(payload.toString()).to.equal('are you there');
    device.client.destroy();
  });

  describe('with a largest message of 1024 bytes', () => {
    const settings = { 'socket.message_bytes_max': 1024 };
    const pingOf = (bytes: number) => `{"messageType":"ping","x":"${'x'.repeat(bytes - 29)}"}`;

    it('reads 1024 bytes, in one frame or in several', async () => {
      await using server = await open({ settings });
      const device = await openRawWebSocket(server.urls.ws);
      const message = pingOf(1024);
      expect(message).to.have.lengthOf(1024);
      device.client.write(frameBytes(message));
      expect(await device.nextText()).to.equal('{}');
      device.client.write(frameBytes(message.slice(0, 1000), { isFinal: false }));
      device.client.write(frameBytes(message.slice(1000), { opcode: OPCODES.continuation }));
      expect(await device.nextText()).to.equal('{}');
      device.client.destroy();
    });

    it('closes with 1009 at one byte more', async () => {
      await using server = await open({ settings });
      const device = await server.connect();
      device.send(pingOf(1025));
      expect((await device.nextClose()).code).to.equal(1009);
      expect(device.takeUnread()).to.deep.equal([]);
    });

    it('ends the connection, with or without a close frame, at more than twice as much', async () => {
      await using server = await open({ settings });
      const device = await server.connect();
      device.send(pingOf(2049));
      expect((await device.nextClose()).code).to.be.oneOf([1006, 1009]);
    });

    it('ends the connection when fragments grow beyond twice as much', async () => {
      await using server = await open({ settings });
      const device = await openRawWebSocket(server.urls.ws);
      device.client.write(frameBytes('{'.repeat(1000), { isFinal: false }));
      device.client.write(
        frameBytes('{'.repeat(1049), { opcode: OPCODES.continuation, isFinal: false }),
      );
      await device.client.ended();
    });
  });

  describe('ends the connection after', () => {
    const violations = [
      { title: 'a bad opcode', bytes: frameBytes('{}', { opcode: 3 }) },
      { title: 'reserved bits', bytes: frameBytes('{}', { reserved: 4 }) },
      { title: 'a continuation of nothing', bytes: frameBytes('{}', { opcode: 0 }) },
      { title: 'a text that is not UTF-8', bytes: frameBytes(Buffer.from([0xc3, 0x28])) },
      {
        title: 'a fragmented PING',
        bytes: frameBytes('', { opcode: OPCODES.ping, isFinal: false }),
      },
      {
        title: 'a PING of 126 bytes',
        bytes: frameBytes('x'.repeat(126), { opcode: OPCODES.ping }),
      },
    ];
    for (const { title, bytes } of violations) {
      it(title, async () => {
        await using server = await open();
        const device = await openRawWebSocket(server.urls.ws);
        device.client.write(bytes);
        await device.client.ended();
      });
    }

    // uWebSockets.js takes the first bytes of the payload for a mask and waits for the rest.
    if (socket === 'ws') {
      it('an unmasked frame', async () => {
        await using server = await open();
        const device = await openRawWebSocket(server.urls.ws);
        device.client.write(frameBytes('{}', { isMasked: false }));
        await device.client.ended();
      });
    }
  });

  it('goes on serving others after a violation', async () => {
    await using server = await open();
    const other = await server.connect();
    const device = await openRawWebSocket(server.urls.ws);
    device.client.write(frameBytes('{}', { opcode: 3 }));
    await device.client.ended();
    expect(await other.ping()).to.deep.equal({});
  });

  it('answers the close frame of a device', async () => {
    await using server = await open();
    const device = await server.connect();
    expect((await device.close(1000)).code).to.equal(1000);
  });
});

async function answerTo(bytes: string) {
  const url = `http://${/Host: (\S+)/.exec(bytes)?.[1]}/`;
  const client = await openTcpClient(url);
  client.write(bytes);
  const answer = await nextAnswer(client);
  client.destroy();
  return answer;
}

/** The next text; PONGs before it are passed over. */
async function nextTextOf(device: RawWebSocket): Promise<string> {
  const { opcode, payload } = await device.nextFrame();
  return opcode === OPCODES.pong ? nextTextOf(device) : payload.toString();
}

function byteByByte(bytes: Buffer): readonly Buffer[] {
  return Array.from(bytes, (byte) => Buffer.from([byte]));
}
