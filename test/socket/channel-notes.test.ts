import { expect } from 'chai';
import { ChannelNotes, writtenOf } from '../../src/socket/channel-notes.ts';
import { newChannel, plain } from '../storage/store-fixtures.ts';

describe('ChannelNotes', () => {
  const channels = [newChannel(), newChannel(), newChannel()] as const;
  const [first, second, third] = channels;
  let notes: ChannelNotes;

  beforeEach(() => {
    notes = new ChannelNotes(2);
  });

  const shout = (channelId: typeof first) => {
    const written = channelId.toUpperCase();
    notes.spell({ channelId, written });
    return written;
  };

  it('know how the device wrote a channel, and give our form where it never said', () => {
    const written = shout(first);
    expect(notes.writtenOf(first)).to.equal(written);
    expect(notes.writtenOf(second)).to.equal(second);
    expect(writtenOf(undefined, first)).to.equal(first);
  });

  it('take the newest spelling', () => {
    shout(first);
    notes.spell(plain(first));
    expect(notes.writtenOf(first)).to.equal(first);
  });

  it('keep as many spellings as they may; then the oldest goes', () => {
    const written = [shout(first), shout(second)];
    expect([notes.writtenOf(first), notes.writtenOf(second)]).to.deep.equal(written);
    shout(first);
    shout(third);
    expect(channels.map((channel) => notes.writtenOf(channel) === channel)).to.deep.equal([
      false,
      true,
      false,
    ]);
  });

  it('know what was unregistered, until it is registered again', () => {
    notes.unregister(first);
    expect(notes.isUnregistered(first)).to.equal(true);
    notes.takeBack(first);
    expect(notes.isUnregistered(first)).to.equal(false);
  });

  it('keep as many unregistered channels as they may; then the oldest goes', () => {
    notes.unregister(first);
    notes.unregister(second);
    expect(notes.isUnregistered(first)).to.equal(true);
    notes.unregister(third);
    expect(channels.map((channel) => notes.isUnregistered(channel))).to.deep.equal([
      false,
      true,
      true,
    ]);
  });
});
