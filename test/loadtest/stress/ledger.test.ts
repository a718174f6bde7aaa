import { expect } from 'chai';
import { type Fault, type FaultRecord, Tally } from '../../../loadtest/stress/faults.ts';
import { ChannelLedger, type Presence } from '../../../loadtest/stress/ledger.ts';

const GRACE_MS = 1000;
const ACK_RACE_MS = 1000;
const ENTRIES_MAX = 512;
/** A device that has been there since the begin. */
const PRESENT: Presence = { presentSinceMs: 0, helloSentMs: 0, priorEndMs: 0 };
const AWAY: Presence = { presentSinceMs: undefined, helloSentMs: 0, priorEndMs: 0 };

/** A ledger, and what it has counted. */
function openLedger() {
  const tally = new Tally();
  const notes = { repeats: 0, resent: 0, collapsed: 0, unjudged: 0 };
  const rules = { graceMs: GRACE_MS, ackRaceMs: ACK_RACE_MS };
  const ledger = new ChannelLedger({ rules, tally, notes, name: () => 'device 1, channel 1' });
  /** PUTs the next version, which is accepted at the same moment. */
  const put = (atMs: number) => {
    const version = ledger.put(atMs, atMs);
    ledger.onAnswer(version, 'accepted', atMs);
    return version;
  };
  /** The version arrives and is acknowledged. */
  const see = (version: number, atMs: number, presence = PRESENT) => {
    const arrival = ledger.onSeen(version, atMs, presence);
    ledger.onAcked(version, atMs);
    return arrival;
  };
  const found = () => tally.toRecords().map(({ fault }: FaultRecord): Fault => fault);
  return { ledger, notes, tally, put, see, found };
}

