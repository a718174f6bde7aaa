import { expect } from 'chai';
import { drain } from '../../src/commands/drain.ts';
import { Conversation } from '../socket/conversation.ts';
import { newDevice } from '../storage/store-fixtures.ts';
import { type QuietDeps, quietDeps } from '../support/quiet-deps.ts';

const SOON = { spreadMs: 0, deadlineMs: 50 };

describe('drain', () => {
  let devices: QuietDeps;

  beforeEach(() => {
    devices = quietDeps();
  });

  const connect = async () => {
    const device = new Conversation(devices);
    await device.hello(newDevice());
    return device;
  };

  it('closes every session', async () => {
    const sessions = [await connect(), await connect(), await connect()];
    expect(await drain({ devices, putUpdate: { inHand: 0 }, ...SOON })).to.equal(true);
    expect(sessions.map(({ closed }) => closed?.cause)).to.deep.equal([
      'goingAway',
      'goingAway',
      'goingAway',
    ]);
    expect(devices.registry.size).to.equal(0);
  });

  it('waits for the PUTs in hand', async () => {
    const putUpdate = { inHand: 1 };
    const done = drain({ devices, putUpdate, spreadMs: 0, deadlineMs: 60_000 });
    putUpdate.inHand = 0;
    expect(await done).to.equal(true);
  });

  it('gives up at its deadline, and says so', async () => {
    const session = await connect();
    expect(await drain({ devices, putUpdate: { inHand: 1 }, ...SOON })).to.equal(false);
    expect(session.closed?.cause).to.equal('goingAway');
  });
});
