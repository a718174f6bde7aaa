import { expect } from 'chai';
import { newChannel, newDevice, version } from '../storage/store-fixtures.ts';
import { type QuietDeps, quietDeps } from '../support/quiet-deps.ts';
import { Conversation } from './conversation.ts';

const UDP = { type: 'udp', ip: '192.0.2.7', port: 4000 };
const SLEEP_AFTER_MS = 10_000;

describe('sleepers', () => {
  let deps: QuietDeps;

  beforeEach(() => {
    deps = quietDeps();
  });

  const pass = (ms: number) => {
    deps.clock.moveMs(ms);
    deps.clock.tick();
  };
  const hello = async (connect: object | null | undefined, uaid: string = newDevice()) => {
    const device = new Conversation(deps);
    await device.say({ messageType: 'hello', uaid, channelIDs: [], connect });
    return device;
  };

  it('list the sessions of devices that a datagram wakes, and no others', async () => {
    await hello(undefined);
    await hello({ type: 'fcm', token: 'x' });
    expect(deps.sleepers.size).to.equal(0);
    await hello(UDP);
    expect(deps.sleepers.size).to.equal(1);
  });

  it('forget a session that closes', async () => {
    const device = await hello(UDP);
    device.session.onClose();
    expect(deps.sleepers.size).to.equal(0);
  });

  it('forget a session whose device took its address back', async () => {
    const uaid = newDevice();
    const device = await hello(UDP, uaid);
    await device.say({ messageType: 'hello', uaid, channelIDs: [], connect: null });
    expect(deps.sleepers.size).to.equal(0);
  });

  it('close a silent session at its time, once, and forget it', async () => {
    const device = await hello(UDP);
    pass(SLEEP_AFTER_MS - 1);
    expect(device.closed).to.equal(undefined);
    pass(1);
    expect(device.closed?.cause).to.equal('sleep');
    expect(deps.sleepers.size).to.equal(0);
    expect(deps.registry.size).to.equal(0);
  });

  it('let a session be that waits for an ack, or could not be sent all, and look again later', async () => {
    const update = { channelId: newChannel(), version: version(1) };
    const [unacked, unsent] = [await hello(UDP), await hello(UDP)];
    expect(unacked.session.deliver(update)).to.equal('sent');
    unsent.sendResult = 'dropped';
    expect(unsent.session.deliver(update)).to.equal('later');
    pass(SLEEP_AFTER_MS);
    expect([unacked.closed, unsent.closed]).to.deep.equal([undefined, undefined]);
    expect(deps.sleepers.size).to.equal(2);
    await unacked.say({ messageType: 'ack', updates: [{ channelID: update.channelId }] });
    pass(SLEEP_AFTER_MS);
    expect(unacked.closed?.cause).to.equal('sleep');
  });
});