describe('stress ledger', () => {
  it('finds no fault with versions that arrive, and tells when they were due and sent', () => {
    const { ledger, see, found } = openLedger();
    const version = ledger.put(10, 15);
    expect(see(version, 20)).to.deep.equal({ dueMs: 10, sentMs: 15 });
    // The answer may come after the update.
    ledger.onAnswer(version, 'accepted', 25);
    ledger.end(PRESENT);
    expect(found()).to.deep.equal([]);
  });

  it('is satisfied by a higher version while the device is away', () => {
    const { ledger, notes, put, see, found } = openLedger();
    put(0);
    put(5000);
    see(2, 9000, { presentSinceMs: 9000, helloSentMs: 8990, priorEndMs: 8990 });
    ledger.end(PRESENT);
    expect(found()).to.deep.equal([]);
    expect(notes.collapsed).to.equal(1);
  });

  for (const { afterMs, expected } of [
    { afterMs: GRACE_MS - 1, expected: [] },
    { afterMs: GRACE_MS, expected: ['dropped'] },
  ]) {
    it(`takes a version that a higher one passed ${afterMs} ms later for ${expected[0] ?? 'satisfied'}`, () => {
      const { ledger, put, see, found } = openLedger();
      put(0);
      see(put(afterMs), afterMs);
      ledger.end(PRESENT);
      expect(found()).to.deep.equal(expected);
    });
  }

  it('finds what was accepted while the device was away and did not come with it', () => {
    const { ledger, put, see, found } = openLedger();
    put(0);
    see(put(7000), 7000, { presentSinceMs: 5000, helloSentMs: 4990, priorEndMs: 4990 });
    ledger.end(PRESENT);
    expect(found()).to.deep.equal(['droppedAway']);
  });

  it('finds what is never delivered to a device that was there', () => {
    const { ledger, put, found } = openLedger();
    put(0);
    ledger.onPresenceEnd(5000, PRESENT);
    ledger.end({ presentSinceMs: 5100, helloSentMs: 5090, priorEndMs: 5090 });
    expect(found()).to.deep.equal(['lost']);
  });

  it('finds what is never delivered to a device that returned', () => {
    const { ledger, put, found } = openLedger();
    put(0);
    const returned = { presentSinceMs: 2000, helloSentMs: 1990, priorEndMs: 1990 };
    ledger.onPresenceEnd(5000, returned);
    ledger.end({ presentSinceMs: 5100, helloSentMs: 5090, priorEndMs: 5090 });
    expect(found()).to.deep.equal(['lostAway']);
  });

  it('does not judge what a device that never came back is owed', () => {
    const { ledger, notes, put, found } = openLedger();
    put(0);
    ledger.end(AWAY);
    expect(found()).to.deep.equal([]);
    expect(notes.unjudged).to.equal(1);
  });

  it('finds what comes only with the next hello although the device was there', () => {
    const { ledger, put, see, found } = openLedger();
    const version = put(0);
    ledger.onPresenceEnd(GRACE_MS, PRESENT);
    see(version, 1200, { presentSinceMs: 1200, helloSentMs: 1190, priorEndMs: 1190 });
    ledger.end(PRESENT);
    expect(found()).to.deep.equal(['stuck']);
  });

  it('owes nothing that was refused, or of which nobody knows', () => {
    const { ledger, found } = openLedger();
    ledger.onAnswer(ledger.put(0, 0), 'refused', 1);
    ledger.onAnswer(ledger.put(0, 0), 'unknown', 1);
    expect(ledger.owed).to.equal(0);
    ledger.end(PRESENT);
    expect(found()).to.deep.equal([]);
  });

  it('counts what is owed', () => {
    const { ledger, put, see } = openLedger();
    put(0);
    const version = put(0);
    expect(ledger.owed).to.equal(2);
    see(version, 1);
    expect(ledger.owed).to.equal(0);
  });

  for (const { title, helloSentMs, priorEndMs, atMs, expected } of [
    {
      title: 'in the same session at once',
      ...{ helloSentMs: 0, priorEndMs: 0, atMs: 50 },
      expected: [],
    },
    {
      title: 'in the same session long after',
      ...{ helloSentMs: 0, priorEndMs: 0, atMs: 10 + ACK_RACE_MS },
      expected: ['ackedAgain'],
    },
    {
      // Its ack may have been lost with the connection, however long the device was away then.
      title: 'after a session that ended soon after the ack',
      ...{ helloSentMs: 8000, priorEndMs: 9 + ACK_RACE_MS, atMs: 9000 },
      expected: [],
    },
    {
      title: 'after a session that went on after the ack',
      ...{ helloSentMs: 8000, priorEndMs: 10 + ACK_RACE_MS, atMs: 9000 },
      expected: ['ackedAgain'],
    },
  ]) {
    it(`takes a version that comes again ${title} for ${expected[0] ?? 'a repeat'}`, () => {
      const { notes, put, see, found } = openLedger();
      see(put(5), 10);
      see(1, atMs, { presentSinceMs: helloSentMs, helloSentMs, priorEndMs });
      expect(found()).to.deep.equal(expected);
      const { repeats, resent } = notes;
      expect(repeats + resent).to.equal(expected.length === 0 ? 1 : 0);
      expect(resent > 0).to.equal(expected.length === 0 && helloSentMs > 0);
    });
  }

  for (const { title, answeredMs, reason } of [
    { title: 'was answered before the hello', answeredMs: 90, reason: 'repeats' },
    { title: 'was on its way during the hello', answeredMs: 110, reason: 'resent' },
  ] as const) {
    it(`counts a version that comes twice in a session under "${reason}" when its PUT ${title}`, () => {
      const { ledger, notes, see } = openLedger();
      const presence = { presentSinceMs: 105, helloSentMs: 100, priorEndMs: 100 };
      const version = ledger.put(80, 80);
      if (answeredMs < 105) ledger.onAnswer(version, 'accepted', answeredMs);
      see(version, 106, presence);
      ledger.onAnswer(version, 'accepted', answeredMs);
      see(version, 111, presence);
      expect(notes).to.deep.include({ repeats: 0, resent: 0, [reason]: 1 });
    });
  }

  it('finds a version that comes after one that was PUT after its answer', () => {
    const { put, see, found } = openLedger();
    put(0);
    see(put(10), 11);
    see(1, 12);
    expect(found()).to.deep.equal(['reordered']);
  });

  it('lets versions overtake each other whose PUTs were on their way together', () => {
    const { ledger, see, found } = openLedger();
    ledger.put(0, 0);
    ledger.put(0, 0);
    ledger.onAnswer(2, 'accepted', 5);
    see(2, 5);
    ledger.onAnswer(1, 'accepted', 6);
    see(1, 6);
    ledger.end(PRESENT);
    expect(found()).to.deep.equal([]);
  });

  it('lets a version come at any time whose PUT was given up', () => {
    const { ledger, put, see, found } = openLedger();
    ledger.onAnswer(ledger.put(0, 0), 'unknown', 10);
    see(put(20), 21);
    // Long after: what makes room for later versions keeps this one.
    see(put(60_000), 60_001);
    see(1, 90_000);
    // Its ack was lost with the connection.
    see(1, 90_200, { presentSinceMs: 90_190, helloSentMs: 90_180, priorEndMs: 90_170 });
    ledger.end(PRESENT);
    expect(found()).to.deep.equal([]);
  });

  it('does not judge the repeat of what it has forgotten', () => {
    const { ledger, notes, see, put, found } = openLedger();
    put(0);
    const sawLater = { presentSinceMs: 5, helloSentMs: 4, priorEndMs: 4 };
    see(put(6), 7, sawLater);
    // Ten seconds later the first is not waited for any more.
    see(put(20_000), 20_001, sawLater);
    see(1, 30_000, sawLater);
    ledger.end(PRESENT);
    expect(found()).to.deep.equal([]);
    expect(notes).to.include({ collapsed: 1, repeats: 1 });
  });

  for (const version of [0, 2]) {
    it(`finds the version ${version}, which nobody PUT`, () => {
      const { put, see, found } = openLedger();
      put(0);
      expect(see(version, 1)).to.equal(undefined);
      expect(found()).to.deep.equal(['invented']);
    });
  }

  it('forgets the oldest of more versions than it keeps', () => {
    const { ledger, put } = openLedger();
    for (let version = 1; version <= ENTRIES_MAX; version++) put(0);
    expect(ledger.owed).to.equal(ENTRIES_MAX);
    put(0);
    expect(ledger.owed).to.equal(ENTRIES_MAX);
  });

  it('keeps a bounded number of examples', () => {
    const { tally, see } = openLedger();
    for (let version = 1; version <= 11; version++) see(version + 1000, 1);
    expect(tally.toRecords()[0]).to.deep.include({ fault: 'invented', count: 11 });
    expect(tally.toRecords()[0]?.examples).to.have.lengthOf(10);
    expect(tally.toRecords()[0]?.examples[0]).to.equal('device 1, channel 1, version 1001');
  });
});
