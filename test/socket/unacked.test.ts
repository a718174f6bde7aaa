import { expect } from 'chai';
import {
  NOTHING_UNACKED,
  type Sent,
  sentOf,
  withoutAcked,
  withoutChannel,
  withSent,
} from '../../src/socket/unacked.ts';
import { newChannel, version } from '../storage/store-fixtures.ts';

const CHANNEL = newChannel();
const OTHER_CHANNEL = newChannel();

/** The list after these versions of CHANNEL went out, one a millisecond. */
function listOf(...versions: readonly number[]): readonly Sent[] {
  return versions.reduce<readonly Sent[]>(
    (list, number, sentAtMs) =>
      withSent(list, { channelId: CHANNEL, version: version(number), sentAtMs, isLive: false }),
    NOTHING_UNACKED,
  );
}

describe('the un-acknowledged updates', () => {
  const lists = [
    { versions: [5], last: 5, highest: 5 },
    { versions: [5, 7], last: 7, highest: 7 },
    { versions: [7, 5], last: 5, highest: 7 },
    { versions: [0], last: 0, highest: 0 },
  ];
  for (const { versions, last, highest } of lists) {
    it(`after ${versions.join(', ')} are one entry: last ${last}, highest ${highest}`, () => {
      const sentAtMs = versions.length - 1;
      expect(listOf(...versions)).to.deep.equal([
        { channelId: CHANNEL, last, highest, sentAtMs, isLive: false },
      ]);
    });
  }

  it('remember that one of them was sent as it came, until the channel is settled', () => {
    const sent = { channelId: CHANNEL, version: version(5), sentAtMs: 9 };
    const live = withSent(NOTHING_UNACKED, { ...sent, isLive: true });
    const [again] = withSent(live, { ...sent, isLive: false });
    expect(again?.isLive).to.equal(true);
    const [after] = withSent(withoutAcked(live, CHANNEL, version(5)), { ...sent, isLive: false });
    expect(after?.isLive).to.equal(false);
  });

  it('are one entry for each channel', () => {
    const sent = { channelId: OTHER_CHANNEL, version: version(1), sentAtMs: 9, isLive: false };
    const list = withSent(listOf(5), sent);
    expect(list.map(({ channelId }) => channelId)).to.deep.equal([CHANNEL, OTHER_CHANNEL]);
    expect(sentOf(list, OTHER_CHANNEL)?.last).to.equal(1);
    expect(sentOf(list, newChannel())).to.equal(undefined);
  });

  const acks = [
    { versions: [5], acked: 5, isSettled: true },
    { versions: [5], acked: 6, isSettled: true },
    { versions: [5], acked: 4, isSettled: false },
    { versions: [5, 7], acked: 5, isSettled: false },
    { versions: [7, 5], acked: 5, isSettled: false },
    { versions: [7, 5], acked: 7, isSettled: true },
  ];
  for (const { versions, acked, isSettled } of acks) {
    it(`of ${versions.join(', ')} are ${isSettled ? 'none' : 'still open'} after an ack of ${acked}`, () => {
      const list = listOf(...versions);
      const after = withoutAcked(list, CHANNEL, version(acked));
      expect(after).to.equal(isSettled ? NOTHING_UNACKED : list);
    });
  }

  it('stay when another channel is acknowledged or unregistered', () => {
    const list = listOf(5);
    expect(withoutAcked(list, OTHER_CHANNEL, version(9))).to.equal(list);
    expect(withoutChannel(list, OTHER_CHANNEL)).to.deep.equal(list);
  });

  it('lose the channel that is unregistered, and cost nothing when it was the only one', () => {
    expect(withoutChannel(listOf(5), CHANNEL)).to.equal(NOTHING_UNACKED);
  });
});
