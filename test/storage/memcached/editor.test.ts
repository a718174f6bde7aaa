import { expect } from 'chai';
import {
  EDITS_WAITING_MAX,
  type Place,
  RecordEditor,
  type RecordServer,
} from '../../../src/storage/memcached/editor.ts';
import type { Seen, Stamp, Write } from '../../../src/storage/memcached/requests.ts';
import { StoreUnavailableError } from '../../../src/storage/store.ts';
import { HandClock } from '../hand-clock.ts';

const KEY = 'record';
const BEGIN_WITHIN_MS = 500;

/** A memcached of one record, and of as many other nodes as a test wants. */
class OneRecord implements RecordServer {
  value: string | undefined;
  cas = 0;
  connectionId = 1;
  exptime = 0;
  readonly calls: string[] = [];
  /** Another node, just before our next compare-and-set. */
  beforeWrite: () => void = () => {};
  /** What happens while we wait for the answer to a get. */
  afterGet: () => void = () => {};
  #nextCas = 1;

  async get(): Promise<Seen> {
    this.calls.push('get');
    this.afterGet();
    return { connectionId: this.connectionId, cas: this.cas, value: this.value };
  }

  async compareAndSet(seen: Stamp, { value, exptime }: Write): Promise<Stamp | undefined> {
    this.calls.push('set');
    this.beforeWrite();
    if (seen.connectionId !== this.connectionId || seen.cas !== this.cas) return undefined;
    this.write(value);
    this.exptime = exptime;
    return { connectionId: this.connectionId, cas: this.cas };
  }

  /** As another node would. */
  write(value: string | undefined): void {
    this.value = value;
    this.cas = value === undefined ? 0 : this.#nextCas;
    this.#nextCas += 1;
  }

  /** The cas numbers begin anew, as does the connection. */
  restart(): void {
    this.write(undefined);
    this.#nextCas = 1;
    this.connectionId += 1;
  }
}

