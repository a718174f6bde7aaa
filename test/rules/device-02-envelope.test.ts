import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { describeRule } from './rule.ts';

describeRule('Device side 2: envelope', (open) => {
  const pings = [
    '{}',
    '{ }',
    '\n{}\n',
    '{"messageType":"ping"}',
    '{"messageType":"PING"}',
    '{"messageType":"Ping","status":200,"x":{"y":[]}}',
  ];
  for (const ping of pings) {
    it(`answers ${JSON.stringify(ping)} with {}, before and after hello`, async () => {
      await using server = await open();
      const device = await server.connect();
      device.send(ping);
      await device.next();
      await device.hello();
      device.send(ping);
      await device.next();
      device.send(ping);
      await device.next();
      expect(device.takeUnread()).to.deep.equal([]);
      device.send(ping);
      expect(await device.next()).to.deep.equal({});
    });
  }

  it('answers in the long form where that is configured', async () => {
    await using server = await open({ settings: { 'socket.long_pongs': true } });
    const device = await server.connect();
    for (const ping of pings) {
      device.send(ping);
      expect(await device.next(), ping).to.deep.equal({ messageType: 'ping', status: 200 });
    }
  });

  const spellings = [
    { hello: 'hello', register: 'register', unregister: 'unregister' },
    { hello: 'HELLO', register: 'REGISTER', unregister: 'UNREGISTER' },
    { hello: 'hElLo', register: 'Register', unregister: 'unRegister' },
  ];
  for (const types of spellings) {
    it(`reads ${Object.values(types).join(', ')}, and answers in lower case`, async () => {
      await using server = await open();
      const device = await server.connect();
      const channelID = randomUUID();
      device.send({ messageType: types.hello, channelIDs: [] });
      device.send({ messageType: types.register, channelID });
      device.send({ messageType: types.unregister, channelID });
      const replies = [await device.next(), await device.next(), await device.next()];
      expect(replies.map(({ messageType }) => messageType)).to.deep.equal([
        'hello',
        'register',
        'unregister',
      ]);
    });
  }

  it('reads ACK as ack', async () => {
    await using server = await open();
    const device = await server.connect();
    await device.hello();
    device.send({ messageType: 'ACK', updates: [{ channelID: randomUUID(), version: 1 }] });
    expect(await device.ping()).to.deep.equal({});
  });

  const misspelt = [
    { message: { MessageType: 'ping' }, reason: 'messageType is missing' },
    { message: { messageType: 'hello', channelIds: [] }, reason: 'channelIDs is missing' },
    { message: { messageType: 'hello', channelids: [] }, reason: 'channelIDs is missing' },
  ];
  for (const { message, reason } of misspelt) {
    it(`finds that ${reason} in ${JSON.stringify(message)}`, async () => {
      await using server = await open();
      const device = await server.connect();
      device.send(message);
      expect(await device.next()).to.include({ status: 401, reason });
    });
  }

  it('passes over UAID and other members it does not know', async () => {
    await using server = await open();
    const device = await server.connect();
    const unknown = randomUUID();
    const reply = await device.hello({ UAID: unknown, interface: { ip: '10.0.0.1' }, x: null });
    expect(Object.keys(reply)).to.have.members(['messageType', 'uaid', 'status']);
    expect(reply.uaid).not.to.equal(unknown);
  });

  it('takes purge in silence, before and after hello', async () => {
    await using server = await open();
    const device = await server.connect();
    device.send({ messageType: 'purge' });
    expect(await device.hello()).to.include({ messageType: 'hello', status: 200 });
    device.send({ messageType: 'PURGE', channelIDs: [] });
    await device.ping();
    expect(device.takeUnread()).to.deep.equal([]);
  });

  const malformed = [
    '',
    'hello',
    '{',
    '{}{}',
    '[]',
    '[{"messageType":"ping"}]',
    '"{}"',
    'null',
    'true',
    '1',
    "{'messageType':'ping'}",
  ];
  for (const text of malformed) {
    it(`closes with 1003, without a reply, after ${JSON.stringify(text)}`, async () => {
      await using server = await open();
      const device = await server.connect();
      device.send(text);
      expect(await device.nextClose()).to.deep.equal({
        code: 1003,
        reason: 'a message must be a JSON object',
      });
      expect(device.takeUnread()).to.deep.equal([]);
    });
  }
});
