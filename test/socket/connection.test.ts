import { expect } from 'chai';
import type { Log } from '../../src/log.ts';
import { CLOSE_CODES, type Close } from '../../src/protocol/close-codes.ts';
import { Connection, type ConnectionDeps } from '../../src/socket/connection.ts';
import type { DeviceSocket, SendResult } from '../../src/socket/device-socket.ts';
import { type QuietDeps, quietDeps } from '../support/quiet-deps.ts';

/** A socket that a device reads, or does not. */
class RecordedSocket implements DeviceSocket {
  readonly frames: string[] = [];
  sendResult: SendResult = 'sent';
  closed: number | 'terminated' | undefined;

  send(text: string): SendResult {
    if (this.sendResult !== 'dropped') this.frames.push(text);
    return this.sendResult;
  }

  close(close: Close): void {
    this.closed ??= CLOSE_CODES[close.cause];
  }

  terminate(): void {
    this.closed ??= 'terminated';
  }
}

const HELLO = '{"messageType":"hello","channelIDs":[],"uaid":"0123456789abcdef0123456789abcdef"}';
const HELLO_REPLY =
  '{"messageType":"hello","uaid":"0123456789abcdef0123456789abcdef","status":200}';

describe('Connection', () => {
  let deps: QuietDeps;
  let socket: RecordedSocket;
  let connection: Connection;

  beforeEach(() => {
    deps = quietDeps();
    open();
  });

  const open = (changed: Partial<ConnectionDeps> = {}) => {
    socket = new RecordedSocket();
    connection = new Connection({ ...deps, ...changed }, socket);
  };
  /** Frames of one burst, and what became of them once all is quiet. */
  const receive = async (...frames: readonly string[]) => {
    for (const frame of frames) connection.onFrame(frame);
    await new Promise(setImmediate);
  };

  describe('its inbox', () => {
    it('answers frames in their order, though the store is slow with the first', async () => {
      const reading = deps.store.hold('readDevice');
      await receive(HELLO, '{}');
      expect(socket.frames).to.deep.equal([]);
      reading.release();
      await receive();
      expect(socket.frames).to.deep.equal([HELLO_REPLY, '{}']);
    });

    it('holds as many frames as it may', async () => {
      open({ pingIntervalMinMs: 0 });
      const reading = deps.store.hold('readDevice');
      await receive(HELLO, '{}', '{}', '{}');
      reading.release();
      await receive();
      expect(socket.frames).to.deep.equal([HELLO_REPLY, '{}', '{}', '{}']);
      expect(socket.closed).to.equal(undefined);
    });

    for (const { characters, closed } of [
      { characters: 1000, closed: undefined },
      { characters: 1001, closed: 1008 },
    ]) {
      it(`${closed === undefined ? 'holds' : 'closes with 1008 at'} ${characters} characters`, async () => {
        const reading = deps.store.hold('readDevice');
        const purge = '{"messageType":"purge"}';
        await receive(HELLO, purge, purge.padEnd(characters - purge.length));
        expect(socket.closed).to.equal(closed);
        reading.release();
        await receive();
      });
    }

    it('closes with 1008 at one frame more, and answers none of them', async () => {
      const reading = deps.store.hold('readDevice');
      await receive(HELLO, '{}', '{}', '{}', '{}');
      expect(socket.closed).to.equal(1008);
      reading.release();
      await receive();
      expect(socket.frames).to.deep.equal([]);
    });

    it('is emptied by a close', async () => {
      const reading = deps.store.hold('readDevice');
      await receive(HELLO, '{}');
      connection.onClose();
      reading.release();
      await receive('{}');
      expect(socket.frames).to.deep.equal([]);
    });
  });

  const failures: readonly { title: string; frame: string; code: number; replies: number }[] = [
    { title: 'what is no JSON object', frame: '[]', code: 1003, replies: 0 },
    {
      title: 'an object that breaks a rule',
      frame: '{"messageType":"no"}',
      code: 1008,
      replies: 1,
    },
    {
      title: 'a message before hello',
      frame: '{"messageType":"ack","expired":["0123456789abcdef0123456789abcdef"]}',
      code: 1008,
      replies: 1,
    },
  ];
  for (const { title, frame, code, replies } of failures) {
    it(`closes with ${code} after ${replies} replies to ${title}, and reads no further`, async () => {
      await receive(frame, '{}');
      expect(socket.closed).to.equal(code);
      expect(socket.frames).to.have.lengthOf(replies);
    });
  }

  it('answers 503 and closes with 1013 when the store fails', async () => {
    deps.store.fail();
    await receive(HELLO);
    expect(JSON.parse(socket.frames[0] ?? '')).to.deep.equal({
      ...JSON.parse(HELLO),
      status: 503,
      error: 'Service Unavailable',
      reason: 'the store does not answer',
    });
    expect(socket.closed).to.equal(1013);
    expect(deps.metrics.storeErrors.message.count).to.equal(1);
    expect(deps.metrics.hellos.failed.count).to.equal(1);
  });

  it('answers 500, closes with 1008 and logs an error when we made a mistake', async () => {
    const errors: string[] = [];
    const log: Log = { ...deps.log, error: (_fields, event) => errors.push(event) };
    const placement = () => {
      throw new TypeError('a secret');
    };
    open({ log, placement });
    await receive(HELLO);
    expect(JSON.parse(socket.frames[0] ?? '')).to.deep.equal({
      ...JSON.parse(HELLO),
      status: 500,
      error: 'Internal Server Error',
      reason: 'the server made a mistake',
    });
    expect(socket.closed).to.equal(1008);
    expect(errors).to.deep.equal(['session.failed']);
  });

  it('closes with 1009 at a message that is too large', () => {
    connection.onOversizedFrame();
    expect(socket.closed).to.equal(1009);
  });

  describe('without a hello', () => {
    const pass = (ms: number) => {
      deps.clock.moveMs(ms);
      deps.clock.tick();
    };

    it('is closed with 1008 in time, pings or not', async () => {
      pass(29_999);
      await receive('{}');
      expect(socket.closed).to.equal(undefined);
      pass(1);
      expect(socket.closed).to.equal(1008);
      expect(deps.helloDeadlines.size).to.equal(0);
    });

    it('stays when the hello came in time', async () => {
      await receive(HELLO);
      expect(connection.isIdentified).to.equal(true);
      expect(deps.helloDeadlines.size).to.equal(0);
      pass(30_000);
      expect(socket.closed).to.equal(undefined);
    });

    it('is closed with 1001 when the node drains', () => {
      connection.goAway();
      expect(socket.closed).to.equal(1001);
    });
  });

  it('is cut without a close frame when its device does not read', async () => {
    await receive(HELLO);
    socket.sendResult = 'dropped';
    await receive('{}');
    expect(socket.closed).to.equal('terminated');
    expect(deps.registry.size).to.equal(0);
  });

  it('counts each close once, by its cause', async () => {
    await receive('[]');
    connection.onClose();
    connection.onClose();
    open();
    connection.onClose();
    open();
    socket.sendResult = 'dropped';
    await receive('{}');
    const { closes } = deps.metrics;
    expect([closes.notAnObject.count, closes.peer.count, closes.slow_reader.count]).to.deep.equal([
      1, 1, 1,
    ]);
  });
});