describe('RecordEditor', () => {
  let clock: HandClock;
  let server: OneRecord;
  let editor: RecordEditor<number, Place>;
  let makeRoom: () => Promise<boolean>;
  let endMs: number;

  beforeEach(() => {
    clock = new HandClock();
    server = new OneRecord();
    makeRoom = () => Promise.resolve(true);
    endMs = clock.nowMs() + 10_000;
    editor = open();
  });

  /** Numbers, of which only those above 100 need room. */
  const open = () =>
    new RecordEditor<number, Place>({
      clock,
      rememberedMax: 10,
      kind: {
        encode: String,
        decode: Number,
        endMs: () => endMs,
        needsRoom: (_, next) => next > 100,
        makeRoom: () => makeRoom(),
      },
    });

  const place = (): Place => ({
    server,
    key: KEY,
    beginByMs: clock.monotonicMs() + BEGIN_WITHIN_MS,
  });

  const add = (more: number) =>
    editor.edit(place(), (record = 0) => ({ answer: record, next: record + more }));

  const look = () => editor.edit(place(), (record) => ({ answer: record }));

  it('writes what was decided and answers with the decision', async () => {
    expect(await add(1)).to.equal(0);
    expect(await add(2)).to.equal(1);
    expect(server.value).to.equal('3');
  });

  it('looks before the first write, and never again while nobody else writes', async () => {
    await add(1);
    await add(1);
    await add(1);
    expect(server.calls).to.deep.equal(['get', 'set', 'set', 'set']);
  });

  it('looks before it says that nothing changes', async () => {
    await add(1);
    server.write('7');
    expect(await look()).to.equal(7);
    expect(server.calls).to.deep.equal(['get', 'set', 'get']);
  });

  it('takes into account what another node wrote', async () => {
    await add(1);
    server.write('50');
    expect(await add(1)).to.equal(50);
    expect(server.value).to.equal('51');
  });

  it('looks before each write while another node writes too', async () => {
    await add(1);
    server.write('10');
    await add(1);
    server.calls.length = 0;
    server.write('20');
    await add(1);
    expect(server.calls).to.deep.equal(['get', 'set']);
  });

  it('trusts its memory again once the other node is quiet', async () => {
    await add(1);
    server.write('10');
    await add(1);
    await add(1);
    server.calls.length = 0;
    await add(1);
    expect(server.calls).to.deep.equal(['set']);
    expect(server.value).to.equal('13');
  });

  it('does not take a record of a restarted server for the one it remembers', async () => {
    await add(1);
    server.restart();
    server.write('50');
    expect(server.cas).to.equal(1);
    expect(await add(1)).to.equal(50);
    expect(server.value).to.equal('51');
  });

  it('begins anew when the record was forgotten', async () => {
    await add(1);
    server.write(undefined);
    expect(await add(2)).to.equal(0);
    expect(server.value).to.equal('2');
  });

  it('makes edits that come together in one write, each after the one before', async () => {
    const answers = await Promise.all([add(1), add(2), add(3), look(), add(4)]);
    expect(answers).to.deep.equal([0, 1, 3, 6, 6]);
    expect(server.value).to.equal('10');
    expect(server.calls).to.deep.equal(['get', 'set', 'set']);
  });

  it('gives up after many lost races, and tells all who waited', async () => {
    let other = 0;
    server.beforeWrite = () => {
      other += 1;
      server.write(String(other));
    };
    const outcomes = await Promise.allSettled([add(1), add(1)]);
    for (const outcome of outcomes)
      expect(reasonOf(outcome)).to.be.instanceOf(StoreUnavailableError);
    server.beforeWrite = () => {};
    expect(await add(1)).to.equal(other);
  });

  it('wins after some lost races', async () => {
    let races = 0;
    server.beforeWrite = () => {
      races += 1;
      if (races < 10) server.write(String(races));
    };
    expect(await add(100)).to.equal(9);
  });

  it('passes on why a server failed, and goes on afterwards', async () => {
    const failure = new StoreUnavailableError('as the test wants it');
    server.beforeWrite = () => {
      throw failure;
    };
    const outcomes = await Promise.allSettled([add(1), add(2)]);
    expect(outcomes.map(reasonOf)).to.deep.equal([failure, failure]);
    server.beforeWrite = () => {};
    await add(1);
    expect(server.value).to.equal('1');
  });

  it('begins nothing after its time', async () => {
    const late = place();
    clock.moveMs(BEGIN_WITHIN_MS);
    await editor.edit(late, () => ({ answer: 'in time', next: 1 }));
    clock.moveMs(1);
    const [outcome] = await Promise.allSettled([
      editor.edit(late, () => ({ answer: 'too late', next: 2 })),
    ]);
    expect(reasonOf(outcome)).to.be.instanceOf(StoreUnavailableError);
    expect(server.value).to.equal('1');
  });

  it('gives up an edit that waits for one of a younger call too long', async () => {
    const old = place();
    clock.moveMs(1);
    let isOverdue = false;
    server.beforeWrite = () => {
      clock.moveMs(BEGIN_WITHIN_MS);
      editor.rejectOverdue();
      isOverdue = true;
    };
    const younger = editor.edit(place(), () => ({ answer: isOverdue, next: 1 }));
    const [outcome] = await Promise.allSettled([
      editor.edit(old, () => ({ answer: 'too late', next: 2 })),
    ]);
    expect(reasonOf(outcome)).to.be.instanceOf(StoreUnavailableError);
    await younger;
    expect(server.value).to.equal('1');
  });

  it('writes nothing for a call whose time ended while it looked', async () => {
    server.afterGet = () => clock.moveMs(BEGIN_WITHIN_MS + 1);
    const [outcome] = await Promise.allSettled([add(1)]);
    expect(reasonOf(outcome)).to.be.instanceOf(StoreUnavailableError);
    expect(server.calls).to.deep.equal(['get']);
  });

  it('makes the edits that are in time without those that are late', async () => {
    const first = add(1);
    const second = add(2);
    clock.moveMs(BEGIN_WITHIN_MS);
    const third = add(4);
    server.beforeWrite = () => clock.moveMs(1);
    const outcomes = await Promise.allSettled([first, second, third]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(server.value).to.equal('5');
  });

  it('lets as many edits of one record wait as may wait, and refuses one more', async () => {
    const taken = Array.from({ length: EDITS_WAITING_MAX + 1 }, () => add(1));
    const [outcome] = await Promise.allSettled([add(1)]);
    expect(reasonOf(outcome)).to.be.instanceOf(StoreUnavailableError);
    await Promise.all(taken);
    expect(server.value).to.equal(String(EDITS_WAITING_MAX + 1));
  });

  it('asks for room after it looked and before it writes', async () => {
    makeRoom = async () => {
      server.calls.push('room');
      return true;
    };
    await add(101);
    expect(server.calls).to.deep.equal(['get', 'room', 'set']);
  });

  it('lets the edit decide again when there is no room', async () => {
    makeRoom = () => Promise.resolve(false);
    const answer = await editor.edit(place(), (_, hasRoom) =>
      hasRoom ? { answer: 'in', next: 101 } : { answer: 'full' },
    );
    expect(answer).to.equal('full');
    expect(server.value).to.equal(undefined);
  });

  it('is idle when no edit is under way', async () => {
    await editor.idle();
    const edits = Promise.all([add(1), add(1)]);
    await editor.idle();
    expect(server.value).to.equal('2');
    await edits;
  });

  for (const { days, exptime } of [
    { days: 29, exptime: 29 * 86_400 + 1 },
    { days: 31, exptime: 1_800_000_000 + 31 * 86_400 + 1 },
  ]) {
    it(`tells memcached to forget after ${days} days`, async () => {
      endMs = clock.nowMs() + days * 86_400_000;
      await add(1);
      expect(server.exptime).to.equal(exptime);
    });
  }

  it('tells the longest relative expiry in seconds and the next one as a time', async () => {
    endMs = clock.nowMs() + (30 * 86_400 - 1) * 1000;
    await add(1);
    expect(server.exptime).to.equal(30 * 86_400);
    endMs += 1;
    await add(1);
    expect(server.exptime).to.equal(1_800_000_000 + 30 * 86_400 + 1);
  });
});

function reasonOf(outcome: PromiseSettledResult<unknown> | undefined): unknown {
  return outcome?.status === 'rejected' ? outcome.reason : undefined;
}
