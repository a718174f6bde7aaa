import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { openMemoryStore } from '../support/memory-store.ts';
import { StoppableStore } from '../support/stoppable-store.ts';
import { describeRule } from './rule.ts';

const CHANNEL = '431b4391-c78f-429a-a134-f890b5adc0bb';

describeRule('Device side 3: errors', (open) => {
  const refused: readonly { message: Record<string, unknown>; reason: string }[] = [
    { message: { x: 1 }, reason: 'messageType is missing' },
    { message: { messageType: null }, reason: 'messageType must be a string' },
    { message: { messageType: 7 }, reason: 'messageType must be a string' },
    { message: { messageType: '' }, reason: 'messageType is not known' },
    { message: { messageType: ' ping' }, reason: 'messageType is not known' },
    { message: { messageType: 'Wrong', x: { y: [1, null] } }, reason: 'messageType is not known' },
    { message: { messageType: 'hello' }, reason: 'channelIDs is missing' },
    { message: { messageType: 'hello', channelIDs: null }, reason: 'channelIDs is missing' },
    { message: { messageType: 'hello', channelIDs: {} }, reason: 'channelIDs must be an array' },
    { message: { messageType: 'hello', channelIDs: 'x' }, reason: 'channelIDs must be an array' },
    { message: { messageType: 'hello', uaid: 7, channelIDs: [] }, reason: 'uaid must be a string' },
    {
      message: { messageType: 'hello', uaid: true, channelIDs: [] },
      reason: 'uaid must be a string',
    },
    { message: { messageType: 'register', channelID: CHANNEL }, reason: 'hello must come first' },
    { message: { messageType: 'unregister', channelID: CHANNEL }, reason: 'hello must come first' },
    {
      message: { messageType: 'ack', updates: [{ channelID: CHANNEL, version: 7 }] },
      reason: 'hello must come first',
    },
  ];
  for (const { message, reason } of refused) {
    it(`echoes ${JSON.stringify(message)} with 401 and closes with 1008`, async () => {
      await using server = await open();
      const device = await server.connect();
      device.send(message);
      expect(await device.next()).to.deep.equal({
        ...message,
        status: 401,
        error: 'Invalid Command',
        reason,
      });
      expect(await device.nextClose()).to.deep.equal({ code: 1008, reason });
      expect(device.takeUnread()).to.deep.equal([]);
    });
  }

  const refusedAfterHello: readonly { message: Record<string, unknown>; reason: string }[] = [
    { message: { messageType: 'register' }, reason: 'channelID must be a UUID' },
    { message: { messageType: 'register', channelID: null }, reason: 'channelID must be a UUID' },
    { message: { messageType: 'register', channelIDs: [] }, reason: 'channelID must be a UUID' },
    {
      message: { messageType: 'unregister' },
      reason: 'channelID must be a string that is not empty',
    },
    { message: { messageType: 'ack' }, reason: 'updates or expired must have an element' },
    {
      message: { messageType: 'ack', updates: [{ channelID: CHANNEL, version: -1 }] },
      reason: 'a version must be an integer from 0 to 2^53-1',
    },
  ];
  for (const { message, reason } of refusedAfterHello) {
    it(`echoes ${JSON.stringify(message)} after hello likewise`, async () => {
      await using server = await open();
      const device = await server.connect();
      await device.hello();
      device.send(message);
      expect(await device.next()).to.deep.equal({
        ...message,
        status: 401,
        error: 'Invalid Command',
        reason,
      });
      expect(await device.nextClose()).to.deep.equal({ code: 1008, reason });
    });
  }

  it('echoes a known type in lower case', async () => {
    await using server = await open();
    const device = await server.connect();
    device.send({ messageType: 'HELLO' });
    expect(await device.next()).to.include({ messageType: 'hello', status: 401 });
  });

  it('puts its own status, error and reason over those of the request', async () => {
    await using server = await open();
    const device = await server.connect();
    device.send({ messageType: 'hello', status: 200, error: 1, reason: { x: 1 } });
    expect(await device.next()).to.deep.equal({
      messageType: 'hello',
      status: 401,
      error: 'Invalid Command',
      reason: 'channelIDs is missing',
    });
  });

  it('answers JSON too deep to write without its echo', async () => {
    await using server = await open();
    const device = await server.connect();
    device.send(`{"messageType":"hello","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
    expect(await device.next()).to.include({ messageType: 'hello', status: 401 });
    expect((await device.nextClose()).code).to.equal(1008);
  });

  const requests = [
    { messageType: 'register', channelID: CHANNEL },
    { messageType: 'unregister', channelID: CHANNEL },
    { messageType: 'ack', updates: [{ channelID: CHANNEL, version: 1 }] },
    { messageType: 'hello', uaid: '', channelIDs: [] },
  ];
  for (const message of requests) {
    it(`answers ${message.messageType} with 503 and closes with 1013 when the store fails`, async () => {
      const store = new StoppableStore(openMemoryStore());
      await using server = await open({ store });
      const device = await server.connect();
      await device.hello();
      store.fail();
      device.send(message);
      const reason = 'the store does not answer';
      expect(await device.next()).to.deep.equal({
        ...message,
        status: 503,
        error: 'Service Unavailable',
        reason,
      });
      expect(await device.nextClose()).to.deep.equal({ code: 1013, reason });
    });
  }

  it('answers 500 when the server made a mistake, and tells nothing of it', async () => {
    const store = new StoppableStore(openMemoryStore());
    await using server = await open({ store });
    const device = await server.connect();
    await device.hello();
    store.breakDown(new TypeError('a secret in line 7'));
    const message = { messageType: 'register', channelID: randomUUID() };
    device.send(message);
    const reason = 'the server made a mistake';
    expect(await device.next()).to.deep.equal({
      ...message,
      status: 500,
      error: 'Internal Server Error',
      reason,
    });
    expect(await device.nextClose()).to.deep.equal({ code: 1008, reason });
  });
});
