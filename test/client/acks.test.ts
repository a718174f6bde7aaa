import { expect } from 'chai';
import { ACK_GAP_MS, ACKED_CHANNELS_MAX, Acks } from '../../src/client/acks.ts';
import type { Version } from '../../src/protocol/ids.ts';
import { newChannelId } from '../../src/protocol/ids.ts';
import { ManualTimers } from '../support/manual-timers.ts';
import { version } from '../support/versions.ts';

const A = newChannelId();
const B = newChannelId();

describe('client/acks', () => {
  let timers: ManualTimers;
  let sent: { channelID: string; version: Version }[][];
  let acks: Acks;

  beforeEach(() => {
    timers = new ManualTimers();
    sent = [];
    acks = new Acks({ timers, send: (text) => sent.push(JSON.parse(text).updates) });
  });

  it('sends the first at once', () => {
    acks.add(A, version(1));
    expect(sent).to.deep.equal([[{ channelID: A, version: 1 }]]);
  });

  it('gathers what follows closely, the newest version of each channel', () => {
    acks.add(A, version(1));
    acks.add(A, version(3));
    acks.add(B, version(5));
    acks.add(A, version(2));
    timers.advance(ACK_GAP_MS - 1);
    expect(sent).to.have.length(1);
    timers.advance(1);
    expect(sent.slice(1)).to.deep.equal([
      [
        { channelID: A, version: 3 },
        { channelID: B, version: 5 },
      ],
    ]);
  });

  it('sends at once again after a gap in which nothing came', () => {
    acks.add(A, version(1));
    timers.advance(ACK_GAP_MS);
    acks.add(A, version(2));
    expect(sent).to.have.length(2);
    expect(timers.count).to.equal(1);
  });

  it('gathers as many channels as a device may have, and sends with the last of them', () => {
    acks.add(A, version(1));
    for (let count = 1; count < ACKED_CHANNELS_MAX; count++) acks.add(newChannelId(), version(1));
    expect(sent).to.have.length(1);
    acks.add(B, version(1));
    expect(sent[1]).to.have.length(ACKED_CHANNELS_MAX);
  });

  it('sends what is gathered when told to', () => {
    acks.add(A, version(1));
    acks.add(B, version(1));
    acks.flush();
    expect(sent).to.have.length(2);
  });

  it('forgets what is gathered when the connection is gone, and leaves no timer', () => {
    acks.add(A, version(1));
    acks.add(B, version(1));
    acks.clear();
    expect(timers.count).to.equal(0);
    timers.advance(ACK_GAP_MS);
    expect(sent).to.have.length(1);
  });
});
