import { expect } from 'chai';
import { type Channel, createChannel } from '../../src/client/channel.ts';
import type { Update } from '../../src/client/codec.ts';
import type { Problem } from '../../src/client/events.ts';
import {
  UPDATES_WAITING_MAX,
  UpdateInbox,
  type UpdateInboxDeps,
} from '../../src/client/update-inbox.ts';
import { newChannelId } from '../../src/protocol/ids.ts';
import { version } from '../support/versions.ts';

const CHANNEL = newChannelId();

function update(number: number): Update {
  return { channelId: CHANNEL, version: version(number) };
}

/** Enough turns for every promise that waits for nothing but other promises. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('client/update-inbox', () => {
  let channel: Channel | undefined;
  let given: number[];
  let acknowledged: number[];
  let problems: Problem[];

  beforeEach(() => {
    channel = createChannel(CHANNEL);
    given = [];
    acknowledged = [];
    problems = [];
  });

  function createInbox(over: Partial<UpdateInboxDeps> = {}): UpdateInbox {
    return new UpdateInbox({
      listener: ({ version: number }) => {
        given.push(number);
      },
      everyUpdate: false,
      emit: (event) => {
        if (event.type === 'problem') problems.push(event.problem);
      },
      findChannel: () => channel,
      onDone: (found, { version: number }) => {
        found.lastVersion = number;
      },
      acknowledge: ({ version: number }) => acknowledged.push(number),
      ...over,
    });
  }

  it('acknowledges what the listener has returned from', async () => {
    createInbox().push([update(1), update(2)]);
    await settled();
    expect(given).to.deep.equal([1, 2]);
    expect(acknowledged).to.deep.equal([1, 2]);
  });

  it('waits for the promise of the listener before it acknowledges and gives the next', async () => {
    const ends: (() => void)[] = [];
    const listener = ({ version: number }: Update) => {
      given.push(number);
      return new Promise<void>((resolve) => ends.push(resolve));
    };
    createInbox({ listener }).push([update(1), update(2)]);
    await settled();
    expect({ given, acknowledged }).to.deep.equal({ given: [1], acknowledged: [] });
    ends[0]?.();
    await settled();
    expect({ given, acknowledged }).to.deep.equal({ given: [1, 2], acknowledged: [1] });
  });

  const failing: readonly { name: string; listener: UpdateInboxDeps['listener'] }[] = [
    {
      name: 'throws',
      listener: () => {
        throw new Error('of the listener');
      },
    },
    { name: 'rejects', listener: () => Promise.reject(new Error('of the listener')) },
  ];
  for (const { name, listener } of failing) {
    it(`does not acknowledge when the listener ${name}, and goes on with the next`, async () => {
      createInbox({ listener }).push([update(1), update(2)]);
      await settled();
      expect(acknowledged).to.deep.equal([]);
      expect(problems.map(({ kind }) => kind)).to.deep.equal(['listener-threw', 'listener-threw']);
    });
  }

  it('acknowledges what is not newer than the last version without giving it', async () => {
    createInbox().push([update(2), update(2), update(1)]);
    await settled();
    expect(given).to.deep.equal([2]);
    expect(acknowledged).to.deep.equal([2, 2, 1]);
  });

  it('gives version 0 once', async () => {
    createInbox().push([update(0), update(0)]);
    await settled();
    expect(given).to.deep.equal([0]);
  });

  it('gives every update when told to', async () => {
    createInbox({ everyUpdate: true }).push([update(2), update(2), update(1)]);
    await settled();
    expect(given).to.deep.equal([2, 2, 1]);
  });

  it('acknowledges the update of a channel that is not wanted without giving it', async () => {
    channel = undefined;
    createInbox({ everyUpdate: true }).push([update(1)]);
    await settled();
    expect({ given, acknowledged }).to.deep.equal({ given: [], acknowledged: [1] });
  });

  it('does not acknowledge when the channel was started anew meanwhile', async () => {
    const listener = () => {
      channel = createChannel(CHANNEL);
    };
    createInbox({ listener }).push([update(1)]);
    await settled();
    expect(acknowledged).to.deep.equal([]);
    expect(channel?.lastVersion).to.equal(undefined);
  });

  it('lets as many updates wait as it may, and reports one more', async () => {
    const inbox = createInbox({ listener: () => new Promise(() => undefined) });
    inbox.push([update(0)]);
    inbox.push(Array.from({ length: UPDATES_WAITING_MAX }, (_, index) => update(index + 1)));
    await settled();
    expect(problems).to.deep.equal([]);
    inbox.push([update(1), update(2)]);
    await settled();
    expect(problems).to.deep.equal([{ kind: 'updates-not-taken', count: 2 }]);
  });

  it('drops what waits when cleared, and takes what comes later', async () => {
    const inbox = createInbox();
    inbox.push([update(1), update(2)]);
    inbox.clear();
    await settled();
    inbox.push([update(3)]);
    await settled();
    expect(given).to.deep.equal([1, 3]);
  });
});
