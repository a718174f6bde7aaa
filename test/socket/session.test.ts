import { expect } from 'chai';
import type { ChannelId, DeviceId } from '../../src/protocol/ids.ts';
import type { ServerMessage, Update } from '../../src/protocol/messages.ts';
import { SessionError } from '../../src/socket/session-error.ts';
import { StoreUnavailableError } from '../../src/storage/store.ts';
import { newChannel, newDevice, pendingOf, version } from '../storage/store-fixtures.ts';
import { type QuietDeps, quietDeps } from '../support/quiet-deps.ts';
import type { StoreOperation } from '../support/stoppable-store.ts';
import { Conversation } from './conversation.ts';

const DEVICE = newDevice();
const CHANNEL = newChannel();
const OTHER_CHANNEL = newChannel();

describe('Session', () => {
  let deps: QuietDeps;
  let device: Conversation;

  beforeEach(() => {
    deps = quietDeps();
    device = new Conversation(deps);
  });

  const store = (channelId: ChannelId, number: number) =>
    deps.store.putUpdate(DEVICE, channelId, version(number));

  describe('of a device with a kick target', () => {
    const FCM = { type: 'fcm', token: 'token' } as const;
    const recordOf = async () => (await deps.store.readKick(DEVICE)).target;

    beforeEach(async () => {
      await deps.store.registerChannel(DEVICE, { channelId: CHANNEL, written: CHANNEL });
      await deps.store.writeTarget(DEVICE, FCM, deps.clock.nowMs());
      deps.clock.moveMs(1000);
    });

    for (const connect of [undefined, FCM]) {
      const title = connect === undefined ? 'says nothing of it' : 'gives it again';
      it(`counts as here from before what is pending is read, when its hello ${title}`, async () => {
        const helloAtMs = deps.clock.nowMs();
        const reading = deps.store.hold('readDevice');
        const said = device.say({ messageType: 'hello', uaid: DEVICE, channelIDs: [], connect });
        await reading.reached;
        // An update that is stored now was not read: its kick must not be skipped.
        deps.clock.moveMs(5);
        reading.release();
        await said;
        expect((await recordOf())?.connectedAtMs).to.equal(helloAtMs);
      });
    }

    it('counts as here again at a second hello', async () => {
      await device.hello(DEVICE);
      deps.clock.moveMs(5);
      await device.hello(DEVICE);
      expect((await recordOf())?.connectedAtMs).to.equal(deps.clock.nowMs());
    });

    it('does not count as here when what is pending cannot be read', async () => {
      const before = await recordOf();
      deps.store.fail('readDevice');
      await rejectionOf(device.hello(DEVICE));
      expect(await recordOf()).to.deep.equal(before);
    });
  });

  describe('left before an ack came', () => {
    let kicked: Update[];
    const deliver = (number: number) => device.session.deliver(update(CHANNEL, number));
    const pass = async (ms: number) => {
      deps.clock.moveMs(ms);
      deps.clock.tick();
      await new Promise(setImmediate);
    };

    beforeEach(async () => {
      kicked = [];
      deps = { ...deps, kickUnacked: (_deviceId, lost) => kicked.push(lost) };
      device = new Conversation(deps);
      await store(OTHER_CHANNEL, 1);
      await device.hello(DEVICE);
    });

    it('has its device kicked once for all that was sent live, and was not kicked for', async () => {
      deliver(7);
      deliver(6);
      await device.say({ messageType: 'ack', updates: [{ channelID: CHANNEL, version: 6 }] });
      device.session.onClose();
      device.session.onClose();
      expect(kicked).to.deep.equal([{ channelId: CHANNEL, version: 7 }]);
    });

    it('has its device kicked also for what was sent again since', async () => {
      await store(CHANNEL, 7);
      deliver(7);
      await pass(60_000);
      expect(deps.metrics.updatesResent.count).to.equal(2);
      device.session.onClose();
      expect(kicked).to.have.length(1);
    });

    it('lets its device sleep when only what waited for it is open', () => {
      device.session.onClose();
      expect(kicked).to.deep.equal([]);
    });

    it('lets its device sleep when all that was sent live is acknowledged', async () => {
      deliver(7);
      await device.say({ messageType: 'ack', updates: [{ channelID: CHANNEL, version: 7 }] });
      device.session.onClose();
      expect(kicked).to.deep.equal([]);
    });

    it('leaves it to the session that took its place', async () => {
      deliver(7);
      await new Conversation(deps).hello(DEVICE);
      expect(device.closed?.cause).to.equal('replaced');
      expect(kicked).to.deep.equal([]);
    });
  });

  it('asks the store nothing more at the hello of a device without a target', async () => {
    await store(CHANNEL, 1);
    deps.store.fail('noteConnected', 'writeTarget', 'readKick', 'readTargetType');
    expect(await device.hello(DEVICE)).to.have.length(2);
  });

  describe('before hello', () => {
    const early = [
      { messageType: 'register', channelID: CHANNEL },
      { messageType: 'unregister', channelID: CHANNEL },
      { messageType: 'ack', updates: [{ channelID: CHANNEL, version: 1 }] },
    ];
    for (const message of early) {
      it(`refuses ${message.messageType}, and keeps it for the echo`, async () => {
        const error = await rejectionOf(device.say(message));
        expect(error).to.be.instanceOf(SessionError);
        expect(error).to.deep.include({
          status: 401,
          message: 'hello must come first',
          received: message,
        });
      });
    }

    it('answers pings and passes over purge', async () => {
      expect(await device.say({})).to.deep.equal([{ type: 'pong', long: false }]);
      expect(await device.say({ messageType: 'purge' })).to.deep.equal([]);
    });

    it('takes no update', () => {
      expect(device.session.deliver(update(CHANNEL, 1))).to.equal('later');
    });
  });

  describe('at hello', () => {
    it('gives a device without an id one that the server recognises', async () => {
      const [reply] = await device.hello('');
      expect(reply).to.include({ type: 'hello', status: 200 });
      expect(deps.tokens.recognises(device.session.deviceId ?? expect.fail('no id'))).to.equal(
        true,
      );
    });

    it('is found before what is pending is read', async () => {
      const reading = deps.store.hold('readDevice');
      const replies = device.hello(DEVICE);
      await reading.reached;
      expect(deps.registry.find(DEVICE)).to.equal(device.session);
      expect(device.session.deviceId).to.equal(undefined);
      reading.release();
      await replies;
      expect(device.session.deviceId).to.equal(DEVICE);
    });

    it('sends an update that was stored after what is pending was read, and after its reply', async () => {
      const reading = deps.store.hold('readDevice');
      const replies = device.hello(DEVICE);
      await reading.reached;
      await store(CHANNEL, 1);
      expect(device.session.deliver(update(CHANNEL, 1, 'lost'))).to.equal('later');
      reading.release();
      expect(await replies).to.deep.equal([helloReply(DEVICE), notification([CHANNEL, 1])]);
    });

    it('is not found any more when the store fails', async () => {
      deps.store.fail();
      expect(await rejectionOf(device.hello(DEVICE))).to.be.instanceOf(StoreUnavailableError);
      device.session.onClose();
      expect(deps.registry.size).to.equal(0);
      expect(device.takeSent()).to.deep.equal([]);
    });

    it('closes with 1013, without a second reply, when the store fails once the hello is answered', async () => {
      const reading = deps.store.hold('readDevice');
      const replies = device.hello(DEVICE);
      await reading.reached;
      await store(CHANNEL, 1);
      device.session.deliver(update(CHANNEL, 1));
      deps.store.fail('readDevice');
      reading.release();
      expect(await replies).to.deep.equal([helloReply(DEVICE)]);
      expect(device.closed?.cause).to.equal('tryAgainLater');
    });

    it('takes the place of an older session, which is closed and cannot take it back', async () => {
      await device.hello(DEVICE);
      const newer = new Conversation(deps);
      await newer.hello(DEVICE);
      expect(device.closed?.cause).to.equal('replaced');
      device.session.onClose();
      expect(deps.registry.find(DEVICE)).to.equal(newer.session);
    });

    it('does not join when the socket closed while its device was looked up', async () => {
      const reading = deps.store.hold('readDevice');
      const replies = device.hello(newDevice(), [CHANNEL]);
      await reading.reached;
      device.session.onClose();
      reading.release();
      expect(await replies).to.deep.equal([]);
      expect(deps.registry.size).to.equal(0);
    });
  });

  describe('closed while the store works on', () => {
    const requests: readonly { operation: StoreOperation; message: object }[] = [
      {
        operation: 'readDevice',
        message: { messageType: 'hello', uaid: DEVICE, channelIDs: [] },
      },
      { operation: 'registerChannel', message: { messageType: 'register', channelID: CHANNEL } },
      {
        operation: 'unregisterChannel',
        message: { messageType: 'unregister', channelID: CHANNEL },
      },
      {
        operation: 'ackUpdates',
        message: { messageType: 'ack', updates: [{ channelID: CHANNEL, version: 1 }] },
      },
    ];
    for (const { operation, message } of requests) {
      it(`${operation}, sends nothing`, async () => {
        await device.hello(DEVICE);
        const working = deps.store.hold(operation);
        const replies = device.say(message);
        await working.reached;
        device.session.onClose();
        working.release();
        expect(await replies).to.deep.equal([]);
      });
    }
  });

  describe('handed an update', () => {
    beforeEach(async () => {
      await device.hello(DEVICE);
    });

    it('sends it as it comes, also a lower version, with its data', () => {
      const outcomes = [update(CHANNEL, 7, 'seven'), update(CHANNEL, 5), update(CHANNEL, 5)].map(
        (one) => device.session.deliver(one),
      );
      expect(outcomes).to.deep.equal(['sent', 'sent', 'sent']);
      expect(device.takeSent()).to.deep.equal([
        liveNotification(CHANNEL, 7, 'seven'),
        liveNotification(CHANNEL, 5),
        liveNotification(CHANNEL, 5),
      ]);
    });

    it('spells the channel as its device does', async () => {
      const written = CHANNEL.replaceAll('-', '').toUpperCase();
      await device.say({ messageType: 'register', channelID: written });
      device.takeSent();
      device.session.deliver(update(CHANNEL, 1));
      expect(device.takeSent()).to.deep.equal([liveNotification(written, 1)]);
    });

    it('refuses one of a channel that its device unregistered, until it is registered again', async () => {
      await device.say({ messageType: 'unregister', channelID: CHANNEL });
      expect(device.session.deliver(update(CHANNEL, 1))).to.equal('unregistered');
      await device.say({ messageType: 'register', channelID: CHANNEL });
      expect(device.session.deliver(update(CHANNEL, 1))).to.equal('sent');
    });

    it('refuses it already while the store works on the unregister', async () => {
      const working = deps.store.hold('unregisterChannel');
      const replies = device.say({ messageType: 'unregister', channelID: CHANNEL });
      await working.reached;
      expect(device.session.deliver(update(CHANNEL, 1))).to.equal('unregistered');
      working.release();
      expect(await replies).to.deep.equal([{ type: 'unregister', written: CHANNEL }]);
    });

    it('leaves it to the store after its socket closed', () => {
      device.session.onClose();
      expect(device.session.deliver(update(CHANNEL, 1))).to.equal('later');
    });
  });

  describe('acknowledged', () => {
    beforeEach(async () => {
      await device.hello(DEVICE);
    });

    const ack = (channelID: ChannelId, number?: number) =>
      device.say({ messageType: 'ack', updates: [{ channelID, version: number }] });
    const deliver = async (number: number) => {
      await store(CHANNEL, number);
      device.session.deliver(update(CHANNEL, number));
      device.takeSent();
    };

    const acks: readonly {
      title: string;
      sent: readonly number[];
      acked: number | undefined;
      left: number | undefined;
    }[] = [
      { title: 'the version that is pending', sent: [7], acked: 7, left: undefined },
      { title: 'a newer version', sent: [7], acked: 8, left: undefined },
      { title: 'an older version', sent: [5, 7], acked: 5, left: 7 },
      {
        title: 'no version, which means the last one sent',
        sent: [7],
        acked: undefined,
        left: undefined,
      },
      {
        title: 'no version, and the last one sent was low',
        sent: [7, 5],
        acked: undefined,
        left: 7,
      },
      { title: 'no version, and nothing was sent', sent: [], acked: undefined, left: undefined },
    ];
    for (const { title, sent, acked, left } of acks) {
      it(`${title}: keeps ${left ?? 'nothing'}`, async () => {
        for (const number of sent) await deliver(number);
        expect(await ack(CHANNEL, acked)).to.deep.equal([]);
        expect(await pendingOf(deps.store, DEVICE, CHANNEL)).to.equal(left);
      });
    }

    it('sends what found no room before, and not what was sent already', async () => {
      await deliver(1);
      device.sendResult = 'dropped';
      await store(OTHER_CHANNEL, 2);
      expect(device.session.deliver(update(OTHER_CHANNEL, 2))).to.equal('later');
      device.sendResult = 'sent';
      expect(await ack(newChannel(), 1)).to.deep.equal([notification([OTHER_CHANNEL, 2])]);
      expect(await ack(newChannel(), 1)).to.deep.equal([]);
    });

    it('closes with 1013, and echoes no ack, when the store fails to tell what was not sent', async () => {
      device.sendResult = 'dropped';
      await store(CHANNEL, 1);
      device.session.deliver(update(CHANNEL, 1));
      device.sendResult = 'sent';
      deps.store.fail('readDevice');
      expect(await ack(OTHER_CHANNEL, 1)).to.deep.equal([]);
      expect(device.closed?.cause).to.equal('tryAgainLater');
    });
  });

  describe('unanswered', () => {
    beforeEach(async () => {
      await device.hello(DEVICE);
      device.takeSent();
    });

    const deliver = async (channelId: ChannelId, number: number) => {
      await store(channelId, number);
      device.session.deliver(update(channelId, number));
      device.takeSent();
    };
    /** Lets time pass, and the store answer what the sweep asked of it. */
    const pass = async (ms: number): Promise<readonly ServerMessage[]> => {
      deps.clock.moveMs(ms);
      deps.clock.tick();
      await new Promise(setImmediate);
      return device.takeSent();
    };

    it('sends again after the interval, and after each further one', async () => {
      await deliver(CHANNEL, 1);
      expect(await pass(59_999)).to.deep.equal([]);
      expect(await pass(1)).to.deep.equal([notification([CHANNEL, 1])]);
      expect(await pass(59_999)).to.deep.equal([]);
      expect(await pass(1)).to.deep.equal([notification([CHANNEL, 1])]);
    });

    it('sends again only what is due', async () => {
      await deliver(CHANNEL, 1);
      expect(await pass(30_000)).to.deep.equal([]);
      await deliver(OTHER_CHANNEL, 2);
      expect(await pass(30_000)).to.deep.equal([notification([CHANNEL, 1])]);
      expect(await pass(30_000)).to.deep.equal([notification([OTHER_CHANNEL, 2])]);
    });

    it('sends nothing again once it is acknowledged', async () => {
      await deliver(CHANNEL, 1);
      await device.say({ messageType: 'ack', updates: [{ channelID: CHANNEL, version: 1 }] });
      expect(await pass(60_000)).to.deep.equal([]);
      expect(deps.resends.size).to.equal(0);
    });

    it('sends the version that is pending, without its data', async () => {
      await deliver(CHANNEL, 7);
      device.session.deliver(update(CHANNEL, 5, 'old'));
      device.takeSent();
      expect(await pass(60_000)).to.deep.equal([notification([CHANNEL, 7])]);
    });

    it('asks the store once, and not each second, for what the store has forgotten', async () => {
      device.session.deliver(update(CHANNEL, 1));
      device.takeSent();
      const callsBefore = deps.store.callsOf('readDevice');
      expect(await pass(60_000)).to.deep.equal([]);
      for (let second = 1; second <= 10; second++) expect(await pass(1000)).to.deep.equal([]);
      expect(deps.store.callsOf('readDevice') - callsBefore).to.equal(1);
    });

    it('remembers what was never sent when the store fails, until an ack', async () => {
      await deliver(CHANNEL, 1);
      device.sendResult = 'dropped';
      await deliver(OTHER_CHANNEL, 2);
      device.sendResult = 'sent';
      deps.store.fail('readDevice');
      expect(await pass(60_000)).to.deep.equal([]);
      deps.store.heal();
      const ack = { messageType: 'ack', updates: [{ channelID: CHANNEL, version: 1 }] };
      expect(await device.say(ack)).to.deep.equal([notification([OTHER_CHANNEL, 2])]);
    });

    it('sends nothing again when the interval is 0', async () => {
      device = new Conversation({ ...deps, resendIntervalMs: 0 });
      await device.hello(DEVICE);
      await deliver(CHANNEL, 1);
      expect(await pass(3_600_000)).to.deep.equal([]);
      expect(deps.resends.size).to.equal(0);
    });

    it('is forgotten when it closes', async () => {
      await deliver(CHANNEL, 1);
      device.session.onClose();
      expect(deps.resends.size).to.equal(0);
      expect(await pass(60_000)).to.deep.equal([]);
    });
  });
});

function update(channelId: ChannelId, number: number, data?: string) {
  return { channelId, version: version(number), data };
}

function helloReply(deviceId: DeviceId) {
  return {
    type: 'hello',
    writtenDeviceId: deviceId,
    status: 200,
    connectReason: undefined,
  };
}

/** What is sent from the store: without data. */
function notification(...updates: readonly (readonly [ChannelId, number])[]) {
  return {
    type: 'notification',
    updates: updates.map(([written, number]) => ({ written, version: number })),
    expired: [],
  };
}

function liveNotification(written: string, number: number, data?: string) {
  return { type: 'notification', updates: [{ written, version: number, data }], expired: [] };
}

async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it was fulfilled'),
    (error: unknown) => error,
  );
}
